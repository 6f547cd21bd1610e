/** Registration with a username and a password, and without an email address. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromUuid } from '#kernel/ids.ts';
import { eventsOf } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack } from '../../support/mfa.ts';
import { createRequest, newcomer, ownNetworks, strong } from '../../support/registration.ts';
import { type Page, tokensFor, type Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let mails: Mails;
const offered = { 'users.username': 'required', 'users.email': 'optional' };
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, ...ownNetworks }, settings: offered });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value });
const ownPath = ({ url }: Page) => new URL(url).pathname.replace(/^\/interaction\/[^/]+/, '');
let made = 0;
const freshName = () => `new.${(made += 1)}comer`;

/** The form, by the link on the page that asks for an address. */
async function atForm(visitor: Visitor): Promise<Page> {
  const page = await visitor.open(createRequest(latchkey, client, 'openid profile email'));
  expect(page.text).toContain('Create an account without an email address');
  return visitor.open(`${page.url}/username`);
}
const apply = async (visitor: Visitor, values: Record<string, string>) =>
  visitor.submit(await atForm(visitor), { name: 'Nia', password: strong, ...values });

describe('a visitor without an email address', () => {
  test('creates an account, is signed in, and signs in again', async () => {
    const username = freshName();
    const end = await apply(newcomer(), { username: username.toUpperCase() });
    expect(codeBack(end)).not.toBeNull();
    const [row] = await latchkey.app.database.sql<{ id: string }>('select id from users where username = $1', [
      username,
    ]);
    const user = await latchkey.run<{ id: string }>('users.read', { user_id: fromUuid('usr', row!.id) });
    expect(user).toMatchObject({ username, name: 'Nia', credentials: [{ method: 'password' }] });
    expect(user).not.toHaveProperty('email');
    expect(await eventsOf(latchkey, user)).toEqual(
      expect.arrayContaining(['user.created', 'user.registered', 'user.signed_in']),
    );
    const tokens = await tokensFor(latchkey.base, client, { email: username, password: strong });
    expect(tokens.access_token).toBeTypeOf('string');
    expect(await mails.all()).toEqual([]);
  });

  test.each([
    [{ username: '' }, 'Enter a username'],
    [{ username: 'root' }, 'That username isn’t available'],
    [{ username: 'x y' }, 'Use only letters, digits'],
    [{ password: '' }, 'Choose a password'],
    [{ password: 'short' }, 'at least'],
    [{ name: '' }, 'Enter your full name'],
  ])('stays on the form for %j', async (values, said) => {
    const page = await apply(newcomer(), { username: freshName(), ...values });
    expect([page.status, ownPath(page)]).toEqual([200, '/create/username']);
    expect(page.text).toContain(said);
  });

  test('does not get the username of another user, nor one like it, and no password made of it', async () => {
    const username = freshName();
    await apply(newcomer(), { username });
    for (const typed of [username, username.replace('o', '0')]) {
      const page = await apply(newcomer(), { username: typed });
      expect([ownPath(page), page.text]).toEqual([
        '/create/username',
        expect.stringContaining('That username isn’t available'),
      ]);
    }
    const longName = 'wonderfullylongname';
    const page = await apply(newcomer(), { username: longName, password: `${longName}${longName}` });
    expect(ownPath(page)).toBe('/create/username');
  });

  test('accepts the terms in the form', async () => {
    await set('registration.termsVersion', 'v7');
    const visitor = newcomer();
    const username = freshName();
    const refused = await apply(visitor, { username });
    expect(ownPath(refused)).toBe('/create/username');
    expect(codeBack(await visitor.submit(refused, { username, name: 'Nia', password: strong, terms: '1' }))).not.toBe(
      null,
    );
    await set('registration.termsVersion', null);
  });

  test('sends the form twice at once and has one account', async () => {
    const visitor = newcomer();
    const form = await atForm(visitor);
    const username = freshName();
    const sent = await Promise.all([1, 2].map(() => visitor.submit(form, { username, name: 'Nia', password: strong })));
    expect(sent.some((page) => codeBack(page) !== null)).toBe(true);
    const rows = await latchkey.app.database.sql('select 1 from users where username = $1', [username]);
    expect(rows).toHaveLength(1);
  });

  test('is one of the accounts that an IP address may create in an hour', async () => {
    await set('limits.accountsPerAddress', 2);
    const visitor = newcomer();
    for (const isTooMany of [false, false, true]) {
      const end = await apply(visitor, { username: freshName(), password: 'short' });
      expect(end.text.includes('Too many')).toBe(isTooMany);
    }
    await set('limits.accountsPerAddress', null);
  });
});

describe('the form without an email address', () => {
  test.each([
    ['users.email', 'required'],
    ['users.username', 'optional'],
    ['registration.mode', 'domains'],
    ['registration.methods', ['passkey']],
    ['signIn.methods', ['passkey', 'emailCode']],
  ])('is not offered where %s is %j', async (name, value) => {
    await set(name, value);
    const visitor = newcomer();
    const page = await visitor.open(createRequest(latchkey, client));
    expect(page.text).not.toContain('without an email address');
    const form = await visitor.open(`${page.url}/username`);
    expect(ownPath(form)).toBe('/create');
    const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
    const sent = await visitor.open(`${page.url}/username`, {
      csrf,
      username: freshName(),
      name: 'N',
      password: strong,
    });
    expect(ownPath(sent)).toBe('/create');
    await set(name, name in offered ? offered[name as keyof typeof offered] : null);
  });
});
