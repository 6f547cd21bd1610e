import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE, SECOND } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.passwordFailuresPerAddress': 10_000 } });
  client = await latchkey.client();
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const request = (extra = {}) => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const words = (page: Page) => page.text.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');

async function atPassword(visitor: Visitor, email: string): Promise<Page> {
  return visitor.submit(await visitor.open(request()), { email });
}

describe('the email page', () => {
  test.each([
    ['nothing', '', 'Enter'],
    ['no address', 'ada at example', 'name@example.com'],
    ['two addresses', 'a@x.example,b@x.example', 'name@example.com'],
    ['a quoted local part', '"a b"@x.example', 'name@example.com'],
  ])('refuses %s, gives advice and shows it again', async (_what, email, hint) => {
    const visitor = new Visitor();
    const page = await visitor.submit(await visitor.open(request()), { email });
    expect(page.isRefused).toBe(true);
    expect(words(page)).toContain(hint);
    expect(formsOf(page)[0]?.fields['email']).toBe(email);
  });

  test('has the login_hint filled in', async () => {
    const page = await new Visitor().open(request({ login_hint: user.email }));
    expect(formsOf(page)[0]?.fields['email']).toBe(user.email);
  });

  test('is followed by the password page also for an unknown address', async () => {
    const page = await atPassword(new Visitor(), 'nobody@example.com');
    expect(page.status).toBe(200);
    expect(Object.keys(formsOf(page)[0]?.fields ?? {})).toContain('password');
  });
});

describe('the password page', () => {
  test('never shows a password again', async () => {
    const visitor = new Visitor();
    const page = await visitor.submit(await atPassword(visitor, user.email), { password: 'my secret guess' });
    expect(page.isRefused).toBe(true);
    expect(page.text).not.toContain('my secret guess');
  });

  test.each([
    ['a known', () => user.email],
    ['an unknown', () => 'nobody@example.com'],
  ])('has the focus in its field, and offers to create an account, for %s address', async (_what, email) => {
    const page = await atPassword(new Visitor(), email());
    expect(page.text).toMatch(/<input[^>]* id="password"[^>]* autofocus/);
    expect(page.text).toMatch(/href="\/interaction\/[\w-]+\/create"/);
    expect(page.text).toMatch(/data-reveal="password" aria-pressed="false"/);
  });

  test('says one error once, at the field, which has the focus', async () => {
    const visitor = new Visitor();
    const page = await visitor.submit(await atPassword(visitor, user.email), { password: 'not the right one' });
    expect(page.text.match(/ id="password-error"/g)).toHaveLength(1);
    expect(page.text).toMatch(/<input[^>]* id="password"[^>]* autofocus aria-invalid="true"/);
    expect(page.text).not.toContain('class="notice"');
  });

  test('redirects to the email page without an address', async () => {
    const visitor = new Visitor();
    const { url } = await visitor.open(request());
    const page = await visitor.open(url.replace(/login$/, 'password'));
    expect(new URL(page.url).pathname).toMatch(/\/login$/);
  });

  test('is useless without the cookie of the browser that began', async () => {
    const visitor = new Visitor();
    const page = await atPassword(visitor, user.email);
    const stranger = await new Visitor().open(page.url);
    expect(stranger.status).toBe(410);
    const stolen = new Visitor();
    for (const [key, cookie] of visitor.jar) if (cookie.name.includes('csrf')) stolen.jar.set(key, cookie);
    expect((await stolen.submit(page, { password: user.password })).status).toBe(410);
  });

  test('refuses a form without its token, and changes nothing', async () => {
    const visitor = new Visitor();
    const page = await atPassword(visitor, user.email);
    const refused = await visitor.open(page.url, { password: user.password, action: 'continue' });
    expect(refused.status).toBe(403);
    expect((await visitor.submit(page, { password: user.password })).status).not.toBe(403);
  });
});

