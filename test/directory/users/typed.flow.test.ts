/** Pasted texts, by every way in: pages, the management API, the command line, a file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importPeople } from '#migration/command-line.ts';
import { callApi, clientTokens, machineWith } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let token: string;
let folder: string;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env, settings: { 'limits.passwordFailuresPerAddress': 10_000 } });
  client = await latchkey.client({ first_party: true });
  const machine = await machineWith(latchkey, 'users.manage', 'users.read');
  token = (await clientTokens(latchkey, machine, { scope: 'users.manage users.read' })).access_token;
  folder = await mkdtemp(join(tmpdir(), 'latchkey-typed-'));
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
  await rm(folder, { recursive: true });
});

const request = (extra = {}) => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const at = (page: Page): string => new URL(page.url).pathname.replace(/^\/interaction\/[^/]+/, '');
const pasted = (email: string): readonly string[] => [
  `\u200b${email}`,
  `${email}\u200e`,
  email.replace('@', '＠').replace('.', '。'),
  `mailto:${email.replace('@', '%40')}?subject=x`,
  `Ada <${email}>`,
  `"${email}";`,
  `${email}.`,
];

describe('an email address', () => {
  test('signs in however it was pasted', async () => {
    const user = await latchkey.user();
    for (const email of pasted(user.email)) {
      const visitor = new Visitor();
      const page = await visitor.submit(await visitor.open(request()), { email });
      expect([at(page), formsOf(page)[0]?.fields['email']]).toEqual(['/password', user.email]);
      expect((await visitor.submit(page, { password: user.password })).location).not.toBeNull();
    }
  });

  test('is asked for the password of its own account, and of no similar one', async () => {
    const [user, plain] = [await latchkey.user(), await latchkey.user()];
    const other = plain.email.replace('@', '+tag@');
    const visitor = new Visitor();
    const page = await visitor.submit(await visitor.open(request()), { email: `"${user.email}" <${other}>` });
    expect([at(page), page.isRefused]).toEqual(['/login', true]);
  });

  test('of a new account is the one that was meant, and receives the mail', async () => {
    await latchkey.run('settings.update', { name: 'registration.mode', value: '"open"' });
    const email = 'new.one@typed.example';
    const visitor = new Visitor();
    const start = await visitor.open(request());
    const form = await visitor.open(start.url.replace(/login$/, 'create'));
    const name = ' Ada\u202e \u00a0 Lovelace ';
    const check = await visitor.submit(form, {
      email: `<${email}>,`,
      name,
      password: 'correct horse battery staple 9',
    });
    expect(at(check)).toBe('/create/check');
    const { code } = await mails.next(email);
    const short = await visitor.submit(check, { code: `${code.slice(0, 3)} ` });
    expect([short.isRefused, short.text.includes('Enter all 6 digits')]).toEqual([true, true]);
    const arabic = code.replaceAll(/\d/g, (digit) => String.fromCodePoint(0x6f0 + Number(digit)));
    expect((await visitor.submit(short, { code: ` ${arabic}\u200f` })).location).not.toBeNull();
    const listed = await latchkey.run<{ users: { email: string; name: string }[] }>('users.list', {
      email: `Ada <${email}>`,
    });
    expect(listed.users).toMatchObject([{ email, name: 'Ada Lovelace' }]);
  });

  test.each(['users.create', 'invitations.create'])('is cleaned by the operation %s', async (operation) => {
    const email = `${operation.replace('.', '-')}@typed.example`;
    const created = await latchkey.run(operation, { email: `Ada <mailto:${email}>\u200e` });
    expect(created).toMatchObject({ email });
  });

  test('names a user on the command line', async () => {
    const user = await latchkey.user();
    for (const typed of pasted(user.email)) {
      const read = await latchkey.app.run('users.read', { params: { user_id: typed } });
      expect(read).toMatchObject({ ok: true, result: { id: user.id } });
    }
  });

  test('is cleaned by the management API', async () => {
    const { status, body } = await callApi(latchkey, '/v1/users', {
      method: 'POST',
      token,
      json: { email: ' api＠typed.example. ', phone_number: '0049 (0)30 901820', given_name: 'Ada\u200b\u202e' },
    });
    expect([status, body]).toMatchObject([
      201,
      { email: 'api@typed.example', phone_number: '+4930901820', given_name: 'Ada' },
    ]);
    const added = await callApi(latchkey, `/v1/users/${String(body['id'])}/emails`, {
      method: 'POST',
      token,
      json: { email: 'mailto:second%40typed.example' },
    });
    expect([added.status, added.body]).toMatchObject([201, { email: 'second@typed.example' }]);
  });

  test('is cleaned in a file, with the phone number', async () => {
    const file = join(folder, 'people.jsonl');
    const line = { email: '"Bea" <bea@typed.example>', phone_number: 'tel:+1-202-555-0123', name: 'Bea\u00ad  B' };
    await writeFile(file, `${JSON.stringify(line)}\n`);
    await importPeople((name, given) => latchkey.app.run(name, given), file, { report: `${file}.report` });
    const { users } = await latchkey.run<{ users: object[] }>('users.list', { email: 'bea@typed.example' });
    expect(users).toMatchObject([{ email: 'bea@typed.example', phone_number: '+12025550123', name: 'Bea B' }]);
  });
});

describe('a password that a password manager fills in ahead of its page', () => {
  const fill = async (email: string, filled_password: string, visitor = new Visitor()) => {
    const page = await visitor.open(request());
    expect(page.text).toMatch(
      /<input class="sr" type="password" name="filled_password"[^>]* tabindex="-1" aria-hidden="true">/,
    );
    return { visitor, page: await visitor.submit(page, { email, filled_password }) };
  };

  test('signs in when it is right', async () => {
    const user = await latchkey.user();
    expect((await fill(user.email, user.password)).page.location).not.toBeNull();
  });

  test('leads to its page when it is wrong, which says nothing of it and shows it nowhere', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await fill(user.email, 'an old one of this user');
    expect([at(page), page.isRefused, page.text.includes('an old one')]).toEqual(['/password', false, false]);
    expect((await visitor.submit(page, { password: user.password })).location).not.toBeNull();
  });

  test('is as good for an account that does not exist', async () => {
    const { page } = await fill('nobody@typed.example', 'a guess');
    expect([at(page), page.isRefused]).toEqual(['/password', false]);
  });

  test('counts as a try', async () => {
    const user = await latchkey.user();
    for (let i = 0; i < 5; i += 1) await fill(user.email, `guess ${i}`);
    const { visitor, page } = await fill(user.email, user.password);
    expect(page.location).toBeNull();
    expect((await visitor.submit(page, { password: user.password })).isRefused).toBe(true);
  });

  test('is no part of a sign-in where passwords are off', async () => {
    await latchkey.run('settings.update', { name: 'signIn.methods', value: '["passkey","emailCode"]' });
    const page = await new Visitor().open(request());
    expect(page.text).not.toContain('type="password"');
  });
});
