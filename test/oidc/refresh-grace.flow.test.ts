/** A refresh token that was used a moment ago: for a few seconds its answer is the same successor (RFC 9700 §4.14.2, RFC 6749 §6). */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, testSecrets, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { type Answer, basic, type Node, sender, startNode } from '../support/nodes.ts';
import { proofFor, proofKey } from '../support/proof.ts';
import { authorizeUrl, pkce, post, type TokenAnswer, tokensFor, Visitor } from '../support/visitor.ts';

const onServer = process.env['TEST_DATABASE_URL'] !== undefined;
const DEAD_AFTER = 5000;
const listApi = 'https://lists.example';
const otherApi = 'https://other.example';
const offline = { scope: 'openid email offline_access', prompt: 'consent' };

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
/** On PostgreSQL other processes of the product; the embedded database has one. */
let other: Node;
let renewed: Node;
beforeAll(async () => {
  latchkey = await startTestApp();
  for (const identifier of [listApi, otherApi])
    await latchkey.run('apis.create', { identifier, scopes: [{ name: 'read' }], token_format: 'opaque' });
  const apis = { [listApi]: ['*'], [otherApi]: ['*'] };
  client = await latchkey.client({ first_party: true, apis });
  user = await latchkey.user();
  const itself = sender(latchkey.base, latchkey.config.port);
  other = renewed = { send: itself.send, stop: async () => itself.close() };
  if (onServer)
    [other, renewed] = await Promise.all([
      startNode(latchkey),
      startNode(latchkey, { LATCHKEY_SECRETS: `another-secret-that-only-tests-know-02,${testSecrets}` }),
    ]);
});
afterEach(async () => {
  vi.useRealTimers();
  await settings({ 'oidc.refreshGraceSeconds': 10 });
});
afterAll(async () => {
  await Promise.all([...new Set([other, renewed])].map((node) => node.stop()));
  await latchkey.close();
});

async function settings(values: Record<string, unknown>): Promise<void> {
  for (const [name, value] of Object.entries(values))
    await latchkey.run('settings.update', { name, value: JSON.stringify(value) });
}

type Held = TokenAnswer['body'];
const begun = (who = client, extra: Record<string, string> = {}): Promise<Held> =>
  tokensFor(latchkey.base, who, user, { ...offline, ...extra });
const formOf = (token: string, more: Record<string, string> = {}) => ({
  grant_type: 'refresh_token',
  refresh_token: token,
  ...more,
});
const refresh = (token: string, more: Record<string, string> = {}, who: Partial<TestClient> = client, headers = {}) =>
  post(`${latchkey.base}/oidc/token`, who as TestClient, formOf(token, more), headers);
const refreshOn = (node: Node, token: string): Promise<Answer> =>
  node.send('/oidc/token', { form: formOf(token), headers: basic(client) });
const isActive = async (token: string, who = client): Promise<unknown> =>
  (await post(`${latchkey.base}/oidc/introspect`, who, { token })).body['active'];
const freeze = (): void => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
const pass = (milliseconds: number): void => void vi.setSystemTime(Date.now() + milliseconds);
async function reuses(): Promise<number> {
  const [row] = await latchkey.app.database.sql<{ n: number }>(
    `select count(*)::int as n from audit_record where type = 'token.reused'`,
  );
  return row?.n ?? 0;
}

async function expectDead(tokens: Held[]): Promise<void> {
  const since = performance.now();
  const left = async (): Promise<unknown[]> => {
    const asked = tokens.flatMap(({ access_token: token }) => [
      isActive(token),
      other
        .send('/oidc/introspect', { form: { token }, headers: basic(client) })
        .then(({ body }) => body['active'] === true),
    ]);
    return (await Promise.all(asked)).filter(Boolean);
  };
  while ((await left()).length > 0) expect(performance.now() - since).toBeLessThan(DEAD_AFTER);
  for (const { refresh_token: token } of tokens) {
    expect((await refresh(token)).body.error).toBe('invalid_grant');
    expect((await refreshOn(other, token)).body['error']).toBe('invalid_grant');
  }
}

