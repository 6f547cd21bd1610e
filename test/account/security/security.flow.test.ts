import { generateSync } from 'otplib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE, SECOND } from '#kernel/clock.ts';
import { eventsOf, isSignIn, prove, send, type SignedInVisitor, signInTo, travel } from '../../support/account.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { optionsOn } from '../../support/passkey-visits.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const at = (path: string) => `${latchkey.base}${path}`;
const newPassword = 'several entirely new words 77';
const code = (secret: string, later = 0) => generateSync({ secret, epoch: Math.floor(Date.now() / SECOND) + later });
const secretOn = ({ text }: Page): string => /id="totp-key" value="([^"]+)"/.exec(text)?.[1]?.replaceAll(' ', '') ?? '';

/** With a passkey, on its page; the session has been proved by it, so that everything is open. */
async function withPasskey(person: SignedInVisitor): Promise<{ authenticator: Authenticator; page: Page }> {
  const authenticator = new Authenticator();
  const asked = await person.visitor.open(at('/account/passkeys/new'));
  const credential = authenticator.create(optionsOn(asked), latchkey.base);
  const added = await person.visitor.submit(asked, { credential });
  expect(added.url).toBe(at('/account/security?done=saved'));
  const path = /\/account\/passkeys\/psk_\w+/.exec(added.text)?.[0] ?? '';
  // A user with a passkey must use it before a change of passkeys.
  const page = await byPasskey(person, authenticator, await person.visitor.open(at(path)));
  expect(page.url).toBe(at(path));
  return { authenticator, page };
}
async function byPasskey({ visitor }: SignedInVisitor, authenticator: Authenticator, page: Page): Promise<Page> {
  return visitor.submit(page, { credential: authenticator.get(optionsOn(page), latchkey.base) });
}

describe('the addresses that password managers look for', () => {
  test('lead to the page that changes a password', async () => {
    const answer = await new Visitor().request(at('/.well-known/change-password'));
    expect([answer.status, answer.location]).toEqual([302, at('/account/password')]);
  });

  test('name the pages for passkeys, for programs of any origin, unless passkeys are off', async () => {
    const asked = () => fetch(at('/.well-known/passkey-endpoints'));
    const answer = await asked();
    expect([answer.status, answer.headers.get('cross-origin-resource-policy')]).toEqual([200, 'cross-origin']);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual({ enroll: at('/account/passkeys/new'), manage: at('/account/security') });
    await latchkey.run('settings.update', { name: 'passkeys.enabled', value: 'false' });
    expect((await asked()).status).toBe(404);
    await latchkey.run('settings.update', { name: 'passkeys.enabled', value: 'true' });
  });

  test('are few: any other is none', async () => {
    const nothing = 'resource-that-should-not-exist-whose-status-code-should-not-be-200';
    expect((await fetch(at(`/.well-known/${nothing}`))).status).toBe(404);
  });
});

describe('the account page', () => {
  test('offers phone numbers only where text messages are on', async () => {
    const { visitor } = await signInTo(latchkey);
    expect((await visitor.open(at('/account'))).text).not.toContain('/account/phones');
  });
});

