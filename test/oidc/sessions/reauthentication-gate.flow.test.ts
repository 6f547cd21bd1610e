import { generateSync } from 'otplib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE, SECOND } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { formsOf, type Page, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => latchkey.close());

const at = (path: string) => `${latchkey.base}${path}`;
const travel = (milliseconds: number) =>
  vi.useFakeTimers({ toFake: ['Date'], now: performance.timeOrigin + performance.now() + milliseconds });
const heading = ({ text }: Page) => /<h1[^>]*>(?:<bdi>)?([^<]*)/.exec(text)?.[1];
const isReproved = ({ url }: Page) => url.includes('/interaction/');
const isSignIn = ({ url }: Page) => /\/interaction\/[\w-]+\/\w+$/.test(url);

/** From wherever the sign-in asks to the page behind it. */
async function prove(visitor: Visitor, page: Page, { email, password }: TestUser): Promise<Page> {
  let next = page;
  if ('email' in (formsOf(next)[0]?.fields ?? {}) && !('password' in (formsOf(next)[0]?.fields ?? {})))
    next = await visitor.submit(next, { email });
  return visitor.submit(next, { password });
}
async function signedIn(user?: TestUser): Promise<{ visitor: Visitor; user: TestUser; page: Page }> {
  const [visitor, person] = [new Visitor(), user ?? (await latchkey.user())];
  const page = await prove(visitor, await visitor.open(at('/account')), person);
  return { visitor, user: person, page };
}

describe('a page of ours for signed-in users', () => {
  test('sends a visitor without a session to the sign-in, and back to the same page', async () => {
    const [visitor, user] = [new Visitor(), await latchkey.user()];
    const asked = await visitor.open(at('/account/activity?before=x'));
    expect(isSignIn(asked)).toBe(true);
    const page = await prove(visitor, asked, user);
    expect([page.status, page.url]).toEqual([200, at('/account/activity?before=x')]);
  });

  test('needs no consent: the pages are first-party', async () => {
    const { page } = await signedIn();
    expect([page.status, page.url]).toEqual([200, at('/account')]);
  });

  test('shows each browser its own user, and with another’s cookies the other user', async () => {
    const [alice, bob] = [await signedIn(), await signedIn()];
    expect(alice.page.text).toContain(alice.user.email.split('@')[0]);
    expect(alice.page.text).not.toContain(bob.user.email.split('@')[0]);
    const swapped = new Visitor();
    for (const [key, cookie] of bob.visitor.jar) swapped.jar.set(key, cookie);
    expect((await swapped.open(at('/account'))).text).toContain(bob.user.email.split('@')[0]);
  });

  test('closes at once when the session ended elsewhere', async () => {
    const { visitor, user } = await signedIn();
    expect((await visitor.open(at('/account/devices'))).status).toBe(200);
    await latchkey.run('users.sessions.end_all', { user_id: user.id });
    expect(isSignIn(await visitor.open(at('/account/devices')))).toBe(true);
  });

  test('closes when the account is disabled, and stays closed afterwards', async () => {
    const { visitor, user } = await signedIn();
    await latchkey.run('users.disable', { user_id: user.id });
    expect(isSignIn(await visitor.open(at('/account')))).toBe(true);
    await latchkey.run('users.enable', { user_id: user.id });
    expect(isSignIn(await visitor.open(at('/account')))).toBe(true);
  });

  test('restarts the idle time of the session, and ends with its absolute time', async () => {
    const { visitor } = await signedIn();
    for (const minutes of [50, 100, 150]) {
      travel(minutes * MINUTE);
      expect((await visitor.open(at('/account'))).url).toBe(at('/account'));
    }
    travel(211 * MINUTE);
    expect(isSignIn(await visitor.open(at('/account')))).toBe(true);
  });

  test('gives scripts a status instead of a redirect', async () => {
    const { visitor } = await signedIn();
    const script = { headers: { 'sec-fetch-dest': 'empty', accept: 'application/json' } };
    const stranger = await new Visitor().request(at('/account/password'), script);
    expect([stranger.status, JSON.parse(stranger.text).code]).toEqual([401, 'sessions.sign_in_required']);
    travel(6 * MINUTE);
    const late = await visitor.request(at('/account/password'), script);
    expect([late.status, JSON.parse(late.text).code]).toEqual([403, 'sessions.reauth_required']);
  });
});

