/** Users without an email address: signing in, the pages around it, their account pages, and an address that they add. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { toUuid } from '#kernel/ids.ts';
import { eventsOf, prove, send, travel } from '../../support/account.ts';
import { password, startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, codeOf, keyOn } from '../../support/mfa.ts';
import { authorizeUrl, formsOf, type Page, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let mails: Mails;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' },
    settings: { 'users.username': 'optional', 'signIn.methods': ['password', 'passkey', 'emailCode', 'emailLink'] },
  });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(() => void vi.useRealTimers());

let people = 0;
const someone = () => new Visitor({ 'x-forwarded-for': `198.51.100.${(people += 1)}` });
const url = (path: string) => `${latchkey.base}${path}`;
const start = (extra: Record<string, string> = {}) =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const pageName = (page: Page) => new URL(page.url).pathname.split('/').at(-1);
const fresh = 'granite otter lantern';

/** A user whose `email` is what the user types to sign in: the username. */
async function named(more: object = {}): Promise<TestUser> {
  const username = `person.${(people += 1)}x`;
  const { id } = await latchkey.run<{ id: string }>('users.create', { username, password, ...more });
  return { id, email: username, password };
}
async function signedIn(user: TestUser): Promise<Visitor> {
  const visitor = someone();
  const page = await prove(visitor, await visitor.open(url('/account')), user);
  expect(page.url).toBe(url('/account'));
  return visitor;
}
const mailJobs = async () =>
  (
    await latchkey.app.database.sql<{ count: number }>(
      `select count(*)::int as count from latchkey_jobs.job where name = 'mail'`,
    )
  )[0]!.count;

describe('a sign-in', () => {
  test('ends at the application, writes to nobody, and the browser remembers the username', async () => {
    const user = await named();
    const visitor = someone();
    let page = await visitor.submit(await visitor.open(start()), { email: user.email });
    page = await visitor.submit(page, { password, remember: '1' });
    expect(codeBack(page)).not.toBeNull();
    for (const [key, { name }] of visitor.jar) if (!/device|remembered/.test(name)) visitor.jar.delete(key);
    const again = await visitor.open(start());
    expect(pageName(again)).toBe('password');
    expect(again.text).toContain(user.email);
    const elsewhere = someone();
    page = await elsewhere.submit(await elsewhere.open(start()), { email: user.email.toUpperCase() });
    expect(codeBack(await elsewhere.submit(page, { password }))).not.toBeNull();
    expect(await eventsOf(latchkey, user)).toContain('user.signed_in');
    expect(await mailJobs()).toBe(0);
  });

  test('asks for the authenticator app that the user added, and offers no code by mail', async () => {
    const user = await named();
    const visitor = await signedIn(user);
    const offer = await visitor.open(url('/account/authenticator'));
    expect(offer.text).toContain(user.email);
    const key = keyOn(offer);
    await visitor.submit(offer, { code: codeOf(key) });
    const other = someone();
    let page = await other.submit(await other.open(start()), { email: user.email });
    page = await other.submit(page, { password });
    expect(new URL(page.url).pathname).toMatch(/second-factor\/totp$/);
    expect(page.text).toContain(user.email);
    const ways = await other.open(page.url.replace(/totp$/, 'methods'));
    expect(ways.text).not.toContain('value="email"');
    page = await other.submit(await other.open(ways.url.replace(/methods$/, 'totp')), { code: codeOf(key, 1) });
    expect(codeBack(page)).not.toBeNull();
  });

  test('is not asked to prove an address where all must', async () => {
    const user = await named();
    await latchkey.run('settings.update', { name: 'verification.email', value: 'required' });
    const tokens = await tokensFor(latchkey.base, client, user);
    expect(tokens.access_token).toBeTypeOf('string');
    await latchkey.run('settings.update', { name: 'verification.email', value: null });
  });
});

describe('what needs an address', () => {
  /** A page as a visitor sees it, without its random parts. */
  const seen = ({ status, url: at, text }: Page, typed: string) => ({
    status,
    path: new URL(at).pathname.replace(/interaction\/[\w-]+/, ''),
    text: text
      .replaceAll(typed, '')
      .replaceAll(/name="csrf" value="[^"]*"/g, '')
      .replaceAll(/[\w-]{20,}/g, '')
      .replaceAll(/\s+/g, ' '),
  });

  test.each(['/recovery', 'forgot', 'email-code'])('%s answers as for a name that none has', async (path) => {
    const user = await named();
    const before = await mailJobs();
    const told = [];
    for (const typed of [user.email, user.email.replace('person', 'nobody')]) {
      const visitor = someone();
      let page: Page;
      if (path === '/recovery') page = await visitor.submit(await visitor.open(url(path)), { email: typed });
      else {
        const asked = await visitor.submit(await visitor.open(start()), { email: typed });
        page = await visitor.open(asked.url.replace(/password$/, path));
        if (path === 'forgot') page = await visitor.submit(page, { email: typed });
      }
      told.push(seen(page, typed));
    }
    expect(told[0]).toEqual(told[1]);
    expect(told[0]!.status).toBe(200);
    // Each is written, so that both take as long, and discarded by the worker.
    expect((await mailJobs()) - before).toBe(2);
    await expect.poll(async () => (await unfinished()).length).toBe(0);
    expect(await mails.all()).toEqual([]);
  });

  async function unfinished() {
    return latchkey.app.database.sql(
      `select 1 from latchkey_jobs.job where name = 'mail' and state not in ('completed', 'cancelled')`,
    );
  }

  test('is in the record of the user, who asked for a new password in vain', async () => {
    const user = await named();
    const visitor = someone();
    await visitor.submit(await visitor.open(url('/recovery')), { email: user.email });
    const rows = await latchkey.app.database.sql<{ details: object }>(
      `select d.details from audit_event e join audit_detail d on d.event_id = e.id
       where e.subject_id = $1 and e.type = 'user.password_reset_requested'`,
      [user.id],
    );
    expect(rows).toEqual([{ details: { answer: 'no_address' } }]);
  });
});

