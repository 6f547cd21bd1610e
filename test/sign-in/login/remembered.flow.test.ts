/** Accounts that a browser remembers: who is led where, what a request changes in it, and how a browser forgets. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import { eventsOf, send, travel } from '../../support/account.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { optionsOn, passkeyVisits } from '../../support/passkey-visits.ts';
import { authorizeUrl, formsOf, type Page, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let mails: Mails;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env, settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(() => void vi.useRealTimers());

const url = (extra: Record<string, string | undefined> = {}) =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const pageName = ({ url: at }: Page) => new URL(at).pathname.split('/').slice(3).join('/');
const isArrived = (page: Page) => page.location?.includes('code=') ?? false;
const closed = (visitor: Visitor): Visitor => {
  for (const [key, { name }] of visitor.jar) if (!/device|remembered|passkeys-here/.test(name)) visitor.jar.delete(key);
  return visitor;
};
const another = (visitor: Visitor, page: Page) => visitor.open(page.url.replace(/\/[^/]+$/, '/login'));
const idOf = ({ id }: TestUser) => id;

/** Signs in by password, the box ticked, and closes the browser. */
async function remember(visitor: Visitor, user: TestUser, values: Record<string, string> = { remember: '1' }) {
  const asked = await visitor.submit(await another(visitor, await visitor.open(url())), { email: user.email });
  const end = await visitor.submit(asked, { password: user.password, ...values });
  expect(isArrived(end)).toBe(true);
  return closed(visitor);
}

async function browserOf(...users: TestUser[]): Promise<Visitor> {
  const visitor = new Visitor();
  for (const user of users) await remember(visitor, user);
  return visitor;
}

const choose = (visitor: Visitor, page: Page, account: string, path = 'account') => {
  const csrf = formsOf(page)[0]!.fields['csrf']!;
  return visitor.open(`${page.url.replace(/(\/interaction\/[^/]+)\/.*$/, '$1')}/${path}`, { csrf, account });
};

describe('one account', () => {
  test('leads to its password, with name, address and application', async () => {
    const user = await latchkey.user({ name: 'Noor Haddad' });
    const visitor = await browserOf(user);
    const page = await visitor.open(url());
    expect([page.status, pageName(page)]).toEqual([200, 'password']);
    for (const text of [
      'to continue to',
      'Noor Haddad',
      'Last used: password',
      'Use another account',
      'Forget this account',
      'checked',
    ]) {
      expect(page.text).toContain(text);
    }
    expect(isArrived(await visitor.submit(page, { password: user.password, remember: '1' }))).toBe(true);
  });

  test('is not remembered after a sign-in that was not to be kept', async () => {
    const visitor = new Visitor();
    await remember(visitor, await latchkey.user(), {});
    expect(pageName(await visitor.open(url()))).toBe('login');
  });

  test('is forgotten by a sign-in that is not to be kept any more', async () => {
    const user = await latchkey.user();
    const visitor = await browserOf(user);
    await visitor.submit(await visitor.open(url()), { password: user.password });
    expect(pageName(await closed(visitor).open(url()))).toBe('login');
  });

  test('stays after sign-out, and another one can be used', async () => {
    const [user, other] = [await latchkey.user(), await latchkey.user()];
    const visitor = new Visitor();
    const asked = await visitor.submit(await visitor.open(url()), { email: user.email });
    await visitor.submit(asked, { password: user.password, remember: '1' });
    await visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'logout');
    const page = await visitor.open(url());
    expect(pageName(page)).toBe('password');
    const typed = await another(visitor, page);
    expect([pageName(typed), formsOf(typed)[0]!.fields['email']]).toEqual(['login', '']);
    const create = await visitor.open(typed.url.replace(/login$/, 'create'));
    expect([pageName(create), create.text.includes(user.email)]).toEqual(['create', false]);
    const password = await visitor.submit(await another(visitor, page), { email: other.email });
    expect([formsOf(password)[0]!.fields['email'], password.text.includes('Forget this account')]).toEqual([
      other.email,
      false,
    ]);
    expect(isArrived(await visitor.submit(password, { password: other.password }))).toBe(true);
    expect(formsOf(await closed(visitor).open(url()))[0]!.fields['email']).toBe(user.email);
  });

  test('is forgotten by its button, before and after it was chosen, and in the other tab', async () => {
    const user = await latchkey.user();
    const visitor = await browserOf(user);
    const [first, second] = [await visitor.open(url()), await visitor.open(url())];
    const forgotten = await visitor.submit(first, {}, 'forget');
    expect(pageName(forgotten)).toBe('login');
    // The other tab shows the password still; its form proves nothing, and the address is asked for.
    const late = await visitor.submit(second, { password: user.password, remember: '1' });
    expect([late.status, isArrived(late)]).toEqual([200, false]);
    const asked = await visitor.submit(await another(visitor, second), { email: user.email });
    expect(isArrived(await visitor.submit(asked, { password: user.password }))).toBe(true);
    expect(pageName(await closed(visitor).open(url()))).toBe('login');
  });

  test('is shown as it was: disabled, deleted and renamed accounts look like any other', async () => {
    const user = await latchkey.user({ name: 'Noor' });
    const visitor = await browserOf(user);
    const shown = async () => (await visitor.open(url())).text.replaceAll(/[\w-]{12,}|nonce="[^"]*"/g, '');
    const before = await shown();
    await latchkey.run('users.disable', { user_id: user.id });
    expect(await shown()).toBe(before);
    const refused = await visitor.submit(await visitor.open(url()), { password: user.password });
    expect([pageName(refused), refused.text.includes('don’t match')]).toEqual(['password', true]);
    await latchkey.app.database.sql(
      `update users set email = 'new-' || email, email_canonical = 'new-' || email_canonical where email = $1`,
      [user.email],
    );
    expect(await shown()).toBe(before);
    await latchkey.app.database.sql(`delete from users where email = $1`, [`new-${user.email}`]);
    visitor.jar.forEach(({ name }, key) => name.includes('refused') && visitor.jar.delete(key));
    expect(await shown()).toBe(before);
  });

  test('follows the name that its owner has on the account pages', async () => {
    const user = await latchkey.user({ name: 'Noor' });
    const visitor = new Visitor();
    const asked = await visitor.submit(await visitor.open(url()), { email: user.email });
    await visitor.submit(asked, { password: user.password, remember: '1' });
    await send(visitor, `${latchkey.base}/account/profile`, { name: 'Noor Amina Haddad' });
    await visitor.open(`${latchkey.base}/account`);
    expect((await closed(visitor).open(url())).text).toContain('Noor Amina Haddad');
  });

  test('is forgotten after half a year without a sign-in', async () => {
    const visitor = await browserOf(await latchkey.user());
    travel(181 * DAY);
    expect(pageName(await visitor.open(url()))).toBe('login');
  });
});

