/** A refresh token that was used a moment ago: copies of it, storms of it, and acts between its first answer and the next one. */
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '#kernel/crypto.ts';
import { mark } from '../../../src/oidc/artifacts/token-marks.ts';
import { startTestApp, testSecrets, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { post, type TokenAnswer, tokensFor, Visitor } from '../../support/visitor.ts';

const offline = { scope: 'openid email offline_access', prompt: 'consent' };
const listApi = 'https://lists.example';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  await latchkey.run('apis.create', { identifier: listApi, scopes: [{ name: 'read' }], token_format: 'jwt' });
  client = await latchkey.client();
  user = await latchkey.user();
});
afterEach(() => latchkey.app.database.sql('drop trigger if exists refusing on oidc_artifact'));
afterAll(() => latchkey.close());

type Held = TokenAnswer['body'];
type Family = { client: TestClient; user: TestUser; visitor: Visitor; first: Held; second: Held };

const refresh = (token: string, who: Partial<TestClient> = client, more = {}): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, who as TestClient, {
    grant_type: 'refresh_token',
    refresh_token: token,
    ...more,
  });
const isActive = async (token: string, who = client): Promise<unknown> =>
  (await post(`${latchkey.base}/oidc/introspect`, who, { token })).body['active'];

/** A family whose first refresh token was used a moment ago. */
async function family(who = client, whose = user): Promise<Family> {
  const visitor = new Visitor();
  const first = await tokensFor(latchkey.base, who, whose, offline, visitor);
  return { client: who, user: whose, visitor, first, second: (await refresh(first.refresh_token, who)).body };
}

async function recorded(): Promise<number> {
  const rows = await latchkey.app.database.sql(`select 1 from audit_record where type = 'token.reused'`);
  return rows.length;
}

/** Refresh tokens of a grant that can still be used. */
async function leaves({ first }: Family, more: readonly string[]): Promise<number> {
  const hashes = [first.refresh_token, ...more].map((token) => sha256(token));
  const rows = await latchkey.app.database.sql(
    `select 1 from oidc_artifact a join oidc_artifact g on g.id_hash = a.grant_hash and g.kind = 'Grant' and g.revoked_at is null
     where a.kind = 'RefreshToken' and a.consumed_at is null and a.grant_hash in (select grant_hash from oidc_artifact where id_hash = any($1))`,
    [hashes],
  );
  return rows.length;
}