describe('answers to one refresh token', () => {
  test('at the same time have one and the same successor, each an access token of its own', async () => {
    const first = await begun();
    const before = await reuses();
    const answers = await Promise.all([
      ...Array.from({ length: 12 }, () => refresh(first.refresh_token)),
      ...Array.from({ length: 12 }, () => refreshOn(other, first.refresh_token)),
    ]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const [successor, ...more] = new Set(answers.map(({ body }) => body.refresh_token));
    expect(successor).toMatch(/^lk_rt_[\w-]{43}[0-9A-Za-z]{6}$/);
    expect([successor === first.refresh_token, more]).toEqual([false, []]);
    const accessTokens = answers.map(({ body }) => body.access_token);
    expect(new Set(accessTokens).size).toBe(answers.length);
    expect(await Promise.all(accessTokens.map((token) => isActive(token)))).toEqual(accessTokens.map(() => true));
    expect(await reuses()).toBe(before);
    // The grant is one: its end ends all of them.
    await post(`${latchkey.base}/oidc/revoke`, client, { token: successor! });
    expect(await Promise.all(accessTokens.map((token) => isActive(token)))).toEqual(accessTokens.map(() => false));
  });

  test.each([
    [10, 9_900, 200],
    [10, 10_000, 400],
    [10, 10_100, 400],
    [60, 59_900, 200],
    [60, 60_100, 400],
    [1, 900, 200],
    [0, 0, 400],
  ])('with a grace of %i s, %i ms after the first one: %i', async (seconds, milliseconds, status) => {
    await settings({ 'oidc.refreshGraceSeconds': seconds });
    const first = await begun();
    freeze();
    const second = await refresh(first.refresh_token);
    const before = await reuses();
    pass(milliseconds);
    const again = await refresh(first.refresh_token);
    expect(again.status).toBe(status);
    if (status === 200) expect(again.body.refresh_token).toBe(second.body.refresh_token);
    else await expectDead([first, second.body]);
    expect(await reuses()).toBe(before + (status === 200 ? 0 : 1));
  });

  test.each<[string, number, Record<string, unknown>, boolean]>([
    ['a longer one than the setting', 10, { refresh_token_grace: 30 }, true],
    ['one where the setting is 0', 0, { refresh_token_grace: 30 }, true],
    ['none where the setting has one', 60, { refresh_token_grace: 0 }, false],
    ['the setting again', 60, { refresh_token_grace: null }, true],
  ])('a client may have %s', async (_what, refreshGraceSeconds, members, isAnswered) => {
    await settings({ 'oidc.refreshGraceSeconds': refreshGraceSeconds });
    await latchkey.run('clients.update', { client_id: client.client_id, ...members });
    const first = await begun();
    freeze();
    const second = await refresh(first.refresh_token);
    pass(25_000);
    const again = await refresh(first.refresh_token);
    await latchkey.run('clients.update', { client_id: client.client_id, refresh_token_grace: null });
    if (isAnswered) expect(again.body.refresh_token).toBe(second.body.refresh_token);
    else expect([again.status, again.body.error]).toEqual([400, 'invalid_grant']);
  });

  test('end when the client gets a FAPI profile, whose tokens are not replaced', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'a', use: 'sig', alg: 'ES256' };
    const who = await latchkey.client({
      first_party: true,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [jwk] },
      redirect_uris: ['https://app.example/cb'],
    });
    const [key, url] = [await proofKey(), `${latchkey.base}/oidc/token`];
    const sent = async (form: Record<string, string>) => {
      const assertion = await new SignJWT()
        .setProtectedHeader({ alg: 'ES256', kid: 'a' })
        .setIssuer(who.client_id)
        .setSubject(who.client_id)
        .setAudience(latchkey.base)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey);
      const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
      return fetch(url, {
        method: 'POST',
        headers: { dpop: await proofFor(key, 'POST', url) },
        body: new URLSearchParams({ ...form, client_assertion: assertion, client_assertion_type: type }),
      }).then(async (answer) => (await answer.json()) as Held);
    };
    const { verifier, challenge } = pkce();
    const asked = authorizeUrl(latchkey.base, who, { ...offline, code_challenge: challenge });
    const code = (await new Visitor().signIn(asked, user)).get('code') ?? '';
    const exchange = { grant_type: 'authorization_code', code, code_verifier: verifier };
    const first = await sent({ ...exchange, redirect_uri: who.redirect_uris[0]! });
    const second = await sent(formOf(first.refresh_token));
    expect((await sent(formOf(first.refresh_token))).refresh_token).toBe(second.refresh_token);
    await latchkey.run('clients.update', { client_id: who.client_id, profile: 'fapi2_security' });
    expect((await sent(formOf(first.refresh_token)))['error']).toBe('invalid_grant');
    expect((await sent(formOf(second.refresh_token)))['error']).toBe('invalid_grant');
  });

  test('go on until the time is over, counted from the first one', async () => {
    const first = await begun();
    freeze();
    const second = await refresh(first.refresh_token);
    for (let i = 0; i < 4; i += 1) {
      pass(2400);
      expect((await refresh(first.refresh_token)).body.refresh_token).toBe(second.body.refresh_token);
    }
    pass(500);
    expect((await refresh(first.refresh_token)).body.error).toBe('invalid_grant');
    await expectDead([first, second.body]);
  });

  test('end with the first use of the successor; after that the old token ends the family, on both nodes', async () => {
    const first = await begun();
    const second = (await refresh(first.refresh_token)).body;
    const repeated = (await refreshOn(other, first.refresh_token)).body;
    const third = (await refreshOn(other, second.refresh_token)).body;
    const before = await reuses();
    expect((await refresh(first.refresh_token)).body.error).toBe('invalid_grant');
    expect(await reuses()).toBe(before + 1);
    await expectDead([first, second, repeated, third] as Held[]);
    expect(await reuses()).toBe(before + 1);
  });

  test('a successor has a grace of its own', async () => {
    const first = await begun();
    const second = (await refresh(first.refresh_token)).body;
    const third = (await refresh(second.refresh_token)).body;
    expect((await refreshOn(other, second.refresh_token)).body.refresh_token).toBe(third.refresh_token);
    expect((await refresh(third.refresh_token)).status).toBe(200);
  });

  test('are counted: the two hundred and fifty-first waits, and the family goes on', async () => {
    const first = await begun();
    const second = await refresh(first.refresh_token);
    await latchkey.app.database.sql(`update oidc_artifact set repeats = 249 where successor_hash is not null`);
    const rows = async (): Promise<number> =>
      (await latchkey.app.database.sql(`select 1 from oidc_artifact where kind = 'AccessToken'`)).length;
    const before = await rows();
    expect((await refresh(first.refresh_token)).status).toBe(200);
    const refused = await fetch(`${latchkey.base}/oidc/token`, {
      method: 'POST',
      headers: basic(client),
      body: new URLSearchParams(formOf(first.refresh_token)),
    });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(((await refused.json()) as { error: string }).error).toBe('temporarily_unavailable');
    expect(await rows()).toBe(before + 1);
    expect((await refresh(second.body.refresh_token)).status).toBe(200);
  });

  test('know the successor that was made before the key ring changed, and after', async () => {
    const [before, after] = [await begun(), await begun()];
    const old = (await refresh(before.refresh_token)).body;
    expect((await refreshOn(renewed, before.refresh_token)).body.refresh_token).toBe(old.refresh_token);
    const renewedFirst = (await refreshOn(renewed, after.refresh_token)).body;
    if (!onServer) return;
    // This node does not know the new secret yet: it cannot name the successor, and ends nothing.
    expect(await refresh(after.refresh_token)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    const next = await refreshOn(renewed, renewedFirst.refresh_token);
    expect(next.status).toBe(200);
    expect((await refresh(next.body.refresh_token)).status).toBe(200);
  });
});