describe('a passkey that was used last', () => {
  test('is asked for first, and its page has the box', async () => {
    const [user, authenticator] = [await latchkey.user(), new Authenticator()];
    const { enrol, answer } = passkeyVisits(latchkey, client);
    await enrol(user, authenticator);
    const visitor = await browserOf(user);
    const password = await visitor.open(url());
    expect(pageName(password)).toBe('password');
    const page = await visitor.open(password.url.replace(/password$/, 'passkey'));
    expect(page.text).toMatch(/name="remember" value="1" checked/);
    const credential = authenticator.get(optionsOn(page), latchkey.base, {});
    expect(isArrived(await visitor.submit(page, { credential, remember: '1' }))).toBe(true);
    const again = await closed(visitor).open(url());
    expect([pageName(again), again.text.includes('Forget this account')]).toEqual(['passkey', true]);
    expect(isArrived(await answer(visitor, again, authenticator))).toBe(true);
    // The box was not ticked.
    expect(pageName(await closed(visitor).open(url()))).toBe('login');
  });
});

describe('several accounts', () => {
  test('are offered, the last one first, and each is used, forgotten, or passed over', async () => {
    const [one, two] = [await latchkey.user({ name: 'One' }), await latchkey.user({ name: 'Two' })];
    const visitor = await browserOf(one, two);
    const page = await visitor.open(url());
    expect(pageName(page)).toBe('account');
    expect(page.text.indexOf(two.email.split('@')[0]!)).toBeLessThan(page.text.indexOf(one.email.split('@')[0]!));
    for (const text of ['Signed out', 'Last used: password', 'Use another account', 'Forget'])
      expect(page.text).toContain(text);
    expect(pageName(await choose(visitor, page, 'another'))).toBe('login');
    const password = await choose(visitor, await visitor.open(url()), idOf(one));
    expect([pageName(password), formsOf(password)[0]!.fields['email']]).toEqual(['password', one.email]);
    // Back, another account, and the chooser is still there.
    expect(pageName(await visitor.open(page.url))).toBe('account');
    expect(isArrived(await visitor.submit(password, { password: one.password, remember: '1' }))).toBe(true);
    const left = await choose(visitor, await closed(visitor).open(url()), idOf(two), 'account/forget');
    expect([pageName(left), formsOf(left)[0]!.fields['email']]).toEqual(['password', one.email]);
  });

  test('are five at most, the one that was not used for longest goes first', async () => {
    const users = [];
    for (let i = 0; i < 6; i += 1) users.push(await latchkey.user({ name: `${'ü'.repeat(120)} ${i}` }));
    const visitor = await browserOf(...users);
    const page = await visitor.open(url());
    const shown = users.map(({ id }) => page.text.includes(id));
    expect(shown).toEqual([false, true, true, true, true, true]);
    const cookie = [...visitor.jar.values()].find(({ name }) => name.includes('remembered'))!;
    expect(cookie.value.length).toBeLessThan(1800);
  });

  test('of an account that used a code, the code is sent when it is chosen, and not by a request', async () => {
    const user = await latchkey.user({ email_verified: true });
    const visitor = new Visitor();
    const asked = await visitor.submit(await visitor.open(url()), { email: user.email });
    const code = await visitor.open(asked.url.replace(/password$/, 'email-code'));
    await visitor.submit(code, { code: (await mails.next(user.email)).code, remember: '1' });
    closed(visitor);
    const sent = async () =>
      (await eventsOf(latchkey, user)).filter((type) => type === 'user.sign_in_code_sent').length;
    const page = await visitor.open(url());
    expect([pageName(page), page.text.includes('Last used: email'), await sent()]).toEqual(['account', true, 1]);
    expect(pageName(await choose(visitor, page, idOf(user)))).toBe('email-code');
    expect(await sent()).toBe(2);
  });
});