describe('the account pages', () => {
  test('name the user by the username and say that there is no address', async () => {
    const user = await named();
    const visitor = await signedIn(user);
    for (const path of ['/account', '/account/emails', '/account/profile', '/account/activity', '/account/close'])
      expect((await visitor.open(url(path))).text).toContain(user.email);
    expect((await visitor.open(url('/account'))).text).toContain('No email address');
    const emails = await visitor.open(url('/account/emails'));
    expect(emails.text).toContain('No email address. Add one');
    expect(emails.text).not.toContain('/account/emails/change');
    expect((await visitor.open(url('/account/emails/change'))).url).toBe(url('/account/emails'));
  });

  test('keep the username, and the password is changed without a letter', async () => {
    const user = await named();
    const visitor = await signedIn(user);
    const profile = await visitor.open(url('/account/profile'));
    const form = formsOf(profile).find(({ fields }) => 'username' in fields)!;
    const refused = await visitor.open(form.action, { ...form.fields, username: '' });
    expect(refused.text).toContain('Enter a username');
    const changed = await send(visitor, url('/account/password'), { current: password, password: fresh });
    expect(changed.location).toContain('done=saved');
    expect(await eventsOf(latchkey, user)).toContain('user.password_changed');
    expect((await tokensFor(latchkey.base, client, { email: user.email, password: fresh })).access_token).toMatch(
      /^lk_at_/,
    );
    expect(await mails.all()).toEqual([]);
  });

  test('keep the password where it is the only way in, although others may sign in by mail', async () => {
    const user = await named();
    const visitor = await signedIn(user);
    expect((await visitor.open(url('/account/password'))).text).not.toContain('/account/password/remove');
    await send(visitor, url('/account/password/remove'), { action: 'remove' });
    expect((await tokensFor(latchkey.base, client, user)).access_token).toMatch(/^lk_at_/);
    const { app } = latchkey;
    const removed = app.database.transaction((em) =>
      app.credentials.waysIn.assertOneLeft(em, user.id as `usr_${string}`),
    );
    await expect(removed).resolves.toBeUndefined();
    const emptied = app.database.transaction(async (em) => {
      await em.execute('delete from password_credential where user_id = ?', [toUuid(user.id as `usr_${string}`)]);
      await app.credentials.waysIn.assertOneLeft(em, user.id as `usr_${string}`);
    });
    await expect(emptied).rejects.toMatchObject({ code: 'credentials.last_way_in' });
  });

  test('lead from "This wasn’t me" to a new password, because no mail leads back', async () => {
    const user = await named();
    const visitor = await signedIn(user);
    expect((await visitor.open(url('/account/activity/not-me'))).url).toBe(url('/account/password'));
    const forged = await send(visitor, url('/account/activity/not-me'), { action: 'confirm' });
    expect(forged.location).toBe(url('/account/password'));
    expect((await tokensFor(latchkey.base, client, user)).access_token).toMatch(/^lk_at_/);
  });

  test('close the account by the username alone', async () => {
    const user = await named();
    const visitor = await signedIn(user);
    for (const typed of ['', 'not an address', 'someone@else.example', 'another.name']) {
      const page = await send(visitor, url('/account/close'), { email: typed, action: 'confirm' });
      expect(page.location).toBe(url('/account/close'));
    }
    const closed = await send(visitor, url('/account/close'), { email: user.email, action: 'confirm' });
    expect(closed.location).toContain('/account/closed');
    expect(await mails.all()).toEqual([]);
  });

  test('take an address, which is the first one when it is proved', async () => {
    const user = await named();
    const visitor = await signedIn(user);
    const address = `added.${user.email}@new.example`;
    const confirm = await visitor.open((await send(visitor, url('/account/emails'), { email: address })).location!);
    expect((await visitor.open(url('/account/emails'))).text).toContain('No email address');
    const { code } = await mails.next(address);
    const page = await visitor.submit(confirm, { code });
    expect(page.url).toContain('/account/emails?done=saved');
    expect(page.text).not.toContain('No email address');
    const shown = await latchkey.run('users.read', { user_id: user.id });
    expect(shown).toMatchObject({ email: address, email_verified: true, username: user.email });
    expect(await eventsOf(latchkey, user)).toContain('user.email_added');
    expect((await tokensFor(latchkey.base, client, { email: address, password })).access_token).toMatch(/^lk_at_/);
    travel(10 * MINUTE);
    const other = someone();
    await other.submit(await other.open(url('/recovery')), { email: user.email });
    expect((await mails.next(address, /^Choose a new password/)).link).toContain('/recovery/link/');
  });
});
