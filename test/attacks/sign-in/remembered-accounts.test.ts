/** The cookie of remembered accounts in wrong hands: it opens in its own browser alone, and is never more than a typed address. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser, testSecrets } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let victim: TestUser;
let other: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  client = await latchkey.client({ first_party: true });
  [victim, other] = [await latchkey.user({ name: 'Noor Haddad' }), await latchkey.user()];
});
afterAll(() => latchkey.close());

const url = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
const pageName = (page: Page) => new URL(page.url).pathname.split('/').slice(3).join('/');
const isArrived = (page: Page) => page.location?.includes('code=') ?? false;
const cookieOf = (visitor: Visitor, label: string) =>
  [...visitor.jar.entries()].find(([, { name }]) => name.endsWith(`latchkey-${label}`))!;

async function browserOf(user: TestUser): Promise<Visitor> {
  const visitor = new Visitor();
  const asked = await visitor.submit(await visitor.open(url()), { email: user.email });
  expect(isArrived(await visitor.submit(asked, { password: user.password, remember: '1' }))).toBe(true);
  for (const [key, { name }] of visitor.jar) if (!/device|remembered/.test(name)) visitor.jar.delete(key);
  return visitor;
}

/** A browser with this cookie and, where it is given, this device. */
function browserWith(value: string, device?: string): Visitor {
  const visitor = new Visitor();
  const set = (label: string, text: string) =>
    visitor.jar.set(`/ latchkey-${label}`, { name: `latchkey-${label}`, value: text, path: '/' });
  set('remembered', value);
  if (device !== undefined) set('device', device);
  return visitor;
}

const rows = (user: TestUser) => JSON.stringify([[user.id, user.email, 'Noor Haddad', 'password', 4_000_000_000]]);

describe('a cookie that this browser did not get here leads nowhere, and shows nothing', () => {
  const cases: [title: string, make: (own: Visitor, mine: Visitor) => Visitor][] = [
    ['copied to another browser', (own) => browserWith(cookieOf(own, 'remembered')[1].value)],
    [
      'copied to another browser with a device of its own',
      (own, mine) => browserWith(cookieOf(own, 'remembered')[1].value, cookieOf(mine, 'device')[1].value),
    ],
    ['in the clear', (own) => browserWith(rows(victim), cookieOf(own, 'device')[1].value)],
    [
      'forged under another key',
      (own) => {
        const device = cookieOf(own, 'device')[1].value;
        const ring = createKeyRing(['another-secret-that-only-tests-know-01']);
        return browserWith(ring.seal(rows(victim), `remembered-accounts.1:${device}`), device);
      },
    ],
    [
      'sealed by this server for another place',
      (own) => {
        const device = cookieOf(own, 'device')[1].value;
        return browserWith(createKeyRing([testSecrets]).seal(rows(victim), `totp:${device}`), device);
      },
    ],
    [
      'with one changed character',
      (own) => {
        const { value } = cookieOf(own, 'remembered')[1];
        const last = value.at(-8) === 'A' ? 'B' : 'A';
        return browserWith(value.slice(0, -8) + last + value.slice(-7), cookieOf(own, 'device')[1].value);
      },
    ],
    ['oversized', (own) => browserWith(`lk1.${'A'.repeat(6000)}`, cookieOf(own, 'device')[1].value)],
    ['empty', (own) => browserWith('', cookieOf(own, 'device')[1].value)],
    [
      'of strange characters',
      (own) => browserWith('%00%ff..\u0001'.replaceAll('\u0001', ''), cookieOf(own, 'device')[1].value),
    ],
  ];
  test.each(cases)('%s', async (_title, make) => {
    const page = await make(await browserOf(victim), await browserOf(other)).open(url());
    expect([page.status, pageName(page)]).toEqual([200, 'login']);
    for (const text of ['Noor Haddad', victim.email]) expect(page.text).not.toContain(text);
  });
});

test('nothing readable is in the cookie, and scripts and other sites do not get it', async () => {
  const visitor = new Visitor();
  const asked = await visitor.submit(await visitor.open(url()), { email: victim.email });
  const csrf = formsOf(asked)[0]!.fields;
  const answer = await visitor.request(asked.url, { form: { ...csrf, password: victim.password, remember: '1' } });
  const line = answer.headers.getSetCookie().find((text) => text.includes('latchkey-remembered='))!;
  expect(line).toMatch(/; path=\/; .*httponly/i);
  expect(line).toMatch(/samesite=lax/i);
  const [, body = ''] = /=lk1\.[\w-]+\.([\w-]+)/.exec(line) ?? [];
  const raw = Buffer.from(body, 'base64url').toString('latin1');
  for (const text of ['Noor', victim.email, victim.id]) expect(raw).not.toContain(text);
});

