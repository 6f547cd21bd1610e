import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createLog } from '#kernel/log.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { startLogoutListener, type LogoutListener } from '../support/logout-listener.ts';
import { authorizeUrl, pkce, tokensFor, Visitor } from '../support/visitor.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

// Retries wait for seconds, and a busy machine makes them minutes.
vi.setConfig({ testTimeout: 60_000 });

const lines: Record<string, unknown>[] = [];
const recorded = createLog({
  level: 'warn',
  destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
});

let latchkey: TestApp;
let rp: LogoutListener;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp({ env: { OUTBOUND_ALLOW: '127.0.0.0/8' }, log: recorded });
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
  const left = await visitor.open(
    `${latchkey.base}/oidc/logout?${new URLSearchParams({ id_token_hint: idToken }).toString()}`,
  );
  expect(left.url).toBe(`${latchkey.base}/oidc/logout/success`);
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

  test.each([undefined, false, true])(
    'two browsers of one user: the notice names the one that signed out (§2.1, §2.4), session_required: %s',
    async (required) => {
      const client = await listening({ backchannel_logout_session_required: required });
      const [first, second] = [new Visitor(), new Visitor()];
      const sid = async (visitor: Visitor) => {
        const { id_token: token } = await tokensFor(latchkey.base, client, user, {}, visitor);
        return { token, sid: decodeJwt(token)['sid'] };
      };
      const [ended, kept] = [await sid(first), await sid(second)];
      expect(ended.sid).not.toBe(kept.sid);
      await signOut(first, ended.token);
      await rp.waitFor(1);
      expect(decodeJwt(rp.received[0]?.get('logout_token') ?? '')).toMatchObject({ sub: user.id, sid: ended.sid });
      await vi.waitFor(async () => expect(await noticesLeft(latchkey)).toEqual([]), { timeout: 60_000 });
      expect(rp.received).toHaveLength(1);
      expect(await sid(second)).toMatchObject({ sid: kept.sid });
    },
  );

  test.each([400, 401, 404, 410, 422])('%d is final, and the log names the client and its host', async (status) => {
    rp.answers.push(status);
    const client = await listening();
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, client, user, {}, visitor);
    lines.length = 0;
    await signOut(visitor, tokens.id_token);
    await vi.waitFor(async () => expect(await noticesLeft(latchkey)).toEqual([]), { timeout: 60_000 });
    expect(rp.received).toHaveLength(1);
    const host = new URL(rp.url).host;
    expect(lines).toMatchObject([{ clientId: client.client_id, host, status }]);
  });

  test.each([408, 425, 429])('%d passes: the notice is sent again', async (status) => {
    rp.answers.push(status);
    const client = await listening();
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, client, user, {}, visitor);
    await signOut(visitor, tokens.id_token);
    await rp.waitFor(2);
  });

  test('a user who stays signed in is signed out only at the app that asked', async () => {
    const [asking, other] = [await listening(), await listening()];
    const visitor = new Visitor();
    await tokensFor(latchkey.base, asking, user, {}, visitor);
    await tokensFor(latchkey.base, other, user, {}, visitor);
    const page = await visitor.open(`${latchkey.base}/oidc/logout?client_id=${asking.client_id}`);
    await visitor.submit(page, {}, 'stay');
    await rp.waitFor(1);
    await vi.waitFor(async () => expect(await noticesLeft(latchkey)).toEqual([]), { timeout: 60_000 });
    expect(rp.received.map((body) => decodeJwt(body.get('logout_token') ?? '').aud)).toEqual([asking.client_id]);
  });

  test.each([
    ['users.sessions.end_all', (id: string) => ({ user_id: id })],
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
    await vi.waitFor(async () => expect(await noticesLeft(guarded)).toEqual(['retry']), { timeout: 60_000 });
    expect(rp.received).toEqual([]);
    await guarded.close();
  });
});
