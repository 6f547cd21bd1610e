import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';
import { eventsOf } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { keepIdentity, keepPasskey, keepTotp } from '../../support/user-parts.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
const fresh = 'granite otter lantern';
const subject = /^Choose a new password/;

/** A browser somewhere else each time: so many mails are not sent on behalf of one address. */
let people = 0;
const someone = () => new Visitor({ 'x-forwarded-for': `198.51.100.${(people += 1) % 250}` });

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' },
    // Redis counts by its own clock, which no test moves.
    settings: { 'limits.passwordFailuresPerAddress': 100_000, 'risk.failuresPerAccount': 1000 },
  });
  client = await latchkey.client();
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(() => void vi.useRealTimers());

const person = (given = {}) => latchkey.user({ email_verified: true, ...given });
const later = (minutes: number) => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 });
const start = (extra = {}) => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const atPassword = async (visitor: Visitor, { email }: Pick<TestUser, 'email'>) =>
  visitor.submit(await visitor.open(start()), { email });
const forgot = (page: Page) => page.url.replace(/\/password$/, '/forgot');
const heading = (page: Page) => /<h1>([^<]*)/.exec(page.text)?.[1];

/** Asks for a link in a sign-in of its own. */
async function ask(user: Pick<TestUser, 'email'>, visitor = someone()): Promise<{ visitor: Visitor; page: Page }> {
  const page = await visitor.open(forgot(await atPassword(visitor, user)));
  return { visitor, page: await visitor.submit(page, { email: user.email }) };
}
async function linkFor(user: TestUser): Promise<string> {
  await ask(user);
  return (await mails.next(user.email, subject)).link;
}
const save = async (visitor: Visitor, link: string, password = fresh) =>
  visitor.submit(await visitor.open(link), { password });

describe('a user who forgot the password', () => {
  test('sets a new one by the link in a mail and continues the sign-in', async () => {
    const user = await person();
    const visitor = someone();
    const page = await atPassword(visitor, user);
    expect(page.text).toContain('Forgot your password?');
    const sent = await ask(user, visitor);
    expect(heading(sent.page)).toBe('Check your email');
    const mail = await mails.next(user.email, subject);
    expect(mail.text).toContain('30 minutes');

    const form = await visitor.open(mail.link);
    expect(form.url).toMatch(/\/recovery\/link\/[\w-]{12}$/);
    expect(form.text).toContain(user.email.split('@')[0]);
    const done = await visitor.submit(form, { password: fresh });
    expect(heading(done)).toBe('Your password has been changed');
    const next = /href="(\/interaction\/[^"]+)"/.exec(done.text)?.[1];
    const again = await visitor.open(`${latchkey.base}${next}`);
    expect(new URL(again.url).pathname).toMatch(/\/password$/);
    expect((await visitor.submit(again, { password: user.password })).isRefused).toBe(true);
    const leave = await visitor.submit(again, { password: fresh });
    expect(new URL(leave.url).pathname).toMatch(/\/consent$/);
    await mails.next(user.email, /was changed/);
  });

  test('does so in another browser, which refers back to the app', async () => {
    const user = await person();
    const elsewhere = someone();
    const done = await save(elsewhere, await linkFor(user));
    expect(heading(done)).toBe('Your password has been changed');
    expect(done.text).not.toContain('/interaction/');
    expect(elsewhere.jar.size).toBeLessThanOrEqual(1);
    expect((await someone().signIn(start(), { ...user, password: fresh })).get('code')).toMatch(/^lk_ac_/);
  });

  test('can request it outside of a sign-in too', async () => {
    const user = await person();
    const visitor = someone();
    const sent = await visitor.submit(await visitor.open(`${latchkey.base}/recovery`), { email: user.email });
    expect(new URL(sent.url).pathname).toBe('/recovery/sent');
    const done = await save(visitor, (await mails.next(user.email, subject)).link);
    expect(new URL(done.url).pathname).toBe('/recovery/done');
  });

  test('receives the mail in the chosen language', async () => {
    const user = await person({ locale: 'de-CH' });
    await ask(user);
    expect((await mails.next(user.email)).subject).toBe('Neues Passwort für Latchkey wählen');
  });

  test.each([
    ['no address', { email: '' }, 'Enter your email address'],
    ['what is none', { email: 'noor at fernway' }, 'Enter an email address like'],
  ])('and enters %s sees an error', async (_what, values, text) => {
    const visitor = someone();
    const page = await visitor.submit(await visitor.open(`${latchkey.base}/recovery`), values);
    expect(page.isRefused).toBe(true);
    expect(page.text).toContain(text);
  });
});

