import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { startLogoutListener, type LogoutListener } from '../support/logout-listener.ts';
import { authorizeUrl, pkce, tokensFor, Visitor } from '../support/visitor.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

// Retries wait for seconds, and a busy machine makes them minutes.
vi.setConfig({ testTimeout: 60_000 });

let latchkey: TestApp;
let rp: LogoutListener;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp({ env: { OUTBOUND_ALLOW: '127.0.0.0/8' } });
  rp = await startLogoutListener();
  user = await latchkey.user();
});
afterEach(() => {
  rp.received.length = 0;
  rp.answers.length = 0;
});
afterAll(async () => {
  await latchkey.close();
  await rp.close();
});

/** States of the notices that have not arrived. */
const noticesLeft = async ({ app }: TestApp): Promise<string[]> =>
  (
    await app.database.sql<{ state: string }>(
      `select state::text from latchkey_jobs.job where name = 'backchannel-logout' and state <> 'completed'`,
    )
  ).map(({ state }) => state);

const listening = (more: Record<string, unknown> = {}): Promise<TestClient> =>
  latchkey.client({
    backchannel_logout_uri: `${rp.url}/bye`,
    backchannel_logout_session_required: true,
    first_party: true,
    ...more,
  });

async function signOut(visitor: Visitor, idToken: string): Promise<void> {
  const page = await visitor.open(
    `${latchkey.base}/oidc/logout?${new URLSearchParams({ id_token_hint: idToken }).toString()}`,
  );
  await visitor.submit(page, {}, 'logout');
}

const verify = (token: string, client: TestClient) =>
  jwtVerify(token, createRemoteJWKSet(new URL(`${latchkey.base}/oidc/jwks`)), {
    issuer: latchkey.base,
    audience: client.client_id,
    typ: 'logout+jwt',
  });

describe('back-channel logout (OpenID Connect Back-Channel Logout 1.0)', () => {
  test('a logout token has the subject, the session and the logout event (§2.4)', async () => {
    const client = await listening();
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, client, user, {}, visitor);
    await signOut(visitor, tokens.id_token);
    await rp.waitFor(1);
    const { payload, protectedHeader } = await verify(rp.received[0]?.get('logout_token') ?? '', client);
    expect(protectedHeader.alg).toBe('RS256');
    expect(payload).toMatchObject({
      sub: user.id,
      sid: decodeJwt(tokens.id_token)['sid'],
      events: { [EVENT]: {} },
      jti: expect.stringMatching(/^[\w-]{20,}$/) as string,
    });
    expect(payload['nonce']).toBeUndefined();
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(120);
    expect(rp.headers[0]?.['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
  });

  test('a relying party that fails twice hears of it the third time, by a new token', async () => {
    rp.answers.push(500, 503);
    const client = await listening();
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, client, user, {}, visitor);
    await signOut(visitor, tokens.id_token);
    await rp.waitFor(3);
    const ids = rp.received.map((body) => decodeJwt(body.get('logout_token') ?? '').jti);
    expect(new Set(ids).size).toBe(3);
  });

  test('a redirect is not followed and counts as a failure', async () => {
    rp.answers.push(307);
    const client = await listening();
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, client, user, {}, visitor);
    await signOut(visitor, tokens.id_token);
    await rp.waitFor(2);
    expect(rp.received).toHaveLength(2);
  });

  test('every relying party of the session is notified, with its own subject and session id (§2.3)', async () => {
    const plain = await listening();
    const pairwise = await listening({ subject_type: 'pairwise' });
    const silent = await latchkey.client({ first_party: true });
    const visitor = new Visitor();
    const [first, second] = [
      await tokensFor(latchkey.base, plain, user, {}, visitor),
      await tokensFor(latchkey.base, pairwise, user, {}, visitor),
    ];
    await tokensFor(latchkey.base, silent, user, {}, visitor);
    await signOut(visitor, first.id_token);
    await rp.waitFor(2);
    const told = rp.received.map((body) => decodeJwt(body.get('logout_token') ?? ''));
    const expected = [first, second].map(({ id_token: token }) => {
      const { sub, sid, aud } = decodeJwt(token);
      return { sub, sid, aud };
    });
    expect(told.map(({ sub, sid, aud }) => ({ sub, sid, aud }))).toEqual(expect.arrayContaining(expected));
    expect(told[0]?.sub).not.toBe(told[1]?.sub);
  });

  test('the session id is omitted if the client did not request it', async () => {
    const client = await listening({ backchannel_logout_session_required: false });
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, client, user, {}, visitor);
    await signOut(visitor, tokens.id_token);
    await rp.waitFor(1);
    expect(decodeJwt(rp.received[0]?.get('logout_token') ?? '')['sid']).toBeUndefined();
  });

  test('a user who stays signed in is signed out only at the app that asked', async () => {
    const [asking, other] = [await listening(), await listening()];
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, asking, user, {}, visitor);
    await tokensFor(latchkey.base, other, user, {}, visitor);
    const page = await visitor.open(`${latchkey.base}/oidc/logout?id_token_hint=${tokens.id_token}`);
    await visitor.submit(page, {}, 'stay');
    await rp.waitFor(1);
    await vi.waitFor(async () => expect(await noticesLeft(latchkey)).toEqual([]), { timeout: 10_000 });
    expect(rp.received.map((body) => decodeJwt(body.get('logout_token') ?? '').aud)).toEqual([asking.client_id]);
  });

  test.each([
    ['sessions.end', (id: string) => ({ user_id: id, all: true })],
    ['users.disable', (id: string) => ({ user_id: id })],
  ])('is sent when %s ends the session from outside', async (command, input) => {
    const client = await listening();
    const someone = await latchkey.user();
    const tokens = await tokensFor(latchkey.base, client, someone, {});
    await latchkey.run(command, input(someone.id));
    await rp.waitFor(1);
    expect(decodeJwt(rp.received[0]?.get('logout_token') ?? '')).toMatchObject({
      sub: someone.id,
      sid: decodeJwt(tokens.id_token)['sid'],
    });
  });

  test('a private address receives no request unless the operator allows it', async () => {
    const guarded = await startTestApp();
    const client = await guarded.client({ backchannel_logout_uri: `${rp.url}/bye`, first_party: true });
    const person = await guarded.user();
    const visitor = new Visitor();
    const { challenge } = pkce();
    await visitor.signIn(authorizeUrl(guarded.base, client, { code_challenge: challenge }), person);
    const page = await visitor.open(`${guarded.base}/oidc/logout`);
    expect((await visitor.submit(page, {}, 'logout')).status).toBe(200);
    await vi.waitFor(async () => expect(await noticesLeft(guarded)).toEqual(['retry']), { timeout: 10_000 });
    expect(rp.received).toEqual([]);
    await guarded.close();
  });
});
