import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
const HOUR = 3600;
const DAY = 24 * HOUR;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());
afterEach(() => vi.useRealTimers());

const url = (extra: Record<string, string | undefined> = {}, of = client): string =>
  authorizeUrl(latchkey.base, of, { code_challenge: pkce().challenge, ...extra });
const at = (seconds: number): void =>
  void vi.useFakeTimers({
    toFake: ['Date'],
    now: new Date(performance.timeOrigin + performance.now() + seconds * 1000),
  });
/** A browser drops a cookie when it says so; this one only looks at the request. */
const isSignedIn = async (visitor: Visitor): Promise<boolean> => {
  const page = await visitor.request(url({ prompt: 'none' }));
  return new URL(page.location ?? 'x:').searchParams.has('code');
};

async function signIn({ remember = false, visitor = new Visitor() } = {}): Promise<Visitor> {
  const password = await visitor.submit(await visitor.open(url({ prompt: 'login' })), { email: user.email });
  const back = await visitor.submit(password, { password: user.password, ...(remember ? { remember: 'on' } : {}) });
  expect(back.location).toContain('code=');
  return visitor;
}

describe('the lifetime of a session (settings session.*)', () => {
  test('an hour without use ends it', async () => {
    const visitor = await signIn();
    at(HOUR - 60);
    expect(await isSignedIn(visitor)).toBe(true);
    const idle = await signIn();
    at(2 * HOUR + 60);
    expect(await isSignedIn(idle)).toBe(false);
  });

  test('use keeps it active, for a day and no longer', async () => {
    const visitor = await signIn();
    for (let hours = 0.75; hours < 23.9; hours += 0.75) {
      at(hours * HOUR);
      expect([hours, await isSignedIn(visitor)]).toEqual([hours, true]);
    }
    at(DAY + 60);
    expect(await isSignedIn(visitor)).toBe(false);
  });

  test('a user who stays signed in has thirty days, and no longer', async () => {
    const visitor = await signIn({ remember: true });
    at(29 * DAY);
    expect(await isSignedIn(visitor)).toBe(true);
    at(30 * DAY + 60);
    expect(await isSignedIn(visitor)).toBe(false);
  });

  test.each([true, false])('the last sign-in decides whether the browser is remembered: %s', async (remember) => {
    const visitor = await signIn({ remember: !remember });
    await visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'logout');
    expect(await isSignedIn(visitor)).toBe(false);
    await signIn({ remember, visitor });
    expect(await isSignedIn(visitor)).toBe(true);
    at(3 * DAY);
    expect(await isSignedIn(visitor)).toBe(remember);
  });

  test.each([true, false])('a user who proves again who they are keeps the session as it is: %s', async (remember) => {
    const visitor = await signIn({ remember });
    const asked = await visitor.submit(await visitor.open(url({ prompt: 'login' })), { email: user.email });
    expect(asked.text).not.toContain('name="remember"');
    expect((await visitor.submit(asked, { password: user.password })).location).toContain('code=');
    at(3 * DAY);
    expect(await isSignedIn(visitor)).toBe(remember);
  });

  test('a session that is not remembered ends with the browser', async () => {
    const lines: string[] = [];
    for (const remember of [false, true]) {
      const visitor = new Visitor();
      let page: Page = await visitor.submit(await visitor.open(url()), { email: user.email });
      const [form] = formsOf(page);
      page = await visitor.request(form?.action ?? '', {
        form: { ...form?.fields, password: user.password, action: 'continue', ...(remember ? { remember: 'on' } : {}) },
      });
      while (page.location?.startsWith(latchkey.base)) page = await visitor.request(page.location);
      lines.push(page.headers.getSetCookie().find((line) => line.startsWith('latchkey-session=')) ?? '');
    }
    expect(lines[0]).not.toMatch(/expires|max-age/i);
    expect(lines[1]).toMatch(/expires=/i);
    for (const line of lines) expect(line).toMatch(/HttpOnly/i);
    for (const line of lines) expect(line).toMatch(/SameSite=Lax/i);
  });

  test('a changed policy applies to open sessions', async () => {
    const visitor = await signIn();
    await latchkey.run('settings.update', { name: 'session.absoluteSeconds', value: '600' });
    expect(await isSignedIn(visitor)).toBe(true);
    at(700);
    const isOver = !(await isSignedIn(visitor));
    await latchkey.run('settings.update', { name: 'session.absoluteSeconds', value: 'null' });
    expect(isOver).toBe(true);
  });
});

describe('the cookie of a session', () => {
  test('has another value after each sign-in (ASVS 7.2.4)', async () => {
    const visitor = await signIn();
    const before = visitor.jar.get('/ latchkey-session')?.value;
    await visitor.signIn(url({ prompt: 'login' }), user);
    expect(visitor.jar.get('/ latchkey-session')?.value).not.toBe(before);
  });

  test('that is old, altered or invented signs no user in', async () => {
    const visitor = await signIn();
    const key = '/ latchkey-session';
    const old = visitor.jar.get(key);
    await visitor.signIn(url({ prompt: 'login' }), user);
    const current = visitor.jar.get(key);
    if (!old || !current) throw new Error('no session cookie');
    for (const value of [old.value, `${current.value}x`, 'made-up', '']) {
      visitor.jar.set(key, { ...current, value });
      expect(await isSignedIn(visitor)).toBe(false);
    }
  });
});