describe('a password reset by a link', () => {
  test('ends every session, refresh token and token of the user', async () => {
    const user = await person();
    const visitor = someone();
    const tokens = await tokensFor(
      latchkey.base,
      client,
      user,
      { scope: 'openid offline_access', prompt: 'consent' },
      visitor,
    );
    await save(someone(), await linkFor(user));
    const refreshed = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    });
    expect(refreshed.body.error).toBe('invalid_grant');
    const userinfo = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(userinfo.status).toBe(401);
    const back = await visitor.request(start({ prompt: 'none' }));
    expect(new URL(back.location!).searchParams.get('error')).toBe('login_required');
  });

  test('ends the proofs of unfinished sign-ins', async () => {
    const user = await person();
    const intruder = someone();
    const { url, text } = await atPassword(intruder, user);
    const form = { ...formsOf({ url, text })[0]!.fields, password: user.password };
    expect((await intruder.request(url, { form })).status).toBe(303);
    await save(someone(), await linkFor(user));
    const page = await intruder.open(url.replace(/\/password$/, ''));
    expect([page.status, page.location]).toEqual([410, null]);
    expect(page.text).toContain('You’re not signed in here.');
    expect((await intruder.request(start({ prompt: 'none' }))).location).toContain('login_required');
  });

  test('unlocks an account that guesses had locked, in this browser too', async () => {
    await latchkey.run('settings.update', { name: 'limits.passwordMaximumFailures', value: '6' });
    const user = await person();
    const visitor = someone();
    await visitor.signIn(start(), user);
    for (const who of [visitor, someone()]) {
      let page = await who.submit(await who.open(start({ prompt: 'login' })), { email: user.email });
      for (let tries = 0; tries < 8; tries += 1) {
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 16 * 60_000 });
        page = await who.open(start({ prompt: 'login' }));
        if ('email' in formsOf(page)[0]!.fields && !('password' in formsOf(page)[0]!.fields))
          page = await who.submit(page, { email: user.email });
        if (formsOf(page)[0]?.fields['password'] !== undefined) await who.submit(page, { password: 'wrong' });
      }
    }
    await expect(someone().signIn(start(), user)).rejects.toThrow();
    await ask(user);
    await save(visitor, (await mails.next(user.email, subject)).link);
    for (const who of [visitor, someone()])
      expect((await who.signIn(start(), { ...user, password: fresh })).get('code')).toMatch(/^lk_ac_/);
    await latchkey.run('settings.update', { name: 'limits.passwordMaximumFailures', value: 'null' });
  });

  test('refuses a weak password with the reason, and the link stays valid', async () => {
    const user = await person({ name: 'Noor Haddad' });
    const link = await linkFor(user);
    const visitor = someone();
    let page = await visitor.open(link);
    for (const [password, text] of [
      ['', 'Choose a password'],
      ['short', 'at least 15 characters'],
      ['x'.repeat(300), 'up to 256'],
      ['passwordpassword', 'easy to guess'],
      ['Noor Haddad 1999', 'easy to guess'],
      [user.password, 'used this password before'],
    ] as const) {
      page = await visitor.submit(page, { password });
      expect([page.isRefused, page.text.includes(text)], password).toEqual([true, true]);
    }
    expect(heading(await visitor.submit(page, { password: fresh }))).toBe('Your password has been changed');
  });

  test('is in the audit log, with its origin', async () => {
    const user = await person();
    await save(someone(), await linkFor(user));
    const events = await latchkey.app.database.sql<{ type: string }>(
      `select type from audit_record where subject_id = $1 and type like 'user.password%' order by at, id`,
      [user.id],
    );
    expect(events.map(({ type }) => type)).toEqual(['user.password_reset_requested', 'user.password_reset']);
  });
});