describe('the password', () => {
  test('is changed with the current one, ends the sessions of other browsers, and notifies the owner', async () => {
    const here = await signInTo(latchkey);
    const there = await signInTo(latchkey, here.user);
    const page = await send(here.visitor, at('/account/password'), {
      current: here.user.password,
      password: newPassword,
    });
    expect(page.location).toBe(at('/account/security?done=saved'));
    expect((await here.visitor.open(at('/account'))).status).toBe(200);
    expect(isSignIn(await there.visitor.open(at('/account')))).toBe(true);
    expect(await eventsOf(latchkey, here.user)).toContain('user.password_changed');
    const mail = await mails.next(here.user.email, /password was changed/);
    expect(mail.text).toContain(at('/recovery'));
    await signInTo(latchkey, { ...here.user, password: newPassword });
  });

  test.each([
    ['nothing', '', newPassword, 'Enter your current password'],
    ['a wrong current one', 'wrong horse battery', newPassword, 'That is not your current password'],
    ['nothing new', 'current', '', 'Choose a password'],
    ['one that is too short', 'current', 'short', '15'],
    ['the same again', 'current', 'current', 'password'],
  ])('is not changed by %s', async (_what, current, next, text) => {
    const { visitor, user } = await signInTo(latchkey);
    const typed = (value: string) => (value === 'current' ? user.password : value);
    const sent = await send(visitor, at('/account/password'), { current: typed(current), password: typed(next) });
    const page = await visitor.follow(sent);
    expect(page.isRefused).toBe(true);
    expect(page.text).toContain(text);
    for (const secret of [user.password, newPassword]) expect(page.text).not.toContain(secret);
    await signInTo(latchkey, user);
  });

  test('shares its counter with the sign-in in the same browser: guesses here slow it there', async () => {
    const { visitor, user } = await signInTo(latchkey);
    let page = await visitor.open(at('/account/password'));
    for (let guess = 0; guess < 6; guess += 1)
      page = await visitor.submit(page, { current: `guess number ${guess} of many`, password: newPassword });
    expect(page.text).toContain('Password sign-in is paused');
    const right = await visitor.submit(await visitor.open(at('/account/password')), {
      current: user.password,
      password: newPassword,
    });
    expect(right.isRefused).toBe(true);
    const client = await latchkey.client({ first_party: true });
    const url = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'login' });
    const there = await prove(visitor, await visitor.open(url), user);
    expect(there.text).toContain('Password sign-in is paused');
  });

  test('can be changed while an attacker guesses it in another browser', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const stranger = new Visitor();
    let page = await stranger.open(at('/account'));
    for (let guess = 0; guess < 6; guess += 1) {
      page = await prove(stranger, page, { ...user, password: `guess number ${guess} of many` });
      if (formsOf(page).length === 0) break;
    }
    expect(page.text).toContain('Password sign-in is paused');
    const form = { current: user.password, password: newPassword };
    expect((await send(visitor, at('/account/password'), form)).location).toContain('done=saved');
  });

  test('can be set by a user without one, and removed when a passkey exists', async () => {
    const person = await signInTo(latchkey);
    expect((await person.visitor.open(at('/account/password'))).text).not.toContain('Remove password');
    // Without a passkey nobody is left without a password.
    expect((await send(person.visitor, at('/account/password/remove'))).location).toBe(at('/account/password'));
    await withPasskey(person);
    expect((await send(person.visitor, at('/account/password/remove'))).location).toContain('done=removed');
    await mails.next(person.user.email, /password .* was removed/);
    const page = await person.visitor.open(at('/account/password'));
    expect(page.text).toContain('Set a password');
    expect(page.text).not.toContain('name="current"');
    expect((await send(person.visitor, at('/account/password'), { password: newPassword })).location).toContain(
      'done=saved',
    );
    await mails.next(person.user.email, /password was set/);
    const again = new Visitor();
    const signedIn = await prove(again, await again.open(at('/account')), { ...person.user, password: newPassword });
    expect(signedIn.status).toBe(200);
  });
});