describe('two tabs of one browser', () => {
  test('each ends with its own response, whichever is first', async () => {
    const visitor = new Visitor();
    const [one, two] = [await visitor.open(url({ state: 'one' })), await visitor.open(url({ state: 'two' }))];
    const finish = async (page: Page): Promise<string | null> => {
      const back = await visitor.submit(await visitor.submit(page, { email: user.email }), { password: user.password });
      return new URL(back.location ?? 'x:').searchParams.get('state');
    };
    expect([await finish(two), await finish(one)]).toEqual(['two', 'one']);
  });

  test('a response cannot be given twice', async () => {
    const visitor = new Visitor();
    const page = await visitor.submit(await visitor.open(url()), { email: user.email });
    const [form] = formsOf(page);
    expect((await visitor.submit(page, { password: user.password })).location).toContain('code=');
    const again = await visitor.open(form?.action ?? '', { ...form?.fields, password: user.password });
    expect(again.status).toBe(410);
    expect(again.text).toContain('This sign-in is complete. You’re signed in here as');
  });

  test('the address of a sign-in is useless in another browser', async () => {
    const page = await new Visitor().open(url());
    const stranger = await new Visitor().open(page.url);
    expect([stranger.status, stranger.text.includes('started in another browser')]).toEqual([410, true]);
  });

  test('an unfinished sign-in ends after a quarter of an hour', async () => {
    const visitor = new Visitor();
    const page = await visitor.open(url());
    at(16 * 60);
    const late = await visitor.open(page.url);
    expect([late.status, late.text.includes('This sign-in has expired')]).toEqual([410, true]);
  });
});

describe('unfinished sign-ins', () => {
  test('are at most 25 in one browser: the oldest are dropped, the last one works', async () => {
    const visitor = new Visitor();
    const begun: string[] = [];
    for (let n = 0; n < 30; n += 1) begun.push((await visitor.request(url())).location ?? '');
    const statuses = await Promise.all([0, 4, 5, 29].map(async (n) => (await visitor.open(begun[n] ?? '')).status));
    expect(statuses).toEqual([410, 410, 200, 200]);
    expect((await visitor.signIn(begun[29] ?? '', user)).get('code')).toMatch(/^lk_ac_/);
  });
});

describe('offline_access (OpenID Connect Core §11)', () => {
  const tokens = (extra: Record<string, string | undefined>, of = client) => tokensFor(latchkey.base, of, user, extra);

  test('with prompt=consent it gives a refresh token', async () => {
    expect((await tokens({ scope: 'openid offline_access', prompt: 'consent' })).refresh_token).toMatch(/^lk_rt_/);
  });

  test.each([
    { scope: 'openid offline_access' },
    { scope: 'openid offline_access', prompt: 'login' },
    { scope: 'openid' },
    { scope: 'openid', prompt: 'consent' },
  ])('%j of a third-party client gives none', async (extra) => {
    const answer = await tokens(extra, await latchkey.client());
    expect(answer.refresh_token).toBeUndefined();
    expect(String(answer['scope'])).not.toContain('offline_access');
  });

  test('a client that may not refresh gets no refresh token', async () => {
    const plain = await latchkey.client({ first_party: true, grant_types: ['authorization_code'] });
    expect((await tokens({ scope: 'openid offline_access', prompt: 'consent' }, plain)).refresh_token).toBeUndefined();
  });

  test('it outlives the session, other tokens need not', async () => {
    const { refresh_token } = await tokens({ scope: 'openid offline_access', prompt: 'consent' });
    at(2 * DAY);
    const answer = await post(`${latchkey.base}/oidc/token`, client, { grant_type: 'refresh_token', refresh_token });
    expect(answer.status).toBe(200);
    expect(decodeJwt(answer.body.id_token).sub).toBe(user.id);
  });
});

describe('third-party-initiated login (OpenID Connect Core §4)', () => {
  test('a client names the page where its sign-in begins, which starts an ordinary request', async () => {
    const begun = await latchkey.client({ first_party: true, initiate_login_uri: 'https://rp.example/start' });
    expect(begun['initiate_login_uri']).toBe('https://rp.example/start');
    const page = await new Visitor().open(url({ login_hint: user.email, state: 'begun' }, begun));
    expect(formsOf(page)[0]?.fields['email']).toBe(user.email);
  });

  test.each(['http://rp.example/start', 'javascript:alert(1)', 'https://user@rp.example/', '/start', ''])(
    '%j is not such an address',
    async (initiate_login_uri) => {
      await expect(latchkey.client({ initiate_login_uri })).rejects.toThrow('initiate_login_uri');
    },
  );
});