describe('a link', () => {
  test('can be opened any number of times, and leaves the address at once', async () => {
    const user = await person();
    const link = await linkFor(user);
    for (let i = 0; i < 3; i += 1) {
      const scanner = someone();
      const answer = await scanner.request(link);
      expect([answer.status, answer.location]).toEqual([303, expect.stringMatching(/\/recovery\/link\/[\w-]{12}$/)]);
      const [cookie] = answer.headers.getSetCookie();
      expect(cookie).toMatch(
        /^latchkey-link-reset-[\w-]{12}=[\w-]{43}; path=\/; expires=[^;]+; samesite=lax; httponly$/,
      );
      expect((await scanner.open(answer.location!)).status).toBe(200);
    }
    expect(heading(await save(someone(), link))).toBe('Your password has been changed');
  });

  test.each<[string, (link: string, user: TestUser) => unknown]>([
    ['used before', async (link) => save(someone(), link)],
    ['older than thirty minutes', () => later(30.3)],
    ['of a user who is disabled by now', (_link, { id }) => latchkey.run('users.disable', { user_id: id })],
    ['of an address that is no longer theirs', (_link, user) => moveAway(user)],
    ['followed by a newer one', (_link, user) => ask(user)],
  ])('that is %s does nothing', async (_what, spoil) => {
    const user = await person();
    const link = await linkFor(user);
    const visitor = someone();
    const form = await visitor.open(link);
    await spoil(link, user);
    expect([(await someone().open(link)).status]).toEqual([410]);
    const page = await visitor.submit(form, { password: 'another lantern of otters' });
    expect([page.status, heading(page)]).toEqual([410, 'This link no longer works']);
  });

  test.each([
    ['nothing', ''],
    ['what is none', 'x'],
    ['a cookie of its own', 'a%0d%0ab'],
  ])('with %s in it is refused', async (_what, secret) => {
    const page = await someone().open(`${latchkey.base}/recovery/link/${secret}`);
    expect([404, 410, 400]).toContain(page.status);
  });

  const moveAway = (user: TestUser) =>
    latchkey.app.database.sql('update users set email = $1, email_canonical = $1 where id = $2', [
      `moved-${user.email}`,
      toUuid(user.id as UserId),
    ]);
});

describe('a user without the right to a link receives the reason by mail', () => {
  test.each([
    ['because the account is switched off', true, { email_verified: true }, 'is disabled'],
    ['because the address of an administrator was never confirmed', false, { administrator: true }, 'been verified'],
    ['because there is no password', false, { email_verified: true, password: undefined }, 'have a password'],
  ])('%s', async (_why, isDisabled, given, text) => {
    const user = await latchkey.user(given);
    if (isDisabled) await latchkey.run('users.disable', { user_id: user.id });
    const { page } = await ask(user);
    expect(heading(page)).toBe('Check your email');
    const mail = await mails.next(user.email);
    expect(mail.subject).toBe('Your Latchkey password reset request');
    expect(mail.text).toContain(text);
    expect(mail.text + mail.html).not.toContain('/recovery/link');
  });

  test('without another sign-in method by mail a first password may be set', async () => {
    await latchkey.run('settings.update', { name: 'signIn.methods', value: '["password","passkey"]' });
    const user = await latchkey.user({ email_verified: true, password: undefined });
    await save(someone(), await linkFor(user));
    expect((await someone().signIn(start(), { ...user, password: fresh })).get('code')).toMatch(/^lk_ac_/);
    await latchkey.run('settings.update', { name: 'signIn.methods', value: 'null' });
  });

  test('without the method password the page does not exist', async () => {
    await latchkey.run('settings.update', { name: 'signIn.methods', value: '["emailCode"]' });
    const visitor = someone();
    expect((await visitor.open(`${latchkey.base}/recovery`)).status).toBe(404);
    await latchkey.run('settings.update', { name: 'signIn.methods', value: 'null' });
  });

  test('an unknown address receives no mail', async () => {
    await ask({ email: 'nobody-at-all@example.com' });
    const marker = await person();
    await ask(marker);
    await mails.next(marker.email);
    expect((await mails.all()).filter(({ to }) => to.startsWith('nobody'))).toEqual([]);
  });
});