describe('a passkey', () => {
  test('is added, named and removed by its owner, who is notified', async () => {
    const person = await signInTo(latchkey);
    const { page } = await withPasskey(person);
    await mails.next(person.user.email, /passkey/i);
    const renamed = await person.visitor.submit(page, { name: 'My <laptop>' }, 'continue');
    expect(renamed.text).toContain('My &lt;laptop&gt;');
    expect(renamed.text).toContain('data-passkey-signal="accepted"');
    const removed = await person.visitor.submit(await person.visitor.open(page.url), {}, 'remove');
    expect(removed.url).toContain('done=removed');
    expect(removed.text).not.toContain('My &lt;laptop&gt;');
    await mails.next(person.user.email, /passkey/i);
  });

  test('is not visible to another user', async () => {
    const [alice, mallory] = [await signInTo(latchkey), await signInTo(latchkey)];
    const { page } = await withPasskey(alice);
    expect((await mallory.visitor.open(page.url)).status).toBe(404);
    for (const action of ['continue', 'remove'])
      expect((await send(mallory.visitor, page.url, { action, name: 'mine' })).status).toBe(404);
    expect((await alice.visitor.open(page.url)).status).toBe(200);
  });

  test('is not added by a response to another user’s challenge, or to none', async () => {
    const [alice, mallory] = [await signInTo(latchkey), await signInTo(latchkey)];
    const asked = await alice.visitor.open(at('/account/passkeys/new'));
    const credential = new Authenticator().create(optionsOn(asked), latchkey.base);
    const page = await send(mallory.visitor, at('/account/passkeys/new'), { credential, failure: '' });
    expect(page.isRefused).toBe(true);
    expect((await mallory.visitor.open(at('/account/security'))).text).not.toContain('/account/passkeys/psk_');
  });

  test.each(['cancelled', 'exists', 'unsupported'])(
    'shows the reason if the browser creates none (%s)',
    async (failure) => {
      const { visitor } = await signInTo(latchkey);
      const page = await visitor.follow(await send(visitor, at('/account/passkeys/new'), { failure }));
      expect(page.isRefused).toBe(true);
      expect(page.text).toContain('role="alert"');
    },
  );
});

describe('the authenticator app and recovery codes', () => {
  /** Two factors: everything is open for five minutes. */
  async function withApp(): Promise<SignedInVisitor & { secret: string }> {
    const person = await signInTo(latchkey);
    const offer = await person.visitor.open(at('/account/authenticator'));
    const secret = secretOn(offer);
    await person.visitor.submit(offer, { code: code(secret) }, 'confirm');
    const asked = await person.visitor.open(at('/account/authenticator'));
    await person.visitor.submit(asked, { code: code(secret, 30) });
    return { ...person, secret };
  }

  test('the app is added with a code, shown, replaced and removed; the owner is notified', async () => {
    const { visitor, user, secret } = await withApp();
    await mails.next(user.email, /authenticator/i);
    expect((await visitor.open(at('/account/security'))).text).toContain('data-tone="ok">On');
    const page = await visitor.open(at('/account/authenticator'));
    expect(page.text).not.toContain(secret);
    const removed = await visitor.submit(page, {}, 'remove');
    expect(removed.url).toBe(at('/account/security?done=removed'));
    await mails.next(user.email, /authenticator/i);
    expect(await eventsOf(latchkey, user)).toEqual(expect.arrayContaining(['user.totp_added', 'user.totp_removed']));
  });

  test('a wrong code adds no app', async () => {
    const { visitor } = await signInTo(latchkey);
    const page = await visitor.submit(await visitor.open(at('/account/authenticator')), { code: '000000' }, 'confirm');
    expect(page.isRefused).toBe(true);
    expect((await visitor.open(at('/account/security'))).text).not.toContain('data-tone="ok">On');
  });

  test('ten codes are shown until the user confirms that they are saved, in this session only', async () => {
    const person = await withApp();
    const { visitor, user } = person;
    const shown = await visitor.submit(await visitor.open(at('/account/recovery-codes')), {});
    expect(shown.url).toBe(at('/account/recovery-codes/show'));
    expect(shown.headers.get('cache-control')).toBe('no-store');
    const codes = [...shown.text.matchAll(/<li>(\w{5}-\w{5}-\w{5})<\/li>/g)].map(([, text]) => text);
    expect(new Set(codes).size).toBe(10);
    const sheet = await visitor.request(at('/account/recovery-codes/show.txt'));
    expect(sheet.headers.get('content-disposition')).toContain('attachment');
    for (const text of codes) expect(sheet.text).toContain(text);
    expect((await visitor.submit(shown, {})).isRefused).toBe(true);
    const saved = await send(visitor, at('/account/recovery-codes/show'), { saved: '1' });
    expect(saved.location).toBe(at('/account/security?done=saved'));
    expect((await visitor.open(at('/account/recovery-codes/show'))).url).toBe(at('/account/recovery-codes'));
    await mails.next(user.email, /recovery codes/i);
  });
});