test('a whole copied browser gets the password page, and nothing without the password', async () => {
  const own = await browserOf(victim);
  const thief = browserWith(cookieOf(own, 'remembered')[1].value, cookieOf(own, 'device')[1].value);
  const page = await thief.open(url());
  expect(pageName(page)).toBe('password');
  for (const way of ['account', 'second-factor', 'consent', 'offer-passkey', 'profile'])
    expect(isArrived(await thief.open(page.url.replace(/password$/, way)))).toBe(false);
  const wrong = await thief.submit(page, { password: 'not the password at all' });
  expect([isArrived(wrong), wrong.isRefused || wrong.text.includes('do not match')]).toEqual([false, true]);
  expect((await thief.request(url().replace('&', '&prompt=none&'))).location).toContain('login_required');
});

test('a cookie from before Forget shows the account again in its browser alone, and still asks for the password', async () => {
  const own = await browserOf(victim);
  const [key, before] = cookieOf(own, 'remembered');
  expect(pageName(await own.submit(await own.open(url()), {}, 'forget'))).toBe('login');
  expect([...own.jar.values()].some(({ name }) => name.includes('remembered'))).toBe(false);
  const replayed = browserWith(before.value);
  expect(pageName(await replayed.open(url()))).toBe('login');
  own.jar.set(key, before);
  expect(pageName(await own.open(url()))).toBe('password');
});

describe('the sign-in of another browser', () => {
  test.each([
    ['is not chosen in', 'account'],
    ['forgets nothing', 'account/forget'],
  ])('%s', async (_title, path) => {
    const [own, attacker] = [await browserOf(victim), await browserOf(other)];
    const foreign = await attacker.open(url());
    const mine = await own.open(url());
    const { csrf = '' } = formsOf(mine)[0]!.fields;
    const uid = new URL(foreign.url).pathname.split('/')[2]!;
    const page = await own.open(`${latchkey.base}/interaction/${uid}/${path}`, { csrf, account: victim.id });
    expect([page.status, page.text.includes(other.email)]).toEqual([410, false]);
    expect(cookieOf(own, 'remembered')[1].value).not.toBe('');
    expect(pageName(await own.open(url()))).toBe('password');
  });
});

describe('the form to forget', () => {
  test.each<[title: string, form: (csrf: string) => Record<string, string>, headers: Record<string, string>]>([
    ['without its token', () => ({}), {}],
    ['with the token of another page', () => ({ csrf: 'A'.repeat(12) + '.' + 'A'.repeat(43) }), {}],
    ['sent by another site', (csrf) => ({ csrf }), { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
  ])('%s does nothing', async (_title, form, headers) => {
    const own = await browserOf(victim);
    const page = await own.open(url());
    const sent = await own.request(page.url.replace(/password$/, 'account/forget'), {
      form: { account: victim.id, ...form(formsOf(page)[0]!.fields['csrf']!) },
      headers,
    });
    expect(sent.status).toBe(403);
    expect(pageName(await own.open(url()))).toBe('password');
  });

  test.each([['an id that is not there'], ['x'.repeat(500)], ['']])('of %j does nothing', async (account) => {
    const own = await browserOf(victim);
    const page = await own.open(url());
    const { csrf = '' } = formsOf(page)[0]!.fields;
    const next = await own.open(page.url.replace(/password$/, 'account/forget'), { csrf, account });
    expect([next.status, pageName(next)]).toEqual([200, 'password']);
  });
});

test('the chooser takes no account that this browser does not remember', async () => {
  const own = await browserOf(victim);
  const page = await own.open(url().replace('&', '&prompt=select_account&'));
  const { csrf = '' } = formsOf(page)[0]!.fields;
  for (const account of [other.id, 'session', '__proto__', `${victim.id}'`]) {
    const next = await own.open(page.url, { csrf, account });
    expect([next.status, pageName(next), next.text.includes(other.email)]).toEqual([200, 'account', false]);
  }
});

test('the password of a remembered account that is sent for another address asks for that address', async () => {
  const own = await browserOf(victim);
  const page = await own.open(url());
  const next = await own.submit(page, { email: other.email, password: victim.password });
  expect([pageName(next), formsOf(next)[0]!.fields['email'], isArrived(next)]).toEqual([
    'password',
    other.email,
    false,
  ]);
});