describe('the link proves the email address', () => {
  const stateOf = ({ id }: Pick<TestUser, 'id'>) =>
    latchkey.run<{ email_verified: boolean; credentials: { method: string }[] }>('users.read', { user_id: id });
  const methodsOf = async (user: Pick<TestUser, 'id'>) => (await stateOf(user)).credentials.map(({ method }) => method);

  test.each([
    ['with a password', {}],
    ['without a password', { password: undefined }],
  ])('of a user %s, made by an operator', async (_what, given) => {
    const user = await latchkey.user(given);
    await save(someone(), await linkFor(user));
    expect((await stateOf(user)).email_verified).toBe(true);
    expect((await someone().signIn(start(), { ...user, password: fresh })).get('code')).toMatch(/^lk_ac_/);
    expect(await eventsOf(latchkey, user)).toContain('user.email_verified');
  });

  test('and leaves nothing of another person who made the account', async () => {
    const user = await latchkey.user();
    await keepPasskey(latchkey, user);
    await keepTotp(latchkey, user);
    await keepIdentity(latchkey, user);
    await ask(user);
    const mail = await mails.next(user.email, subject);
    const removed = 'Passkeys, second steps and linked accounts from before are removed.';
    for (const text of [mail.text, mail.html]) expect(text).toContain(removed);
    expect(mail.text).not.toContain('you’ll still need it');
    const visitor = someone();
    const form = await visitor.open(mail.link);
    expect(form.text).toContain('passkeys, second steps and linked accounts from before are removed');
    await visitor.submit(form, { password: fresh });
    expect(await methodsOf(user)).toEqual(['password']);
    const { identities } = await latchkey.run<{ identities: object[] }>('users.identities.list', { user_id: user.id });
    expect(identities).toEqual([]);
  });

  test('and a later one takes nothing away', async () => {
    const user = await person();
    await keepTotp(latchkey, user);
    await ask(user);
    const mail = await mails.next(user.email, subject);
    expect(mail.text).toContain('If you have a second step, you’ll still need it.');
    const visitor = someone();
    const form = await visitor.open(mail.link);
    expect(form.text).toContain('If you have a second step, we’ll ask for that too.');
    await visitor.submit(form, { password: fresh });
    expect(await methodsOf(user)).toEqual(['password', 'totp']);
  });

  test('of an administrator only where an operator sends it, and the mail says who did', async () => {
    const user = await latchkey.user({ administrator: true });
    await latchkey.run('users.password.send_reset', { user_id: user.id });
    const mail = await mails.next(user.email, subject);
    expect(mail.text).toContain('An administrator sent you this link');
    expect(mail.text).not.toMatch(/asked for a new password/i);
    await save(someone(), mail.link);
    expect((await stateOf(user)).email_verified).toBe(true);
  });

  test('not where another user has proved it meanwhile', async () => {
    const user = await latchkey.user();
    const link = await linkFor(user);
    const { database } = latchkey.app;
    await database.sql(
      `update users set email = 'x' || email, email_canonical = 'x' || email_canonical where email = $1`,
      [user.email],
    );
    await latchkey.user({ email: user.email, email_verified: true });
    expect((await someone().open(link)).status).toBe(410);
  });
});