describe('a page that requires a sign-in within the last five minutes', () => {
  test('opens right after the sign-in, and after six minutes asks for the password, of the same user', async () => {
    const { visitor, user } = await signedIn();
    expect(heading(await visitor.open(at('/account/password')))).toBe('Change password');
    travel(6 * MINUTE);
    expect((await visitor.open(at('/account/devices'))).status).toBe(200);
    const asked = await visitor.open(at('/account/password'));
    expect(isSignIn(asked)).toBe(true);
    expect(formsOf(asked)[0]?.fields['email']).toBe(user.email);
    const page = await prove(visitor, asked, user);
    expect([page.status, page.url]).toEqual([200, at('/account/password')]);
  });

  test('ignores a form that arrives too late, and says so on its page', async () => {
    const { visitor, user } = await signedIn();
    const page = await visitor.open(at('/account/password'));
    travel(6 * MINUTE);
    const asked = await visitor.submit(page, { current: user.password, password: 'entirely new words 42 here' });
    expect(isSignIn(asked)).toBe(true);
    const back = await prove(visitor, asked, user);
    expect(back.url).toBe(at('/account/password?again'));
    expect(back.text).toContain('Your change wasn’t saved yet');
    expect((await signedIn(user)).page.status).toBe(200);
  });

  test('requires both factors from a user who has two', async () => {
    const { visitor, user } = await signedIn();
    const offer = await visitor.open(at('/account/authenticator'));
    const secret = /id="totp-key" value="([^"]+)"/.exec(offer.text)?.[1]?.replaceAll(' ', '') ?? '';
    const code = (later = 0) => generateSync({ secret, epoch: Math.floor(Date.now() / SECOND) + later });
    const confirmed = await visitor.submit(offer, { code: code() }, 'confirm');
    expect(confirmed.url).toBe(at('/account/recovery-codes/show'));
    // The session is of the password alone, however fresh: from now on that is not enough.
    const asked = await visitor.open(at('/account/password'));
    expect(asked.url).toMatch(/\/second-factor\b/);
    const page = await visitor.submit(asked, { code: code(30) });
    expect([page.status, page.url]).toEqual([200, at('/account/password')]);
    travel(6 * MINUTE);
    const again = await visitor.open(at('/account/recovery-codes'));
    const second = await prove(visitor, again, user);
    expect(second.url).toMatch(/\/second-factor\b/);
  });

  test('counts a second factor that was added a moment ago for recovery codes, in its session and for nothing else', async () => {
    const { visitor, user } = await signedIn();
    const elsewhere = await signedIn(user);
    const offer = await visitor.open(at('/account/authenticator'));
    const secret = /id="totp-key" value="([^"]+)"/.exec(offer.text)?.[1]?.replaceAll(' ', '') ?? '';
    const code = generateSync({ secret, epoch: Math.floor(Date.now() / SECOND) });
    await visitor.submit(offer, { code }, 'confirm');
    const made = await visitor.submit(await visitor.open(at('/account/recovery-codes')), {});
    expect(made.url).toBe(at('/account/recovery-codes/show'));
    const others = ['password', 'authenticator', 'passkeys/new', 'close', 'data/download'];
    for (const path of others) expect(isReproved(await visitor.open(at(`/account/${path}`))), path).toBe(true);
    expect(isReproved(await elsewhere.visitor.open(at('/account/recovery-codes')))).toBe(true);
    travel(6 * MINUTE);
    expect(isReproved(await visitor.open(at('/account/recovery-codes')))).toBe(true);
  });
});

