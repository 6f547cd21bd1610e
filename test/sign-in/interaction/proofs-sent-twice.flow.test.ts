/** Each proof that is good once, sent twice at once by one browser: the first is taken, and both answers lead on. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeOf, walk } from '../../support/mfa.ts';
import { optionsOn, passkeyVisits } from '../../support/passkey-visits.ts';
import { begin, createRequest, freshEmail, newcomer, ownNetworks, strong } from '../../support/registration.ts';
import { twice } from '../../support/sent-twice.ts';
import { authorizeUrl, type Page, pkce, type Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
const texts: { to: string; text: string }[] = [];
const gateway = createServer((req, res) => {
  let body = '';
  req.on('data', (chunk: Buffer) => (body += chunk.toString()));
  req.on('end', () => {
    texts.push((JSON.parse(body) as { data: { to: string; text: string } }).data);
    res.writeHead(204).end();
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => void gateway.listen(0, '127.0.0.1', resolve));
  mails = await openMails();
  latchkey = await startTestApp({
    env: {
      ...mails.env,
      ...ownNetworks,
      SMS_URL: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/`,
      SMS_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
      OUTBOUND_ALLOW: '127.0.0.1',
    },
    settings: {
      'sms.countries': ['49'],
      'signIn.methods': ['password', 'passkey', 'emailLink', 'emailCode', 'smsCode'],
      'limits.passwordFailuresPerAddress': 100_000,
    },
  });
});
beforeEach(async () => {
  // A consent is remembered, so that each test has an application of its own, at whose question all of them end.
  client = await latchkey.client({ name: 'Tally' });
});
afterEach(async () => {
  await set('mfa.enforcement', 'optional');
  await set('verification.email', 'optional');
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
  gateway.close();
});

const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });
const textedTo = async (number: string): Promise<string> => {
  await expect.poll(() => texts.some(({ to }) => to === number), { timeout: 60_000 }).toBe(true);
  return /\d{6}/.exec(texts.findLast(({ to }) => to === number)?.text ?? '')?.[0] ?? '';
};
let numbers = 0;
const number = () => `+493090182${String((numbers += 1)).padStart(3, '0')}`;

async function atWay(visitor: Visitor, { email }: Pick<TestUser, 'email'>, way: string): Promise<Page> {
  const first = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  const page = await visitor.submit(first, { email });
  return page.url.endsWith(`/${way}`) ? page : visitor.open(page.url.replace(/\/[^/]+$/, `/${way}`));
}

describe('at the beginning of a sign-in', () => {
  test('a code by email', async () => {
    const user = await latchkey.user({ email_verified: true });
    const visitor = newcomer();
    const page = await atWay(visitor, user, 'email-code');
    const { code } = await mails.next(user.email, /sign-in/);
    expect((await twice(visitor, page, { code })).url).toMatch(/\/consent$/);
  });

  test('a link by email', async () => {
    const user = await latchkey.user({ email_verified: true });
    const visitor = newcomer();
    await atWay(visitor, user, 'email-code');
    const { html } = await mails.next(user.email, /sign-in/);
    const [link = ''] = /https?:[^"]*\/email-link\/[\w-]+/.exec(html) ?? [];
    expect((await twice(visitor, await visitor.open(link))).url).toMatch(/\/consent$/);
  });

  test('a code as a text message', async () => {
    const phone = number();
    const user = await latchkey.user({ email_verified: true, phone_number: phone, phone_number_verified: true });
    const visitor = newcomer();
    const page = await atWay(visitor, user, 'sms-code');
    expect((await twice(visitor, page, { code: await textedTo(phone) })).url).toMatch(/\/consent$/);
  });

  test('a passkey', async () => {
    const user = await latchkey.user({ email_verified: true });
    const authenticator = new Authenticator();
    await passkeyVisits(latchkey, client).enrol(user, authenticator);
    const visitor = newcomer();
    const page = await atWay(visitor, user, 'passkey');
    const credential = authenticator.get(optionsOn(page), latchkey.base);
    expect((await twice(visitor, page, { credential })).url).toMatch(/\/consent$/);
  });
});

describe('as a second factor', () => {
  const ways = (user: TestUser) => walk(latchkey, client).afterPassword(user, newcomer());
  const choose = async ({ visitor, page }: { visitor: Visitor; page: Page }, way: string): Promise<Page> =>
    visitor.submit(await visitor.open(page.url.replace(/\/[^/]+$/, '/methods')), {}, way);

  test('a code of an authenticator app', async () => {
    const user = await walk(latchkey, client).withApp({ email_verified: true });
    const { visitor, page } = await ways(user);
    expect((await twice(visitor, page, { code: codeOf(user.key) })).url).toMatch(/\/consent$/);
  });

  test('a recovery code', async () => {
    const steps = walk(latchkey, client);
    const user = await steps.withApp({ email_verified: true });
    const [code = ''] = await steps.withRecoveryCodes(user);
    const turn = await ways(user);
    expect((await twice(turn.visitor, await choose(turn, 'recovery-code'), { code })).url).toMatch(/\/consent$/);
    const left = await latchkey.app.credentials.recoveryCodes.find(user.id as never);
    expect(left?.left).toBe(9);
  });

  test('a passkey', async () => {
    const user = await latchkey.user({ email_verified: true });
    const authenticator = new Authenticator();
    await passkeyVisits(latchkey, client).enrol(user, authenticator);
    await set('mfa.enforcement', 'required');
    const { visitor, page } = await ways(user);
    const credential = authenticator.get(optionsOn(page), latchkey.base);
    expect((await twice(visitor, page, { credential })).url).toMatch(/\/consent$/);
  });

  test.each(['email', 'sms'] as const)('a code by %s', async (way) => {
    await set(way === 'email' ? 'mfa.emailCodes' : 'mfa.smsCodes', true);
    await set('mfa.enforcement', 'required');
    const phone = number();
    const given = way === 'sms' ? { phone_number: phone, phone_number_verified: true } : {};
    const user = await latchkey.user({ email_verified: true, ...given });
    const { visitor, page } = await ways(user);
    const typing = await visitor.submit(page);
    const code = way === 'sms' ? await textedTo(phone) : (await mails.next(user.email)).code;
    expect((await twice(visitor, typing, { code })).url).toMatch(/\/consent$/);
  });
});

describe('for an email address', () => {
  test.each(['code', 'link'] as const)('the %s that verifies the address of the account', async (what) => {
    await set('verification.email', 'required');
    const user = await latchkey.user();
    const { visitor, page } = await walk(latchkey, client).afterPassword(user, newcomer());
    expect(page.url).toMatch(/\/verify-email$/);
    const { code, link } = await mails.next(user.email);
    const end = await (what === 'code' ? twice(visitor, page, { code }) : twice(visitor, await visitor.open(link)));
    expect(end.url).toMatch(/\/consent$/);
  });

  test.each(['code', 'link'] as const)('the %s that creates an account', async (what) => {
    const [visitor, email] = [newcomer(), freshEmail()];
    const values = { name: 'Noor Haddad', email, password: strong };
    const check = await begin(visitor, createRequest(latchkey, client), values);
    const { code, html } = await mails.next(email);
    const [link = ''] = /https?:[^"]*\/create\/link\/[\w-]+/.exec(html) ?? [];
    const end = await (what === 'code' ? twice(visitor, check, { code }) : twice(visitor, await visitor.open(link)));
    expect(end.url).toMatch(/\/consent$/);
    const made = await latchkey.app.database.sql('select 1 from users where email = $1', [email]);
    expect(made.length).toBe(1);
  });
});