describe('a user who mistypes', () => {
  test('waits after five wrong passwords, and can sign in after the pause', async () => {
    const person = await latchkey.user();
    const visitor = new Visitor();
    let page = await atPassword(visitor, person.email);
    for (let i = 0; i < 5; i += 1) page = await visitor.submit(page, { password: `wrong ${i}` });
    page = await visitor.submit(page, { password: person.password });
    expect(page.isRefused).toBe(true);
    expect(words(page)).toMatch(/30 seconds|locked/);
    vi.useFakeTimers({ toFake: ['Date'], now: performance.timeOrigin + performance.now() + 31 * SECOND });
    try {
      const retry = await visitor.open(page.url);
      expect((await visitor.submit(retry, { password: person.password })).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  test('cannot be locked out by an attacker in a known browser', async () => {
    const person = await latchkey.user();
    const owner = new Visitor();
    await owner.signIn(request(), person);
    const stranger = new Visitor();
    let page = await atPassword(stranger, person.email);
    for (let i = 0; i < 6; i += 1) page = await stranger.submit(page, { password: `guess ${i}` });
    expect(formsOf(page)).toEqual([]);
    const known = new Visitor();
    for (const [key, cookie] of owner.jar) if (cookie.name.includes('device')) known.jar.set(key, cookie);
    expect((await known.signIn(request({ prompt: 'login consent' }), person)).get('code')).toMatch(/^lk_ac_/);
    await expect(new Visitor().signIn(request(), person)).rejects.toThrow('refused');
  });

  test('whose password manager enters another address is asked for that account’s password', async () => {
    const [person, other] = [await latchkey.user(), await latchkey.user()];
    const visitor = new Visitor();
    const page = await atPassword(visitor, person.email);
    const next = await visitor.submit(page, { email: other.email, password: person.password });
    expect(formsOf(next)[0]?.fields['email']).toBe(other.email);
    expect((await visitor.submit(next, { password: 'not the password' })).isRefused).toBe(true);
    expect((await visitor.submit(next, { password: other.password })).status).toBe(200);
  });

  test('starts from zero after a right password', async () => {
    const person = await latchkey.user();
    for (let round = 0; round < 3; round += 1) {
      const visitor = new Visitor();
      let page = await atPassword(visitor, person.email);
      for (let i = 0; i < 3; i += 1) page = await visitor.submit(page, { password: `wrong ${i}` });
      page = await visitor.submit(page, { password: person.password });
      expect(page.status).toBe(200);
    }
  });

  test('is counted by IP address over all accounts', async () => {
    const strict = await startTestApp({ settings: { 'limits.passwordFailuresPerAddress': 6 } });
    try {
      const shop = await strict.client();
      const statuses: string[] = [];
      for (let i = 0; i < 8; i += 1) {
        const visitor = new Visitor({ 'x-forwarded-for': `203.0.113.${i}` });
        const page = await visitor.submit(
          await visitor.open(authorizeUrl(strict.base, shop, { code_challenge: pkce().challenge })),
          { email: `spray${i}@example.com` },
        );
        statuses.push(
          words(await visitor.submit(page, { password: 'Winter2026Winter2026' })).includes('minute')
            ? 'throttled'
            : 'wrong',
        );
      }
      expect(statuses).toEqual([...Array<string>(6).fill('wrong'), 'throttled', 'throttled']);
    } finally {
      await strict.close();
    }
  });
});

describe('a refused user', () => {
  test('sees the same for a disabled account as for a wrong password', async () => {
    const person = await latchkey.user({ email: 'disabled-tax@example.com' });
    await latchkey.run('users.disable', { user_id: person.id });
    const answers = await Promise.all(
      [person.email, 'disabled-tea@example.com'].map(async (email) => {
        const visitor = new Visitor();
        const page = await visitor.submit(await atPassword(visitor, email), { password: person.password });
        return {
          isRefused: page.isRefused,
          words: words(page).replaceAll(email.slice(0, email.indexOf('@')), '(name)'),
        };
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.isRefused).toBe(true);
  });

  test('causes an event without the password', async () => {
    const visitor = new Visitor();
    await visitor.submit(await atPassword(visitor, user.email), { password: 'canary-of-a-password' });
    const [event] = await latchkey.app.database.sql<{ details: unknown; outcome: string; ip: string }>(
      `select details, outcome, ip from audit_record where type = 'user.sign_in_failed' order by at desc, id desc limit 1`,
    );
    expect(event?.outcome).toBe('failure');
    expect(event?.ip).toBe('127.0.0.1');
    expect(JSON.stringify(event?.details)).not.toContain('canary');
  });
});

test('an unfinished sign-in ends after a quarter of an hour', async () => {
  const visitor = new Visitor();
  const page = await atPassword(visitor, user.email);
  vi.useFakeTimers({ toFake: ['Date'], now: performance.timeOrigin + performance.now() + 16 * MINUTE });
  try {
    const late = await visitor.submit(page, { password: user.password });
    expect(late.status).toBe(410);
    expect(words(late)).toMatch(/over|expired|again/i);
  } finally {
    vi.useRealTimers();
  }
});

describe('a user who proves again who they are', () => {
  afterEach(() => void vi.useRealTimers());

  async function signedIn(): Promise<Visitor> {
    const visitor = new Visitor();
    await visitor.submit(await atPassword(visitor, user.email), { password: user.password, remember: '1' });
    return visitor;
  }

  test('learns for which application, and may cancel', async () => {
    const visitor = await signedIn();
    const page = await visitor.open(request({ prompt: 'login' }));
    expect(words(page)).toContain('Confirm it’s you to continue to');
    expect(page.text).not.toContain('name="remember"');
    expect(page.text).not.toContain('/create"');
    const cancelled = await visitor.submit(page, {}, 'cancel');
    expect(cancelled.location).toContain('error=access_denied');
    // The session is as it was.
    expect((await visitor.open(request({ prompt: 'none' }))).location).not.toContain('login_required');
  });

  test.each([
    ['/account/password', 'Confirm it’s you to open your security settings'],
    ['/account/data/download', 'Confirm it’s you to open your data and activity'],
    ['/account/emails/change', 'Confirm it’s you to change your account'],
  ])('learns why before %s, and stays signed in for as long as before', async (path, reason) => {
    const visitor = await signedIn();
    const lasting = async () =>
      latchkey.app.database.sql(
        `select 1 from oidc_artifact where kind = 'Session' and revoked_at is null and payload->>'accountId' = $1
         and payload->>'transient' is null`,
        [user.id],
      );
    const before = await lasting();
    expect(before.length).toBeGreaterThan(0);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * MINUTE });
    const page = await visitor.open(`${latchkey.base}${path}`);
    expect(words(page)).toContain(reason);
    expect(page.text).not.toContain('name="remember"');
    expect(page.text).toMatch(/<a class="btn quiet full" href="\/account">Cancel<\/a>/);
    const back = await visitor.submit(page, { password: user.password });
    expect(new URL(back.url).pathname).toBe(path);
    expect(await lasting()).toHaveLength(before.length);
  });

  test('cannot be cancelled where nobody is asked again', async () => {
    const visitor = new Visitor();
    const page = await atPassword(visitor, user.email);
    const fields = { csrf: formsOf(page)[0]!.fields['csrf']!, action: 'cancel' };
    const answer = await visitor.open(page.url.replace(/\/\w+$/, '/cancel'), fields);
    expect(answer.location ?? answer.url).not.toContain('error=');
  });
});
