/** Tokens of a provider that a connection keeps: how they are handed out and refreshed, and what removes them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fromUuid } from '#kernel/ids.ts';
import { signInTo } from '../../support/account.ts';
import { type Federation, someone, startFederation } from '../../support/federation.ts';
import { newcomer } from '../../support/registration.ts';
import { formsOf, type Visitor } from '../../support/visitor.ts';

type Given = Record<string, unknown>;

let it: Federation;
/** The members of the next answers of the token endpoint. */
let tokens: Given;
/** The answer to a refresh token. */
let refreshed: { status?: number; json: Given };
const refreshTokens: string[] = [];

beforeAll(async () => {
  it = await startFederation();
  await it.latchkey.run('connections.update', { connection: 'acme', stores_tokens: true, links_by_email: true });
  const endpoint = `${it.upstream.url}/token`;
  const signIn = it.upstream.answers[endpoint] as (asked: unknown) => Promise<{ json: Given }>;
  it.upstream.answers[endpoint] = async (asked) => {
    if (asked.body.get('grant_type') === 'refresh_token') {
      refreshTokens.push(asked.body.get('refresh_token') ?? '');
      return refreshed;
    }
    const { json } = await signIn(asked);
    return { json: { ...json, ...tokens } };
  };
});
afterAll(() => it.close());
beforeEach(() => {
  tokens = { access_token: 'access-1', refresh_token: 'refresh-1', scope: 'openid calendar' };
  refreshed = {
    json: { access_token: 'access-2', token_type: 'bearer', expires_in: 3600, refresh_token: 'refresh-2' },
  };
  refreshTokens.length = 0;
});

async function signIn(person: Given, visitor = newcomer()): Promise<Visitor> {
  it.tell(person);
  expect((await it.pass(visitor, await it.begin(visitor))).location).toContain('code=');
  return visitor;
}

async function userOf(subject: string): Promise<string> {
  const text = 'select user_id from user_identity where subject = $1';
  const [row] = await it.latchkey.app.database.sql<{ user_id: string }>(text, [subject]);
  return fromUuid('usr', row!.user_id);
}

async function fetchToken({ sub }: { sub: string }): Promise<Given> {
  const asked = { user_id: await userOf(sub), connection: 'acme' };
  try {
    return await it.latchkey.run<Given>('users.identities.fetch_token', asked);
  } catch (error) {
    return { error: /connections\.\w+/.exec(String(error))?.[0] };
  }
}

const sealedOf = async ({ sub }: { sub: string }) => {
  const text = 'select sealed_tokens from user_identity where subject = $1';
  return (await it.latchkey.app.database.sql<{ sealed_tokens: string | null }>(text, [sub]))[0]!.sealed_tokens;
};
const none = { error: 'connections.no_token' };