describe('what a request asks', () => {
  let one: TestUser;
  let two: TestUser;
  beforeAll(async () => {
    one = await latchkey.user();
    two = await latchkey.user();
  });
  const rows: [
    title: string,
    accounts: 1 | 2,
    extra: () => Record<string, string>,
    page: string,
    email?: () => string,
  ][] = [
    ['nothing, of one', 1, () => ({}), 'password', () => one.email],
    ['nothing, of two', 2, () => ({}), 'account'],
    ['login_hint of the account', 1, () => ({ login_hint: one.email.toUpperCase() }), 'password', () => one.email],
    ['login_hint of one of two', 2, () => ({ login_hint: one.email }), 'password', () => one.email],
    ['login_hint of another', 1, () => ({ login_hint: 'n@x.example' }), 'login', () => 'n@x.example'],
    ['login_hint of another than the two', 2, () => ({ login_hint: 'n@x.example' }), 'login', () => 'n@x.example'],
    ['a login_hint that is no address', 1, () => ({ login_hint: 'noor' }), 'account'],
    ['select_account, of one', 1, () => ({ prompt: 'select_account' }), 'account'],
    ['select_account, with a hint', 2, () => ({ prompt: 'select_account', login_hint: one.email }), 'account'],
    ['login', 1, () => ({ prompt: 'login' }), 'password', () => one.email],
    ['login, of two', 2, () => ({ prompt: 'login' }), 'account'],
    ['max_age', 1, () => ({ max_age: '1' }), 'password', () => one.email],
    ['create', 1, () => ({ prompt: 'create' }), 'create'],
    ['a subject by claims', 1, () => ({ claims: '{"id_token":{"sub":{"value":"usr_x"}}}' }), 'account'],
    ['any subject by claims', 1, () => ({ claims: '{"id_token":{"sub":null}}' }), 'password', () => one.email],
  ];
  test.each(rows)('%s (%i)', async (_title, accounts, extra, name, email) => {
    const visitor = accounts === 1 ? await browserOf(one) : await browserOf(two, one);
    const page = await visitor.open(url(extra()));
    expect(pageName(page)).toBe(name);
    if (email) expect(formsOf(page)[0]!.fields['email']).toBe(email());
  });

  test('an ID token of the user leaves the choice to them, who may be another', async () => {
    const visitor = await browserOf(one);
    const { id_token: hint } = await tokensFor(latchkey.base, client, two);
    expect(pageName(await visitor.open(url({ id_token_hint: hint })))).toBe('account');
  });

  test('a session: its account is asked again, whatever is remembered, and is the first of the chooser', async () => {
    const visitor = await browserOf(two, one);
    await visitor.signIn(url({ login_hint: two.email }), two);
    const again = await visitor.open(url({ prompt: 'login' }));
    expect([pageName(again), formsOf(again)[0]!.fields['email']]).toEqual(['password', two.email]);
    const page = await visitor.open(url({ prompt: 'select_account' }));
    expect([pageName(page), page.text.includes('Signed in'), page.text.includes('Signed out')]).toEqual([
      'account',
      true,
      true,
    ]);
    expect(page.text.split(two.id).length - 1).toBe(1);
    const other = await choose(visitor, page, idOf(one));
    expect([pageName(other), formsOf(other)[0]!.fields['email']]).toEqual(['password', one.email]);
    // The engine ends the session of the other user first.
    expect(isArrived(await visitor.submit(await visitor.submit(other, { password: one.password })))).toBe(true);
    expect(isArrived(await choose(visitor, await visitor.open(url({ prompt: 'select_account' })), idOf(one)))).toBe(
      true,
    );
  });
});

test('the setting makes what browsers remember useless, and they remember nothing new', async () => {
  const user = await latchkey.user();
  const visitor = await browserOf(user);
  await latchkey.run('settings.update', { name: 'signIn.rememberAccounts', value: 'false' });
  expect(pageName(await visitor.open(url()))).toBe('login');
  const fresh = await browserOf(user);
  expect([...fresh.jar.values()].some(({ name }) => name.includes('remembered'))).toBe(false);
  await latchkey.run('settings.update', { name: 'signIn.rememberAccounts', value: 'true' });
  expect(pageName(await visitor.open(url()))).toBe('password');
});
