import { errors } from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const grantTypes = ['authorization_code', 'refresh_token', DEVICE];
const offline = { scope: 'openid offline_access', prompt: 'consent' };

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'oidc.refreshGraceSeconds': 0 } });
  client = await latchkey.client({ first_party: true, grant_types: grantTypes });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const recorded = (type: string) =>
  latchkey.app.database.sql(
    'select actor_type, actor_id, subject_id, client_id, outcome, ip from audit_record where type = $1 and (subject_id = $2 or client_id = $3) order by at, id',
    [type, user.id, client.client_id],
  );
const refresh = (token: string) =>
  post(`${latchkey.base}/oidc/token`, client, { grant_type: 'refresh_token', refresh_token: token });
type Exchange = Readonly<Record<string, string>>;

async function codeExchange(): Promise<Exchange> {
  const { verifier, challenge } = pkce();
  const answer = await new Visitor().signIn(authorizeUrl(latchkey.base, client, { code_challenge: challenge }), user);
  return {
    grant_type: 'authorization_code',
    code: answer.get('code') ?? '',
    redirect_uri: client.redirect_uris[0] ?? '',
    code_verifier: verifier,
  };
}

async function refreshExchange(): Promise<Exchange> {
  const { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
  return { grant_type: 'refresh_token', refresh_token: token };
}

async function deviceExchange(): Promise<Exchange> {
  const asked = await post(`${latchkey.base}/oidc/device/auth`, client, { scope: 'openid' });
  const { device_code: code, user_code: userCode } = asked.body as unknown as Exchange;
  const visitor = new Visitor();
  await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
  const entered = await visitor.submit(await visitor.open(`${latchkey.base}/oidc/device`), {
    user_code: userCode ?? '',
  });
  await visitor.submit(entered, {}, 'confirm');
  return { grant_type: DEVICE, device_code: code ?? '' };
}

const detailsOfLast = async (type: string): Promise<unknown> => {
  const [row] = await latchkey.app.database.sql<{ details: unknown }>(
    'select details from audit_record where type = $1 order by at desc, id desc limit 1',
    [type],
  );
  return row?.details;
};

/** Takes away what the engine says to the log about a refused exchange. */
function wordless(): { restore(): void } {
  const { prototype } = errors.InvalidGrant;
  Object.defineProperty(prototype, 'error_detail', {
    configurable: true,
    get: () => 'no',
    set() {},
  });
  return { restore: () => void Reflect.deleteProperty(prototype, 'error_detail') };
}

const byClient = (outcome: string) => ({
  actor_type: 'client',
  actor_id: client.client_id,
  subject_id: user.id,
  client_id: client.client_id,
  outcome,
  ip: '127.0.0.1',
});

describe('the audit log contains', () => {
  test('the reuse of a refresh token, once', async () => {
    const before = (await recorded('token.reused')).length;
    const { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
    await refresh(token);
    expect(await recorded('token.reused')).toHaveLength(before);
    for (let i = 0; i < 3; i += 1) await refresh(token);
    await Promise.all(Array.from({ length: 3 }, () => refresh(token)));
    const after = await recorded('token.reused');
    expect(after).toHaveLength(before + 1);
    expect(after.at(-1)).toEqual(byClient('failure'));
  });

  const twice: readonly (readonly [title: string, grantType: string, exchange: () => Promise<Exchange>])[] = [
    ['a code', 'authorization_code', codeExchange],
    ['a refresh token', 'refresh_token', refreshExchange],
    ['a device code', DEVICE, deviceExchange],
  ];
  describe.each(twice)('the second use of %s', (_title, grantType, exchange) => {
    test.each([
      ['after the first', false],
      ['at the same time', true],
    ])('%s, independently of the words of the engine', async (_when, isRace) => {
      const form = await exchange();
      const before = (await recorded('token.reused')).length;
      const spoken = wordless();
      const send = () => post(`${latchkey.base}/oidc/token`, client, form);
      const answers = isRace
        ? await Promise.all(Array.from({ length: 5 }, send))
        : [await send(), ...(await Promise.all(Array.from({ length: 4 }, send)))];
      spoken.restore();
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400]));
      const after = await recorded('token.reused');
      expect(after).toHaveLength(before + 1);
      expect(after.at(-1)).toEqual(byClient('failure'));
      expect(await detailsOfLast('token.reused')).toEqual({ grant_type: grantType });
    });

    test('only when its own client sends it', async () => {
      const form = await exchange();
      await post(`${latchkey.base}/oidc/token`, client, form);
      const before = (await recorded('token.reused')).length;
      const other = await latchkey.client({ grant_types: grantTypes });
      const answer = await post(`${latchkey.base}/oidc/token`, other, form);
      expect(answer.status).toBe(400);
      expect(await recorded('token.reused')).toHaveLength(before);
    });
  });

  test('no reuse when a code is refused for another reason', async () => {
    const form = await codeExchange();
    const before = (await recorded('token.reused')).length;
    await post(`${latchkey.base}/oidc/token`, client, { ...form, code_verifier: 'x'.repeat(43) });
    expect(await recorded('token.reused')).toHaveLength(before);
  });

  test('the revocation of a refresh token by its client, but not by another client', async () => {
    const evil = await latchkey.client();
    const { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
    await post(`${latchkey.base}/oidc/revoke`, evil, { token });
    expect(await recorded('token.revoked')).toEqual([]);
    await post(`${latchkey.base}/oidc/revoke`, client, { token });
    expect(await recorded('token.revoked')).toEqual([byClient('success')]);
  });

  test('a sign-out, but not a user who stays', async () => {
    const visitor = new Visitor();
    await tokensFor(latchkey.base, client, user, {}, visitor);
    await visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'stay');
    expect(await recorded('session.ended')).toEqual([]);
    await visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'logout');
    expect(await recorded('session.ended')).toMatchObject([
      { actor_type: 'user', actor_id: user.id, outcome: 'success' },
    ]);
  });
});

test('a valid chain', async () => {
  expect(await latchkey.run('audit.verify')).toMatchObject({ intact: true });
});