describe('the last second factor when one is required', () => {
  test('cannot be removed', async () => {
    const person = await signInTo(latchkey);
    const offer = await person.visitor.open(at('/account/authenticator'));
    const secret = secretOn(offer);
    await person.visitor.submit(offer, { code: code(secret) }, 'confirm');
    await person.visitor.submit(await person.visitor.open(at('/account/authenticator')), { code: code(secret, 30) });
    await latchkey.run('settings.update', { name: 'mfa.enforcement', value: '"required"' });
    try {
      const page = await person.visitor.submit(await person.visitor.open(at('/account/authenticator')), {}, 'remove');
      expect(page.isRefused).toBe(true);
      expect(page.text).toContain('You need at least one second step');
    } finally {
      await latchkey.run('settings.update', { name: 'mfa.enforcement', value: '"optional"' });
    }
  });
});

describe('the last sign-in method', () => {
  test('cannot be removed if sign-in by mail is off', async () => {
    const person = await signInTo(latchkey);
    const { page } = await withPasskey(person);
    await latchkey.app.database.sql(
      'delete from password_credential where user_id in (select id from users where email = $1)',
      [person.user.email],
    );
    await latchkey.run('settings.update', { name: 'signIn.methods', value: '["password","passkey"]' });
    try {
      const refused = await person.visitor.submit(await person.visitor.open(page.url), {}, 'remove');
      expect(refused.isRefused).toBe(true);
      expect(refused.text).toContain('This is your only way to sign in');
    } finally {
      await latchkey.run('settings.update', {
        name: 'signIn.methods',
        value: '["password","passkey","emailLink","emailCode"]',
      });
    }
  });
});

describe('changes of sign-in methods', () => {
  test.each([
    ['GET', '/account/password'],
    ['POST', '/account/password'],
    ['POST', '/account/password/remove'],
    ['GET', '/account/passkeys/new'],
    ['POST', '/account/passkeys/new'],
    ['GET', '/account/passkeys/psk_01kt0000000000000000000000'],
    ['POST', '/account/passkeys/psk_01kt0000000000000000000000'],
    ['GET', '/account/authenticator'],
    ['POST', '/account/authenticator'],
    ['POST', '/account/authenticator/remove'],
    ['GET', '/account/recovery-codes'],
    ['POST', '/account/recovery-codes'],
    ['GET', '/account/recovery-codes/show'],
    ['POST', '/account/recovery-codes/show'],
    ['GET', '/account/recovery-codes/show.txt'],
    ['GET', '/account/data/download'],
    ['POST', '/account/data/download'],
    ['GET', '/account/close'],
    ['POST', '/account/close'],
  ])('require reauthentication after five minutes and change nothing: %s %s', async (method, path) => {
    const { visitor, user } = await person();
    travel(6 * MINUTE);
    const page =
      method === 'GET' ? await visitor.request(at(path)) : await send(visitor, at(path), { action: 'remove' });
    expect(page.status).toBe(303);
    expect(page.location).toMatch(/\/oidc\/auth\?.*max_age=300/);
    expect(formsOf(page)).toEqual([]);
    vi.useRealTimers();
    expect(
      (await eventsOf(latchkey, user)).filter((type) => !/^(user\.(created|signed_in)|session\.)/.test(type)),
    ).toEqual([]);
  });

  let kept: SignedInVisitor | undefined;
  const person = async () => (kept ??= await signInTo(latchkey));
});