describe('an operator who requires a new password', () => {
  const wants = ({ id }: TestUser) => latchkey.run('users.require_password', { user_id: id });

  test('makes the next sign-in set one before it completes', async () => {
    const user = await person();
    await wants(user);
    const visitor = someone();
    let page = await visitor.submit(await atPassword(visitor, user), { password: user.password });
    expect(new URL(page.url).pathname).toMatch(/\/new-password$/);
    expect(page.text).toContain('Choose a new password before you continue');
    page = await visitor.submit(page, { password: user.password });
    expect([page.isRefused, page.text.includes('used this password before')]).toEqual([true, true]);
    page = await visitor.submit(page, { password: '' });
    expect(page.isRefused).toBe(true);
    page = await visitor.submit(page, { password: fresh });
    expect(new URL(page.url).pathname).toMatch(/\/consent$/);
    page = await visitor.submit(page, {}, 'allow');
    expect(new URL(page.location!).searchParams.get('code')).toMatch(/^lk_ac_/);
    await mails.next(user.email, /was changed/);
    expect((await someone().signIn(start(), { ...user, password: fresh })).get('code')).toMatch(/^lk_ac_/);
  });

  test('ends earlier sessions with it, also in the browser that continues', async () => {
    const user = await person();
    const [here, there] = [someone(), someone()];
    for (const visitor of [here, there]) await visitor.signIn(start(), user);
    await wants(user);
    let page = await here.open(start({ prompt: 'login' }));
    page = await here.submit(page, { password: user.password });
    page = await here.submit(page, { password: fresh });
    expect(new URL(page.location!).searchParams.get('code')).toMatch(/^lk_ac_/);
    const back = await there.request(start({ prompt: 'none' }));
    expect(new URL(back.location!).searchParams.get('error')).toBe('login_required');
    const still = await here.request(start({ prompt: 'none' }));
    expect(new URL(still.location!).searchParams.get('code')).toMatch(/^lk_ac_/);
  });

  test('is satisfied by a reset as well', async () => {
    const user = await person();
    await wants(user);
    await save(someone(), await linkFor(user));
    expect((await someone().signIn(start(), { ...user, password: fresh })).get('code')).toMatch(/^lk_ac_/);
  });

  test('gets an error for an unknown user, or one without a password', async () => {
    await expect(
      latchkey.run('users.require_password', { user_id: 'usr_01h455vb4pex5vsknk084sn02q' }),
    ).rejects.toThrow();
    const user = await latchkey.user({ password: undefined });
    await expect(wants(user)).rejects.toThrow('credentials.no_password');
  });

  test('the page is not accessible by its address', async () => {
    const user = await person();
    const visitor = someone();
    const page = await atPassword(visitor, user);
    const direct = await visitor.open(page.url.replace(/\/password$/, '/new-password'));
    expect(new URL(direct.url).pathname).toMatch(/\/password$/);
  });
});

test('a user who locks the account ends the intruder’s proofs, and signs in again by the mail', async () => {
  const user = await person();
  await someone().signIn(start(), user);
  const intruder = someone();
  await intruder.signIn(start(), user);
  const asked = await intruder.open(start({ prompt: 'login' }));
  const form = { ...formsOf(asked)[0]!.fields, password: user.password };
  expect((await intruder.request(asked.url, { form })).status).toBe(303);

  const owner = someone();
  await owner.submit(await owner.open((await mails.next(user.email, /New sign-in/)).link), {}, 'confirm');
  const page = await intruder.open(asked.url.replace(/\/password$/, ''));
  expect(page.location).toBeNull();
  expect((await new Visitor().signIn(start(), user).catch(() => null))?.get('code')).toBeFalsy();

  const mail = await mails.next(user.email, /is locked/);
  expect(heading(await save(owner, mail.link))).toBe('Your password has been changed');
  expect((await someone().signIn(start(), { ...user, password: fresh })).get('code')).toMatch(/^lk_ac_/);
});