describe('a token of the provider', () => {
  test('is handed out as it is while it is valid, kept encrypted, with an event', async () => {
    const person = someone();
    await signIn(person);
    expect(await fetchToken(person)).toEqual({
      access_token: 'access-1',
      token_type: 'bearer',
      expires_at: expect.stringMatching(/Z$/),
      scope: 'openid calendar',
    });
    expect(await sealedOf(person)).not.toMatch(/access-1|refresh-1/);
    const events = await it.latchkey.app.database.sql(
      `select details from audit_record where type = 'user.upstream_token_fetched' and subject_id = $1`,
      [await userOf(person.sub)],
    );
    expect(events).toEqual([{ details: { connection: 'acme' } }]);
    await it.latchkey.run('keys.reencrypt');
    expect(await fetchToken(person)).toMatchObject({ access_token: 'access-1' });
  });

  test('is refreshed once for all who ask, and the new ones take its place', async () => {
    const person = someone();
    tokens = { ...tokens, expires_in: 30 };
    await signIn(person);
    const answers = await Promise.all(Array.from({ length: 5 }, () => fetchToken(person)));
    expect(answers.map((answer) => answer['access_token'])).toEqual(Array.from({ length: 5 }, () => 'access-2'));
    expect(answers[0]).toMatchObject({ scope: 'openid calendar' });
    expect(refreshTokens).toEqual(['refresh-1']);
  });

  test('that the provider refreshes no more is gone', async () => {
    const person = someone();
    tokens = { ...tokens, expires_in: 1 };
    await signIn(person);
    refreshed = { status: 400, json: { error: 'invalid_grant' } };
    expect(await fetchToken(person)).toEqual(none);
    expect(await sealedOf(person)).toBeNull();
  });

  test('stays while the provider does not answer', async () => {
    const person = someone();
    tokens = { ...tokens, expires_in: 1 };
    await signIn(person);
    refreshed = { status: 500, json: { error: 'server_error' } };
    expect(await fetchToken(person)).toEqual({ error: 'connections.unreachable' });
    refreshed = { json: { access_token: 'access-3', token_type: 'bearer', expires_in: 1 } };
    expect(await fetchToken(person)).toMatchObject({ access_token: 'access-3' });
    await fetchToken(person);
    // RFC 6749 §6: without a new refresh token the old one stays.
    expect(refreshTokens).toEqual(['refresh-1', 'refresh-1', 'refresh-1']);
  });

  test('that turns out to be of another user is gone', async () => {
    const person = someone();
    tokens = { ...tokens, expires_in: 1 };
    await signIn(person);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: it.upstream.url, aud: 'latchkey', iat: now, exp: now + 60, sub: 'another' };
    refreshed = { json: { ...refreshed.json, id_token: await it.upstream.sign(claims) } };
    expect(await fetchToken(person)).toEqual(none);
    expect(await sealedOf(person)).toBeNull();
  });

  test('without a refresh token is over when it has expired', async () => {
    const person = someone();
    tokens = { access_token: 'access-1', expires_in: 1 };
    await signIn(person);
    expect(await fetchToken(person)).toEqual(none);
  });
});

describe('tokens are kept', () => {
  test('of an identity that waited for its account', async () => {
    const person = someone({ email_verified: false });
    const visitor = newcomer();
    it.tell(person);
    const form = await it.pass(visitor, await it.begin(visitor));
    const check = await visitor.submit(form, { name: person.name, email: person.email });
    const done = await visitor.submit(check, { code: (await it.mails.next(person.email)).code });
    expect(done.location).toContain('code=');
    expect(await fetchToken(person)).toMatchObject({ access_token: 'access-1' });
    const left = await it.latchkey.app.database.sql(
      'select 1 from upstream_session where subject = $1 and sealed_tokens is not null',
      [person.sub],
    );
    expect(left).toEqual([]);
  });

  test('of an identity that its user linked, until it is unlinked', async () => {
    const { visitor } = await signInTo(it.latchkey);
    const [person, page] = [someone(), `${it.latchkey.base}/account/linked-accounts`];
    it.tell(person);
    const form = formsOf(await visitor.open(page)).find(({ action }) => action.endsWith('/link'))!;
    const away = await visitor.request(form.action, { form: { ...form.fields, connection: 'acme' } });
    expect((await visitor.open(it.callback(away))).url).toContain('done=linked');
    const asked = { user_id: await userOf(person.sub), connection: 'acme', subject: person.sub };
    expect(await it.latchkey.run('users.identities.fetch_token', asked)).toMatchObject({ access_token: 'access-1' });
    await visitor.submit(await visitor.open(page), {}, 'remove');
    await expect(it.latchkey.run('users.identities.fetch_token', asked)).rejects.toThrow(none.error);
  });

  test.each([{ enabled: false }, { stores_tokens: false }])('not by a connection after %j', async (change) => {
    const person = someone();
    await signIn(person);
    await it.latchkey.run('connections.update', { connection: 'acme', ...change });
    expect(await fetchToken(person)).toEqual(none);
    expect(await sealedOf(person)).toBeNull();
    await it.latchkey.run('connections.update', { connection: 'acme', enabled: true, stores_tokens: true });
    expect(await fetchToken(person)).toEqual(none);
  });

  test('by no connection that does not say so', async () => {
    await it.connect('plain');
    const [person, visitor] = [someone(), newcomer()];
    it.tell(person);
    await it.pass(visitor, await it.begin(visitor), 'plain');
    expect(await sealedOf(person)).toBeNull();
  });
});
