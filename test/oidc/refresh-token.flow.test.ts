import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, type TokenAnswer, Visitor } from '../support/visitor.ts';

const DAY = 86_400_000;
const offline = { scope: 'openid email offline_access', prompt: 'consent' };

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client();
  user = await latchkey.user();
});
afterEach(() => void vi.useRealTimers());
afterAll(() => latchkey.close());

const refresh = (
  token: string,
  more: Record<string, string> = {},
  who: Partial<TestClient> = client,
): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, who as TestClient, {
    grant_type: 'refresh_token',
    refresh_token: token,
    ...more,
  });
const isActive = async (token: string): Promise<unknown> =>
  (await post(`${latchkey.base}/oidc/introspect`, client, { token })).body['active'];
const travel = (milliseconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });

describe('offline_access without prompt=consent (OpenID Connect Core §11)', () => {
  const unprompted = { scope: 'openid offline_access', prompt: undefined };
  const member = { offline_access_unprompted: true };
  const native = { type: 'native', redirect_uris: ['http://127.0.0.1/cb'] };
  /** Whether a sign-in in another browser gives offline access. */
  async function granted(who: TestClient, asked: Record<string, string | undefined> = unprompted, visitor?: Visitor) {
    const tokens = await tokensFor(latchkey.base, who, user, asked, visitor);
    const isOffline = String(tokens['scope']).split(' ').includes('offline_access');
    expect(tokens.refresh_token !== undefined).toBe(isOffline);
    return isOffline;
  }

  test.each([
    ['a first-party client', { first_party: true }, true],
    ['a third-party client', {}, false],
    ['a third-party client for servers, with the member for native ones', member, false],
    [
      'a first-party client without the grant refresh_token',
      { first_party: true, grant_types: ['authorization_code'] },
      false,
    ],
    ['a native client', native, false],
    ['a native client with the member', { ...native, ...member }, true],
  ])('%s', async (_who, given, expected) => {
    expect(await granted(await latchkey.client(given))).toBe(expected);
  });

  test('the page of consent lists it exactly where it is granted', async () => {
    for (const [given, isListed] of [
      [native, false],
      [{ ...native, ...member }, true],
    ] as const) {
      const who = await latchkey.client(given);
      const visitor = new Visitor();
      await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
      const asked = { ...unprompted, code_challenge: pkce().challenge };
      const page = await visitor.open(authorizeUrl(latchkey.base, who, asked));
      expect(page.text.includes('value="allow"')).toBe(true);
      expect(page.text.includes('Stay connected when you’re away')).toBe(isListed);
    }
  });

  test('where it was consented to before, until that is withdrawn; in any browser, also silently and pushed', async () => {
    const who = await latchkey.client();
    expect(await granted(who, { scope: 'openid' })).toBe(false);
    expect(await granted(who)).toBe(false);
    expect(await granted(who, offline)).toBe(true);
    const visitor = new Visitor();
    expect(await granted(who, unprompted, visitor)).toBe(true);
    expect(await granted(who, { ...unprompted, prompt: 'none' }, visitor)).toBe(true);
    const { verifier, challenge } = pkce();
    const asked = new URL(authorizeUrl(latchkey.base, who, { ...unprompted, code_challenge: challenge })).searchParams;
    const pushed = await post(`${latchkey.base}/oidc/par`, who, Object.fromEntries(asked));
    const reference = { client_id: who.client_id, request_uri: String(pushed.body['request_uri']) };
    const back = await visitor.signIn(`${latchkey.base}/oidc/auth?${new URLSearchParams(reference).toString()}`, user);
    const exchange = { grant_type: 'authorization_code', code: back.get('code') ?? '', code_verifier: verifier };
    const answer = await post(`${latchkey.base}/oidc/token`, who, {
      ...exchange,
      redirect_uri: who.redirect_uris[0] ?? '',
    });
    expect(answer.body['scope']).toBe('openid offline_access');
    await latchkey.run('users.consents.delete', { user_id: user.id, client_id: who.client_id });
    expect(await granted(who)).toBe(false);
  });
});

