/** Sessions on the pages of signed-in people, and what a thief of a cookie can do. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { HOUR, MINUTE } from '#kernel/clock.ts';
import { isSignIn, prove, send, signInTo, tokenOn, travel } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let shop: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  shop = await latchkey.client({ first_party: true });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => latchkey.close());

const at = (path: string) => `${latchkey.base}${path}`;
const newPassword = 'several entirely new words 77';

function copyOf(visitor: Visitor): Visitor {
  const copy = new Visitor();
  for (const [key, cookie] of visitor.jar) copy.jar.set(key, { ...cookie });
  return copy;
}

describe('a password change', () => {
  test('ends all other sessions, refresh tokens and access tokens', async () => {
    const owner = await signInTo(latchkey);
    const thief = copyOf((await signInTo(latchkey, owner.user)).visitor);
    const tokens = await tokensFor(latchkey.base, shop, owner.user, {
      scope: 'openid offline_access',
      prompt: 'consent',
    });
    const page = await send(owner.visitor, at('/account/password'), {
      current: owner.user.password,
      password: newPassword,
    });
    expect(page.status).toBe(303);
    expect(isSignIn(await thief.open(at('/account')))).toBe(true);
    const silent = await thief.open(
      authorizeUrl(latchkey.base, shop, { code_challenge: pkce().challenge, prompt: 'none' }),
    );
    expect(new URL(silent.location ?? '').searchParams.get('error')).toBe('login_required');
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
    expect((await post(at('/oidc/token'), shop, refresh)).body.error).toBe('invalid_grant');
    const userinfo = await fetch(at('/oidc/userinfo'), { headers: { authorization: `Bearer ${tokens.access_token}` } });
    expect(userinfo.status).toBe(401);
  });

  test.each([
    ['without the current one', {}, 303],
    ['with an empty current one', { current: '' }, 303],
    ['with a list instead of it', { 'current[]': 'x' }, 400],
  ])('is refused %s', async (_what, given, status) => {
    const { visitor, user } = await signInTo(latchkey);
    const page = await send(visitor, at('/account/password'), { password: newPassword, ...given });
    expect([page.status, page.isRefused]).toEqual([status, status === 303]);
    await signInTo(latchkey, user);
  });

  test('is refused with the current one sent twice', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const url = at('/account/password');
    const csrf = await tokenOn(visitor, url);
    const body = `csrf=${csrf}&current=x&current=${encodeURIComponent(user.password)}&password=${encodeURIComponent(newPassword)}`;
    const answer = await fetch(url, {
      method: 'POST',
      body,
      redirect: 'manual',
      headers: {
        cookie: visitor.cookies(url),
        'content-type': 'application/x-www-form-urlencoded',
        origin: latchkey.base,
      },
    });
    expect(answer.status).toBe(400);
    await signInTo(latchkey, user);
  });
});

describe('a stolen session', () => {
  test('that is remembered for thirty days changes nothing sensitive', async () => {
    const visitor = new Visitor();
    const user = await latchkey.user();
    const asked = await visitor.submit(await visitor.open(at('/account')), { email: user.email });
    await visitor.submit(asked, { password: user.password, remember: '1' });
    const thief = copyOf(visitor);
    travel(10 * 24 * HOUR);
    expect((await thief.open(at('/account'))).url).toBe(at('/account'));
    for (const path of ['password', 'passkeys/new', 'authenticator', 'recovery-codes', 'data/download', 'close'])
      expect(isSignIn(await thief.open(at(`/account/${path}`))), path).toBe(true);
  });

  test('cannot reauthenticate as another user: it then becomes that user’s session', async () => {
    const [alice, mallory] = [await signInTo(latchkey), await latchkey.user()];
    const thief = copyOf(alice.visitor);
    travel(6 * MINUTE);
    const asked = await thief.open(at('/account/password'));
    const other = await thief.submit(await thief.open(asked.url.replace(/\/[^/]+$/, '/login')), {
      email: mallory.email,
    });
    const page = await thief.submit(other, { password: mallory.password });
    expect(page.text).not.toContain(alice.user.email.split('@')[0]);
  });

  test('opens no form of the session that followed it in the same browser', async () => {
    const { visitor } = await signInTo(latchkey);
    const thief = copyOf(visitor);
    const stolen = await tokenOn(thief, at('/account/profile'));
    const [key] = [...visitor.jar].find(([, { name }]) => name === 'latchkey-session') ?? [''];
    visitor.jar.delete(key);
    await prove(visitor, await visitor.open(at('/account')), await latchkey.user());
    const forged = await visitor.request(at('/account/profile'), { form: { csrf: stolen, name: 'Mallory' } });
    expect(forged.status).toBe(403);
  });
});

describe('sessions of another user', () => {
  test('are neither shown nor ended, with any id', async () => {
    const [alice, mallory] = [await signInTo(latchkey), await signInTo(latchkey)];
    const { sessions } = await latchkey.run<{ sessions: { id: string }[] }>('users.sessions.list', {
      user_id: alice.user.id,
    });
    const page = await mallory.visitor.open(at('/account/devices'));
    expect(page.text).not.toContain(sessions[0]!.id);
    const ended = await send(mallory.visitor, at('/account/devices'), { action: 'logout', device: sessions[0]!.id });
    expect(ended.status).toBe(404);
    expect((await alice.visitor.open(at('/account'))).url).toBe(at('/account'));
  });
});

describe('account pages', () => {
  test.each(['', '/profile', '/security', '/devices', '/apps', '/activity', '/data'])(
    'are neither cached nor framed: /account%s',
    async (path) => {
      const page = await (kept ??= await signInTo(latchkey)).visitor.open(at(`/account${path}`));
      expect(page.status).toBe(200);
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    },
  );
  let kept: Awaited<ReturnType<typeof signInTo>> | undefined;

  test('accept no form from another site', async () => {
    const { visitor } = await signInTo(latchkey);
    const csrf = await tokenOn(visitor, at('/account/profile'));
    for (const path of ['profile', 'devices', 'apps', 'activity/not-me', 'close', 'password', 'recovery-codes']) {
      const page = await visitor.request(at(`/account/${path}`), {
        form: { csrf, action: 'others' },
        headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      });
      expect(page.status, path).toBe(403);
    }
  });
});