describe('a page for administrators', () => {
  const preview = () => at('/branding/preview');
  async function administrator() {
    const person = await signedIn();
    await latchkey.app.database.sql('update users set is_administrator = true where email = $1', [person.user.email]);
    return person;
  }

  test('is refused to other users', async () => {
    const { visitor } = await signedIn();
    expect((await visitor.open(preview())).status).toBe(403);
  });

  test('asks again after a quarter of an hour without use of it, even in an active browser', async () => {
    const { visitor, user } = await administrator();
    expect((await visitor.open(preview())).status).toBe(200);
    travel(10 * MINUTE);
    expect((await visitor.open(preview())).url).toBe(preview());
    for (const minutes of [15, 20, 24]) {
      travel(minutes * MINUTE);
      expect((await visitor.open(at('/account'))).url).toBe(at('/account'));
    }
    travel(26 * MINUTE);
    const asked = await visitor.open(preview());
    expect(isSignIn(asked)).toBe(true);
    expect((await prove(visitor, asked, user)).url).toBe(preview());
  });

  test('asks again after twelve hours, even in use', async () => {
    const { visitor } = await administrator();
    for (let minutes = 10; minutes < 12 * 60; minutes += 10) {
      travel(minutes * MINUTE);
      expect((await visitor.request(preview())).status).toBe(200);
    }
    travel((12 * 60 + 1) * MINUTE);
    expect(isSignIn(await visitor.open(preview()))).toBe(true);
  });
});

describe('the return from a sign-in', () => {
  test.each([
    ['a foreign address', 'https://evil.example/'],
    ['a foreign address without its scheme', '//evil.example/'],
    ['a path that nobody signed', Buffer.from('/account/close').toString('base64url')],
    ['nothing', ''],
  ])('leads to the overview when the state is %s', async (_what, state) => {
    const { visitor } = await signedIn();
    const page = await visitor.request(at(`/session/return?state=${encodeURIComponent(state)}&code=x`));
    expect([page.status, page.location]).toEqual([303, at('/account')]);
  });

  test('is useless in another browser, and after a quarter of an hour', async () => {
    const visitor = new Visitor();
    const started = await visitor.request(at('/account/devices'));
    const state = new URL(started.location ?? '').searchParams.get('state') ?? '';
    const back = (who: Visitor) => who.request(at(`/session/return?state=${state}&code=x`));
    expect((await back(visitor)).location).toBe(at('/account/devices'));
    expect((await back(new Visitor())).location).toBe(at('/account'));
    expect((await visitor.request(at(`/session/return?state=${state.replace(/^./, 'A')}`))).location).toBe(
      at('/account'),
    );
    travel(16 * MINUTE);
    expect((await back(visitor)).location).toBe(at('/account'));
  });

  test('reports errors of the sign-in', async () => {
    const page = await new Visitor().request(at('/session/return?error=access_denied&state=x'));
    expect(page.status).toBe(403);
  });
});

describe('the client of our own pages', () => {
  test('is in no list, cannot be created again, and its codes cannot be redeemed by others', async () => {
    const { clients } = await latchkey.run<{ clients: { client_id: string }[] }>('clients.list');
    expect(clients.map(({ client_id: id }) => id)).not.toContain('latchkey-pages');
    await expect(latchkey.run('clients.delete', { client_id: 'latchkey-pages' })).rejects.toThrow('not_found');
    await expect(latchkey.client({ client_id: 'latchkey-pages' })).rejects.toThrow('client_id_taken');
  });

  test('redirects to its own address only', async () => {
    const parameters = new URLSearchParams({
      client_id: 'latchkey-pages',
      redirect_uri: 'https://evil.example/',
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'a'.repeat(43),
      code_challenge_method: 'S256',
    });
    const page = await new Visitor().request(at(`/oidc/auth?${parameters.toString()}`));
    expect([page.status, page.location]).toEqual([400, null]);
  });
});

describe('a form of a signed-in user', () => {
  test('is refused without its token, with a token of another session in the same browser, and of another browser', async () => {
    const { visitor } = await signedIn();
    const send = (who: Visitor, csrf: string) =>
      who.request(at('/account/profile'), { form: { csrf, name: 'Mallory', action: 'continue' } });
    const tokenOf = async (who: Visitor) => formsOf(await who.open(at('/account/profile')))[0]?.fields['csrf'] ?? '';
    const old = await tokenOf(visitor);
    expect((await send(visitor, '')).status).toBe(403);
    expect((await send(visitor, await tokenOf((await signedIn()).visitor))).status).toBe(403);
    const [key] = [...visitor.jar].find(([, { name }]) => name === 'latchkey-session') ?? [''];
    visitor.jar.delete(key);
    await prove(visitor, await visitor.open(at('/account')), await latchkey.user());
    expect((await send(visitor, old)).status).toBe(403);
    expect((await send(visitor, await tokenOf(visitor))).status).toBe(303);
  });
});