describe('a storm', () => {
  test.each([
    ['a token and its successor', 1],
    ['three generations', 2],
  ])('of %s leaves one living token, or none and no access', async (_what, generations) => {
    for (let round = 0; round < 6; round += 1) {
      const held = await family();
      const third = generations > 1 ? (await refresh(held.second.refresh_token)).body : null;
      const shown = [held.first, held.second, ...(third ? [third] : [])].map((tokens) => tokens.refresh_token);
      const answers = await Promise.all(Array.from({ length: 24 }, (_, n) => refresh(shown[n % shown.length]!)));
      const given = answers.filter(({ status }) => status === 200).map(({ body }) => body);
      const refused = answers.filter(({ status }) => status !== 200);
      expect(new Set(refused.map(({ body }) => body.error))).toEqual(
        new Set(refused.length > 0 ? ['invalid_grant'] : []),
      );
      const tokens = [...new Set([...shown, ...given.map((body) => body.refresh_token)])];
      // Each token has one successor: no second branch.
      expect(tokens.length).toBeLessThanOrEqual(shown.length + 1);
      expect(await leaves(held, tokens)).toBe(refused.length > 0 ? 0 : 1);
      if (refused.length === 0) continue;
      const access = [held.first, held.second, ...given].map((body) => body.access_token);
      expect((await Promise.all(access.map((token) => isActive(token)))).filter(Boolean)).toEqual([]);
      for (const token of tokens) expect((await refresh(token)).body.error).toBe('invalid_grant');
    }
  });

  test('of a token whose successor was used is recorded once, and gives nothing', async () => {
    const { first, second } = await family();
    const third = (await refresh(second.refresh_token)).body;
    const before = await recorded();
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(first.refresh_token)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.error}`))).toEqual(
      new Set(['400 invalid_grant']),
    );
    expect(await recorded()).toBe(before + 1);
    expect((await refresh(third.refresh_token)).body.error).toBe('invalid_grant');
  });
});

describe('two who have one token', () => {
  test('get the same successor, and the second use of that one ends the family of both', async () => {
    const { first, second } = await family();
    const stolen = (await refresh(first.refresh_token)).body;
    expect(stolen.refresh_token).toBe(second.refresh_token);
    const third = (await refresh(stolen.refresh_token)).body;
    const fourth = (await refresh(third.refresh_token)).body;
    expect((await refresh(second.refresh_token)).body.error).toBe('invalid_grant');
    for (const { access_token: token } of [first, second, stolen, third, fourth])
      expect(await isActive(token)).toBe(false);
    expect((await refresh(fourth.refresh_token)).body.error).toBe('invalid_grant');
  });

  test.each<[string, (held: Family) => Promise<TokenAnswer>, string]>([
    [
      'shown by another client',
      async ({ second }) => refresh(second.refresh_token, await latchkey.client()),
      'invalid_grant',
    ],
    [
      'with a wrong secret',
      ({ second }) => refresh(second.refresh_token, { ...client, client_secret: 'x' }),
      'invalid_client',
    ],
    [
      'with more scope',
      ({ second }) => refresh(second.refresh_token, client, { scope: 'openid phone' }),
      'invalid_scope',
    ],
    [
      'for an API that is not its own',
      ({ second }) => refresh(second.refresh_token, client, { resource: listApi }),
      'invalid_target',
    ],
  ])('a successor that is refused, %s, is not used by that', async (_how, show, error) => {
    const held = await family();
    expect((await show(held)).body.error).toBe(error);
    const again = await refresh(held.first.refresh_token);
    expect([again.status, again.body.refresh_token]).toEqual([200, held.second.refresh_token]);
    expect((await refresh(held.second.refresh_token)).status).toBe(200);
  });

  test('nothing but the key ring makes a successor, and its hash is none', async () => {
    const { first, second } = await family();
    const token = first.refresh_token;
    const guesses = [
      ...['', testSecrets, token, client.client_secret].map((key) => createHmac('sha256', key).update(token).digest()),
      sha256(token),
      sha256(second.refresh_token),
    ].map((bytes) => mark('RefreshToken', bytes.toString('base64url')));
    for (const guess of guesses) expect((await refresh(guess)).body.error).toBe('invalid_grant');
    expect((await refresh(second.refresh_token)).status).toBe(200);
  });
});

const own = async (): Promise<Family> => family(await latchkey.client(), await latchkey.user());
const id = ({ client: { client_id } }: Family) => ({ client_id });

describe('after the first answer', () => {
  test.each<[string, (held: Family) => Promise<unknown>, string]>([
    [
      'the user is disabled',
      ({ user: { id: user_id } }) => latchkey.run('users.disable', { user_id }),
      'invalid_grant',
    ],
    [
      'all sessions are ended',
      ({ user: { id: user_id } }) => latchkey.run('users.sessions.end_all', { user_id }),
      'invalid_grant',
    ],
    [
      'the consent is withdrawn',
      (held) => latchkey.run('users.consents.delete', { user_id: held.user.id, ...id(held) }),
      'invalid_grant',
    ],
    ['the client is disabled', (held) => latchkey.run('clients.disable', id(held)), 'invalid_client'],
    [
      'the client may not refresh any more',
      (held) => latchkey.run('clients.update', { ...id(held), grant_types: ['authorization_code'] }),
      'invalid_request',
    ],
    [
      'the client loses offline_access',
      (held) => latchkey.run('clients.update', { ...id(held), scope: 'openid email' }),
      'invalid_grant',
    ],
    [
      'the client revokes the token that it used',
      ({ client: who, first }) => post(`${latchkey.base}/oidc/revoke`, who, { token: first.refresh_token }),
      'invalid_grant',
    ],
    [
      'the client revokes the successor',
      ({ client: who, second }) => post(`${latchkey.base}/oidc/revoke`, who, { token: second.refresh_token }),
      'invalid_grant',
    ],
    [
      'the client revokes the access token of the answer',
      ({ client: who, second }) => post(`${latchkey.base}/oidc/revoke`, who, { token: second.access_token }),
      'invalid_grant',
    ],
  ])('%s: there is no other one', async (_what, act, error) => {
    const held = await own();
    await act(held);
    const answers = [
      await refresh(held.first.refresh_token, held.client),
      await refresh(held.second.refresh_token, held.client),
    ];
    expect(answers.map(({ body }) => [body.error, body.access_token])).toEqual([
      [error, undefined],
      [error, undefined],
    ]);
  });

  test.each<[string, (held: Family) => Promise<unknown>]>([
    ['the user is disabled', ({ user: { id: user_id } }) => latchkey.run('users.disable', { user_id })],
    [
      'the client revokes the successor',
      ({ client: who, second }) => post(`${latchkey.base}/oidc/revoke`, who, { token: second.refresh_token }),
    ],
  ])('%s at the same time: what was answered works no longer', async (_what, act) => {
    for (let round = 0; round < 3; round += 1) {
      const held = await own();
      const storm = Array.from({ length: 10 }, () => refresh(held.first.refresh_token, held.client));
      const [answers] = await Promise.all([Promise.all(storm), act(held)]);
      const given = answers.filter(({ status }) => status === 200).map(({ body }) => body);
      for (const { access_token: token } of given) expect(await isActive(token, held.client)).toBe(false);
      expect((await refresh(held.second.refresh_token, held.client)).body.error).toBe('invalid_grant');
      expect((await refresh(held.first.refresh_token, held.client)).body.error).toBe('invalid_grant');
    }
  });

  test('an operator who takes the grace away takes it from what was used before', async () => {
    const held = await own();
    await latchkey.run('settings.update', { name: 'oidc.refreshGraceSeconds', value: '0' });
    expect((await refresh(held.first.refresh_token, held.client)).body.error).toBe('invalid_grant');
    await latchkey.run('settings.update', { name: 'oidc.refreshGraceSeconds', value: '10' });
    expect((await refresh(held.second.refresh_token, held.client)).body.error).toBe('invalid_grant');
  });

  test('an access token that cannot be stored is not given, and the next request gets one', async () => {
    const { first, second } = await family();
    await latchkey.app.database.sql(`create or replace function refusing_fn() returns trigger as $$ begin
      if new.kind = 'AccessToken' then raise exception 'no room' using errcode = '53100'; end if; return new; end; $$ language plpgsql`);
    await latchkey.app.database.sql(
      'create trigger refusing before insert on oidc_artifact for each row execute function refusing_fn()',
    );
    const answer = await refresh(first.refresh_token);
    expect([answer.status >= 500, answer.body.access_token]).toEqual([true, undefined]);
    await latchkey.app.database.sql('drop trigger refusing on oidc_artifact');
    expect((await refresh(first.refresh_token)).body.refresh_token).toBe(second.refresh_token);
  });
});