describe('refresh (RFC 6749 §6, OpenID Connect Core §12)', () => {
  test('gives a new access token, a new refresh token and an ID token of the same sign-in', async () => {
    const first = await tokensFor(latchkey.base, client, user, { ...offline, max_age: '600' });
    const { status, body } = await refresh(first.refresh_token);
    expect(status).toBe(200);
    expect(body.refresh_token).not.toBe(first.refresh_token);
    expect(body.access_token).not.toBe(first.access_token);
    const [before, after] = [decodeJwt(first.id_token), decodeJwt(body.id_token)];
    expect(after).toMatchObject({ iss: before.iss, sub: before.sub, aud: before.aud, auth_time: before['auth_time'] });
    expect(before['auth_time']).toBeTypeOf('number');
    expect(after['nonce']).toBe(before['nonce']);
  });

  test('there is no refresh token without offline_access and consent (OpenID Connect Core §11)', async () => {
    const tokens = await tokensFor(latchkey.base, client, user, { scope: 'openid' });
    expect(tokens.refresh_token).toBeUndefined();
  });

  test('scopes can be narrowed and restored, but never extended (RFC 6749 §6)', async () => {
    const first = await tokensFor(latchkey.base, client, user, offline);
    const narrow = await refresh(first.refresh_token, { scope: 'openid' });
    expect(narrow.body['scope']).toBe('openid');
    const wide = await refresh(narrow.body.refresh_token, { scope: 'openid email' });
    expect(String(wide.body['scope']).split(' ').sort()).toEqual(['email', 'openid']);
    const grown = await refresh(wide.body.refresh_token, { scope: 'openid email phone' });
    expect([grown.status, grown.body.error]).toEqual([400, 'invalid_scope']);
    expect((await refresh(wide.body.refresh_token)).status).toBe(200);
  });

  test('the whole family ends when an old token is used (RFC 9700 §4.14.2)', async () => {
    const first = await tokensFor(latchkey.base, client, user, offline);
    const second = (await refresh(first.refresh_token)).body;
    const third = (await refresh(second.refresh_token)).body;
    expect(await isActive(third.access_token)).toBe(true);
    expect((await refresh(first.refresh_token)).body.error).toBe('invalid_grant');
    expect((await refresh(third.refresh_token)).body.error).toBe('invalid_grant');
    expect(await isActive(third.access_token)).toBe(false);
    expect(await isActive(first.access_token)).toBe(false);
  });

  test('without a grace at most one of twenty parallel uses wins, and its token is revoked', async () => {
    await latchkey.run('settings.update', { name: 'oidc.refreshGraceSeconds', value: '0' });
    const { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(token)));
    await latchkey.run('settings.update', { name: 'oidc.refreshGraceSeconds', value: '10' });
    const winners = answers.filter(({ status }) => status === 200);
    expect(winners.length).toBeLessThanOrEqual(1);
    for (const { body } of winners) {
      expect((await refresh(body.refresh_token)).body.error).toBe('invalid_grant');
      expect(await isActive(body.access_token)).toBe(false);
    }
  });

  test('a token is bound to its client (RFC 6749 §10.4)', async () => {
    const { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
    const evil = await latchkey.client();
    expect((await refresh(token, {}, evil)).body.error).toBe('invalid_grant');
    const pretender = { client_id: client.client_id, client_secret: '' };
    expect((await refresh(token, {}, pretender)).body.error).toBe('invalid_client');
    expect((await refresh(token)).status).toBe(200);
  });

  test.each([
    ['nothing', {}, 'invalid_request'],
    ['an empty token', { refresh_token: '' }, 'invalid_request'],
    ['made-up text', { refresh_token: 'lk_rt_made-up' }, 'invalid_grant'],
    ['5 KiB of text', { refresh_token: 'x'.repeat(5000) }, 'invalid_grant'],
    ['a NUL', { refresh_token: 'a\u0000b' }, 'invalid_request'],
  ])('%s is refused', async (_what, parameters, error) => {
    const answer = await post(`${latchkey.base}/oidc/token`, client, { grant_type: 'refresh_token', ...parameters });
    expect([answer.status, answer.body.error]).toEqual([400, error]);
  });

  test('a public client rotates too, and needs its id', async () => {
    const spa = await latchkey.client({ type: 'spa' });
    const first = await tokensFor(latchkey.base, spa, user, offline);
    const second = await refresh(first.refresh_token, {}, { client_id: spa.client_id, client_secret: '' });
    expect(second.status).toBe(200);
    travel(11_000);
    const again = await refresh(first.refresh_token, {}, { client_id: spa.client_id, client_secret: '' });
    expect(again.body.error).toBe('invalid_grant');
  });
});

describe('the lifetime of a refresh token', () => {
  test('an unused one ends after fourteen days, a used one does not', async () => {
    const [idle, used] = [
      await tokensFor(latchkey.base, client, user, offline),
      await tokensFor(latchkey.base, client, user, offline),
    ];
    travel(13 * DAY);
    const renewed = await refresh(used.refresh_token);
    expect(renewed.status).toBe(200);
    travel(2 * DAY);
    expect((await refresh(idle.refresh_token)).body.error).toBe('invalid_grant');
    expect((await refresh(renewed.body.refresh_token)).status).toBe(200);
  });

  test('no family lives longer than ninety days, however often it is used', async () => {
    let { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
    for (let day = 10; day < 90; day += 10) {
      travel(10 * DAY);
      const answer = await refresh(token);
      expect(answer.status, `after ${day} days`).toBe(200);
      token = answer.body.refresh_token;
    }
    travel(10 * DAY + 60_000);
    expect((await refresh(token)).body.error).toBe('invalid_grant');
  });

  test('the operator may shorten both', async () => {
    await latchkey.run('settings.update', { name: 'oidc.refreshIdleSeconds', value: '60' });
    const { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
    travel(75_000);
    expect((await refresh(token)).body.error).toBe('invalid_grant');
    vi.useRealTimers();
    await latchkey.run('settings.update', { name: 'oidc.refreshIdleSeconds', value: String(14 * 86_400) });
  });
});
