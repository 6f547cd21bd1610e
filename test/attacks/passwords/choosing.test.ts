/** Which passwords can be set and how they are compared: at the edges of length, in other spellings, from lists. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let people = 0;
const someone = () => new Visitor({ 'x-forwarded-for': `198.51.100.${(people += 1) % 250}` });

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' },
    settings: { 'limits.passwordFailuresPerAddress': 100_000 },
  });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(() => void vi.useRealTimers());

const person = (given = {}) => latchkey.user({ email_verified: true, ...given });
const start = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });

/** At the form for a new password. */
async function atForm(user: TestUser): Promise<{ visitor: Visitor; page: Page }> {
  const visitor = someone();
  await visitor.submit(await visitor.open(`${latchkey.base}/recovery`), { email: user.email });
  return { visitor, page: await visitor.open((await mails.next(user.email, /new password/)).link) };
}
async function isIn(user: TestUser, password: string): Promise<boolean> {
  const visitor = someone();
  const asked = await visitor.submit(await visitor.open(start()), { email: user.email });
  return (await visitor.submit(asked, { password })).location !== null;
}

describe('at the limits of length', () => {
  const words = 'granite otter lantern violet anchor meadow ';
  const cut = (length: number) => [...words.repeat(10)].slice(0, length).join('').replace(/ $/, 'q');

  test.each([
    ['14 characters', cut(14), 'at least 15'],
    ['257 characters', cut(257), 'up to 256'],
    ['14 emoji', '🦊🐢🦜🐙🦔🐝🦋🐌🐞🦂🐡🐠🐬🐳', 'at least 15'],
    ['more than 1,024 bytes', '🦊'.repeat(200) + cut(56) + '🦊🦊', 'up to 256'],
  ])('%s are refused with the reason', async (_what, password, text) => {
    const { visitor, page } = await atForm(await person());
    const refused = await visitor.submit(page, { password });
    expect([refused.isRefused, refused.text.includes(text)]).toEqual([true, true]);
  });

  test.each([
    ['15 characters', cut(15)],
    ['64 characters', cut(64)],
    ['256 characters', cut(256)],
    ['emoji', '🦊🐢🦜🐙🦔🐝🦋🐌🐞🦂🐡🐠🐬🐳🦈'],
    ['spaces around it', `  ${cut(20)}  `],
  ])('%s work exactly as typed', async (_what, password) => {
    const user = await person();
    const { visitor, page } = await atForm(user);
    expect((await visitor.submit(page, { password })).status).toBe(200);
    expect(await isIn(user, password)).toBe(true);
    expect(await isIn(user, [...password].slice(0, -1).join(''))).toBe(false);
    expect(await isIn(user, `${password}x`)).toBe(false);
    expect(await isIn(user, password.trim())).toBe(password.trim() === password);
  });

  test('characters that another hash would truncate count: two passwords with the same first 72 bytes differ', async () => {
    const user = await person();
    const { visitor, page } = await atForm(user);
    await visitor.submit(page, { password: `${cut(80)}one end` });
    expect(await isIn(user, `${cut(80)}the other`)).toBe(false);
    expect(await isIn(user, `${cut(80)}one end`)).toBe(true);
  });
});

test('a password typed in another Unicode form is the same, with other letters it differs', async () => {
  const user = await person();
  const { visitor, page } = await atForm(user);
  const password = 'Café with a view of it';
  await visitor.submit(page, { password: password.normalize('NFD') });
  expect(await isIn(user, password.normalize('NFC'))).toBe(true);
  expect(await isIn(user, password.toLowerCase())).toBe(false);
  expect(await isIn(user, password.replace('é', 'e'))).toBe(false);
});

test('a NUL is refused, not truncated', async () => {
  const { visitor, page } = await atForm(await person());
  expect((await visitor.submit(page, { password: 'granite otter lantern\u0000x' })).status).toBe(400);
});

test.each([
  'password1234567',
  'qwertyuiopasdfg',
  'Latchkey2026!!!',
  'latchkeylatchkey',
  'iloveyouiloveyou',
  'letmeinletmein123',
  'passw0rdpassw0rd',
  '111111111111111',
  '123456789012345',
  'abcdefghijklmnop',
  'qazwsxedcrfvtgb',
  '1q2w3e4r1q2w3e4r',
  'dragondragondragon',
  'monkeymonkey123',
  'football12345678',
  'sunshinesunshine',
  'princessprincess1',
  'aaaaaaaaaaaaaaaa',
  'PasswordPassword1',
  'abc123abc123abc123',
])('%s is on a list of common passwords', async (password) => {
  expect(await latchkey.app.passwords.check(password, { userId: null, email: 'noor@fernway.example' })).toMatchObject({
    kind: 'common',
  });
});

test('the user’s own address and name do not make a password', async () => {
  const user = await person({ name: 'Noor Haddad' });
  const { visitor, page } = await atForm(user);
  for (const password of [user.email, user.email.toUpperCase(), 'noorhaddadnoorhaddad', 'Haddad Noor 1984'])
    expect((await visitor.submit(page, { password })).isRefused, password).toBe(true);
});

test('after a hundred wrong passwords in a row the right one is refused until a reset', async () => {
  const user = await person();
  const begun = Date.now();
  const answers: string[] = [];
  for (let i = 0; i < 100; i += 1) {
    const { kind } = await latchkey.app.passwords.verify({
      userId: user.id as never,
      password: `no ${i}`,
      budget: user.id,
    });
    answers.push(kind);
    vi.useFakeTimers({ toFake: ['Date'], now: begun + (i + 1) * 16 * 60_000 });
  }
  expect(new Set(answers)).toEqual(new Set(['wrong']));
  expect(await isIn(user, user.password)).toBe(false);
  const { visitor, page } = await atForm(user);
  await visitor.submit(page, { password: 'granite otter lantern' });
  expect(await isIn(user, 'granite otter lantern')).toBe(true);
});