describe('an answer in the grace', () => {
  test('holds to the scope and the API of its own request', async () => {
    const first = await begun(client, { scope: 'openid email offline_access read', resource: listApi });
    const second = (await refresh(first.refresh_token)).body;
    const narrow = await refresh(first.refresh_token, { scope: 'openid' });
    expect([narrow.body['scope'], narrow.body.refresh_token]).toEqual(['openid', second.refresh_token]);
    const ofApi = await refresh(first.refresh_token, { resource: listApi });
    expect([ofApi.body['scope'], ofApi.body.refresh_token]).toEqual(['read', second.refresh_token]);
    const wide = await refresh(first.refresh_token, { scope: 'openid email phone' });
    expect(wide.body.error).toBe('invalid_scope');
    const strange = await refresh(first.refresh_token, { resource: otherApi });
    expect(strange.body.error).toBe('invalid_target');
    const whole = (await refresh(second.refresh_token)).body;
    expect(String(whole['scope']).split(' ').sort()).toEqual(['email', 'offline_access', 'openid']);
  });

  test('is for its client alone, and shows a used token to nobody else as active', async () => {
    const first = await begun();
    const second = (await refresh(first.refresh_token)).body;
    const evil = await latchkey.client({ first_party: true });
    expect((await refresh(first.refresh_token, {}, evil)).body.error).toBe('invalid_grant');
    const pretender = { client_id: client.client_id, client_secret: 'guessed' };
    expect((await refresh(first.refresh_token, {}, pretender)).body.error).toBe('invalid_client');
    expect(await isActive(first.refresh_token)).toBe(false);
    expect(await isActive(second.refresh_token)).toBe(true);
    expect((await refresh(first.refresh_token)).body.refresh_token).toBe(second.refresh_token);
  });

  test('needs the key of the token (RFC 9449 §5), and refusals end nothing', async () => {
    const spa = await latchkey.client({ type: 'spa', first_party: true });
    const [key, stranger] = [await proofKey(), await proofKey()];
    const url = `${latchkey.base}/oidc/token`;
    const proof = async (by = key) => ({ dpop: await proofFor(by, 'POST', url) });
    const { verifier, challenge } = pkce();
    const asked = authorizeUrl(latchkey.base, spa, { ...offline, code_challenge: challenge });
    const code = (await new Visitor().signIn(asked, user)).get('code') ?? '';
    const form = {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: spa.redirect_uris[0]!,
    };
    const first = (await post(url, spa, form, await proof())).body;
    const second = (await refresh(first.refresh_token, {}, spa, await proof())).body;
    for (const headers of [{}, await proof(stranger)])
      expect((await refresh(first.refresh_token, {}, spa, headers)).body.error).toBe('invalid_grant');
    const again = await refresh(first.refresh_token, {}, spa, await proof());
    expect([again.status, again.body.refresh_token]).toEqual([200, second.refresh_token]);
    expect((await refresh(second.refresh_token, {}, spa, await proof())).status).toBe(200);
  });

  test('is not given to a used code', async () => {
    const { verifier, challenge } = pkce();
    const asked = authorizeUrl(latchkey.base, client, { ...offline, code_challenge: challenge });
    const code = (await new Visitor().signIn(asked, user)).get('code') ?? '';
    const form = {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: client.redirect_uris[0]!,
    };
    const first = (await post(`${latchkey.base}/oidc/token`, client, form)).body;
    expect((await post(`${latchkey.base}/oidc/token`, client, form)).body.error).toBe('invalid_grant');
    await expectDead([first]);
  });
});
