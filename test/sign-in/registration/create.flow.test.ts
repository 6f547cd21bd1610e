/** Creating an account: what is asked, how the address is proved, and what there is before and after. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { HOUR, MINUTE } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import {
  begin,
  createRequest,
  findUser,
  freshEmail,
  newcomer,
  ownNetworks,
  register,
  strong,
} from '../../support/registration.ts';
import { authorizeUrl, formsOf, type Page, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, ...ownNetworks } });
  client = await latchkey.client();
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(async () => {
  vi.useRealTimers();
  for (const [name, value] of Object.entries(changed)) await set(name, value);
  changed = {};
});

let changed: Record<string, unknown> = {};
async function set(name: string, value: unknown, back?: unknown): Promise<void> {
  await latchkey.run('settings.update', { name, value: JSON.stringify(value) });
  if (back !== undefined) changed[name] = back;
}
const later = (milliseconds: number): void =>
  void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });
const request = (): string => createRequest(latchkey, client);
const filled = (email: string) => ({ name: 'Noor Haddad', email, password: strong });

/** As far as the page for the code. */
async function toCheck(email = freshEmail(), visitor = newcomer()) {
  const page = await begin(visitor, request(), filled(email));
  expect(page.url).toMatch(/\/create\/check$/);
  return { visitor, email, page, mail: await mails.next(email) };
}

describe('a user who registers', () => {
  test('has no account before the code is entered, and one with a verified address after it', async () => {
    const { visitor, email, page, mail } = await toCheck();
    expect(await findUser(latchkey, email)).toBeUndefined();
    const end = await visitor.submit(page, { code: `${mail.code.slice(0, 3)} ${mail.code.slice(3)}` });
    expect(end.text).toContain('Shop');
    expect(await findUser(latchkey, email)).toMatchObject({
      email,
      email_verified: true,
      profile: { name: 'Noor Haddad', locale: 'en' },
      is_administrator: false,
    });
    const { id_token: idToken } = await tokensFor(latchkey.base, client, { email, password: strong });
    expect(idToken).toEqual(expect.stringMatching(/^ey/));
  });

  test('has one proof, the mailbox, and not the password that was just chosen', async () => {
    const { visitor, end } = await register(latchkey, client, mails);
    const back = await visitor.submit(end, {}, 'allow');
    expect(back.location).toContain('code=');
    const [event] = await latchkey.app.database.sql<{ details: string | object }>(
      `select details from audit_record where type = 'user.signed_in' order by at desc, id desc limit 1`,
    );
    const details = typeof event!.details === 'string' ? JSON.parse(event!.details) : event!.details;
    expect(details).toMatchObject({ level: 1, amr: ['otp'] });
  });

  test('can start by the link on the email page as well', async () => {
    const visitor = newcomer();
    const login = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
    expect(login.text).toMatch(/href="\/interaction\/[\w-]+\/create"/);
    const form = await visitor.open(login.url.replace(/\/login$/, '/create'));
    const email = freshEmail();
    const check = await visitor.submit(form, filled(email));
    const { code } = await mails.next(email);
    expect((await visitor.submit(check, { code })).text).toContain('Shop');
  });

  test('finishes by the link in the same browser, and only by its button', async () => {
    const { visitor, email, mail } = await toCheck();
    for (let i = 0; i < 3; i += 1) {
      const page = await visitor.open(mail.link);
      expect([page.status, page.text.includes(email.split('@')[0]!)]).toEqual([200, true]);
    }
    expect(await findUser(latchkey, email)).toBeUndefined();
    const end = await visitor.submit(await visitor.open(mail.link));
    expect(end.text).toContain('Shop');
    expect(await findUser(latchkey, email)).toMatchObject({ email_verified: true });
    expect((await new Visitor().open(mail.link)).status).toBe(410);
  });

  test('sees the form again with the errors next to the fields, and no mail is sent', async () => {
    const email = freshEmail();
    const visitor = newcomer();
    const wrong = await begin(visitor, request(), { name: '', email: 'noor at fernway', password: 'short' });
    expect(wrong.isRefused).toBe(true);
    expect(wrong.text).toContain('Enter an email address like name@example.com');
    expect(wrong.text).toContain('Enter your full name');
    expect(wrong.text).toContain('Choose a password with at least 15 characters');
    expect(wrong.text).toContain('There is a problem');
    const one = await visitor.submit(wrong, { name: 'Noor', email: 'noor at fernway', password: strong });
    expect(one.text).not.toContain('There is a problem');
    expect(one.text).toMatch(/<input[^>]* id="email"[^>]* autofocus aria-invalid="true"/);
    expect(one.text.match(/ autofocus/g)).toHaveLength(1);
    expect(one.text).toContain('We never keep one that was not saved.');
    expect(one.text).not.toContain(strong);
    const weak = await visitor.submit(wrong, { name: 'Noor', email, password: 'latchkey latchkey latchkey' });
    expect([weak.isRefused, weak.text.includes('easy to guess')]).toEqual([true, true]);
    expect(formsOf(weak)[0]!.fields).toMatchObject({ name: 'Noor', email });
    expect(formsOf(weak)[0]!.fields['password']).toBe('');
    expect((await mails.all()).filter(({ to }) => to === email)).toEqual([]);
  });

  test('gets another code, which invalidates the first, and may change the address', async () => {
    const { visitor, email, page, mail: first } = await toCheck();
    const again = await visitor.submit(page, {}, 'resend');
    expect([again.status, again.text.includes('Sent again at')]).toEqual([200, true]);
    const second = await mails.next(email);
    expect((await visitor.submit(again, { code: first.code })).isRefused).toBe(true);
    expect((await visitor.open(first.link)).status).toBe(410);

    const other = freshEmail();
    const form = await visitor.open(page.url.replace(/\/check$/, '/address'));
    expect(Object.keys(formsOf(form)[0]!.fields)).toEqual(['csrf', 'email']);
    expect(formsOf(form)[0]!.fields['email']).toBe(email);
    expect((await visitor.submit(form, { email: 'noor at fernway' })).text).toContain('like name@example.com');
    const check = await visitor.submit(form, { email: other });
    expect(check.text).toContain(other);
    // The proof of the first address proves nothing about the second.
    expect((await visitor.submit(check, { code: second.code })).isRefused).toBe(true);
    expect((await visitor.open(second.link)).status).toBe(410);
    const { code } = await mails.next(other);
    expect((await visitor.submit(check, { code })).text).toContain('Shop');
    expect(await findUser(latchkey, email)).toBeUndefined();
    expect(await findUser(latchkey, other)).toMatchObject({ profile: { name: 'Noor Haddad' } });
    await tokensFor(latchkey.base, client, { email: other, password: strong });
  });

  test.each([
    ['a free', () => freshEmail()],
    ['a taken', async () => (await latchkey.user({ email_verified: true })).email],
  ])('may ask again for %s address after 30 seconds, three mails in a quarter of an hour', async (_what, address) => {
    const visitor = newcomer();
    let page = await begin(visitor, request(), filled(await address()));
    const press = async () => (page = await visitor.submit(page, {}, 'resend')).text;
    expect(await press()).toContain('Sent again at');
    expect(await press()).toMatch(/We’ve just sent it. You can send it again in (29|30) seconds/);
    later(31_000);
    expect(await press()).toContain('Sent again at');
    later(62_000);
    expect(await press()).toContain('We can’t send more for now');
  });

  test('whose first address was another user’s keeps name and password for the right one', async () => {
    const owner = await latchkey.user({ email_verified: true });
    const visitor = newcomer();
    const taken = await begin(visitor, request(), filled(owner.email));
    const email = freshEmail();
    const form = await visitor.open(taken.url.replace(/\/check$/, '/address'));
    const check = await visitor.submit(form, { email });
    const { code } = await mails.next(email);
    expect((await visitor.submit(check, { code })).text).toContain('Shop');
    await tokensFor(latchkey.base, client, { email, password: strong });
  });

  test('learns only by mail that the account exists already', async () => {
    const owner = await latchkey.user({ email_verified: true });
    const visitor = newcomer();
    const taken = await begin(visitor, request(), filled(owner.email.toUpperCase()));
    expect(taken.url).toMatch(/\/create\/check$/);
    const mail = await mails.next(owner.email, /already/);
    expect(mail.text).toContain(`${latchkey.base}/account`);
    expect((await visitor.submit(taken, { code: '000000' })).isRefused).toBe(true);
  });
});

test('receives the code in the mail only, in the language of the page', async () => {
  const seen: Page[] = [];
  class Recorder extends Visitor {
    override async request(...given: Parameters<Visitor['request']>): Promise<Page> {
      const page = await super.request(...given);
      seen.push(page);
      return page;
    }
  }
  const visitor = new Recorder({ 'accept-language': 'de', 'x-forwarded-for': '203.0.113.77' });
  const email = freshEmail();
  const check = await begin(visitor, request(), filled(email));
  const { code, link, subject, text } = await mails.next(email);
  expect(subject).toContain('ist Ihr Code');
  expect(text).toContain('Ohne den Code wird kein Konto erstellt');
  await visitor.submit(check, { code: code === '000000' ? '000001' : '000000' });
  await visitor.open(check.url);
  const secret = link.split('/').at(-1)!;
  for (const page of seen)
    for (const part of [page.text, page.url, page.location ?? '', JSON.stringify([...page.headers])])
      expect([part.includes(secret), part.includes(code)]).toEqual([false, false]);
  expect((await visitor.submit(check, { code })).status).toBeLessThan(400);
  expect(await findUser(latchkey, email)).toMatchObject({ profile: { locale: 'de' } });
});

describe('a code or link', () => {
  test('is valid for ten minutes', async () => {
    const { visitor, page, mail } = await toCheck();
    later(10 * MINUTE + 16_000);
    expect((await visitor.submit(page, { code: mail.code })).isRefused).toBe(true);
  });

  test('is invalid after its sign-in, and the page says where to continue', async () => {
    const { visitor, email, mail } = await toCheck();
    later(2 * HOUR);
    const page = await visitor.open(mail.link);
    expect(page.text).toContain('Continue where you started');
    expect(await findUser(latchkey, email)).toBeUndefined();
  });

  test('does nothing in another browser or in another sign-in', async () => {
    const first = await toCheck();
    const stranger = await toCheck();
    const elsewhere = await stranger.visitor.open(first.mail.link);
    expect(elsewhere.text).toContain('Continue where you started');
    expect((await stranger.visitor.submit(stranger.page, { code: first.mail.code })).isRefused).toBe(true);
    const moved = stranger.page.url.replace(/check$/, `link/${first.mail.link.split('/').at(-1)}`);
    expect((await stranger.visitor.open(moved)).status).toBe(410);
    expect(await findUser(latchkey, first.email)).toBeUndefined();
    // The owner still comes in.
    expect((await first.visitor.submit(first.page, { code: first.mail.code })).text).toContain('Shop');
  });

  test('of a newer registration for the same address elsewhere does not work here, and ends nothing', async () => {
    const { visitor, email, page, mail: mine } = await toCheck();
    const attacker = await toCheck(email);
    if (attacker.mail.code !== mine.code)
      expect((await visitor.submit(page, { code: attacker.mail.code })).isRefused).toBe(true);
    expect((await visitor.open(attacker.mail.link)).text).toContain('Continue where you started');
    expect(await findUser(latchkey, email)).toBeUndefined();
    await visitor.submit(page, { code: mine.code });
    expect(await findUser(latchkey, email)).toMatchObject({ email });
    const late = await attacker.visitor.submit(attacker.page, { code: attacker.mail.code });
    expect([late.isRefused, late.location]).toEqual([true, null]);
  });

  test('is refused after five wrong ones, from any browser', async () => {
    const { visitor, page, mail } = await toCheck();
    const wrong = mail.code === '000000' ? '000001' : '000000';
    for (let i = 0; i < 5; i += 1) expect((await visitor.submit(page, { code: wrong })).isRefused).toBe(true);
    const used = await visitor.submit(page, { code: mail.code });
    expect([used.isRefused, used.text.includes('Too many incorrect codes')]).toEqual([true, true]);
  });

  test('of another purpose opens nothing', async () => {
    const { visitor, page } = await toCheck();
    await set('registration.mode', 'waitlist', 'open');
    const waiting = freshEmail();
    const other = newcomer();
    await other.submit(await other.open(`${latchkey.base}/waitlist`), { name: 'Ada', email: waiting });
    const { link, code } = await mails.next(waiting);
    expect((await visitor.submit(page, { code })).isRefused).toBe(true);
    expect((await visitor.open(page.url.replace(/check$/, `link/${link.split('/').at(-1)}`))).status).toBe(410);
    expect((await visitor.open(`${latchkey.base}/invitation/${link.split('/').at(-1)}`)).status).toBe(410);
  });

  test.each(['code', 'link'])('creates one account in fifty requests at once: %s', async (kind) => {
    const { visitor, email, page, mail } = await toCheck();
    const confirm = kind === 'link' ? await visitor.open(mail.link) : page;
    const form = formsOf(confirm)[0]!;
    const values = { ...form.fields, ...(kind === 'link' ? {} : { code: mail.code }), action: 'continue' };
    const answers = await Promise.all(Array.from({ length: 50 }, () => visitor.request(form.action, { form: values })));
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    const [count] = await latchkey.app.database.sql<{ n: number }>(
      'select count(*)::int as n from users where email = $1',
      [email],
    );
    expect(count!.n).toBe(1);
  });
});

describe('registration is refused', () => {
  test('in mode closed: neither the link nor the page exists', async () => {
    await set('registration.mode', 'closed', 'open');
    const visitor = newcomer();
    const login = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
    expect(login.text).not.toContain('/create"');
    const page = await visitor.open(login.url.replace(/\/login$/, '/create'));
    expect([page.status, page.text.includes('You can’t create an account here')]).toEqual([403, true]);
    await expect(latchkey.run('invitations.create', { email: freshEmail() })).rejects.toThrow('registration.closed');
  });

  test('for other domains than the listed ones, compared in canonical form', async () => {
    await set('registration.domains', ['fernway.example'], []);
    await set('registration.mode', 'domains', 'open');
    const visitor = newcomer();
    const form = await visitor.open(request());
    expect(form.text).toContain('fernway.example');
    for (const email of [
      'a@evil.example',
      'a@fernway.example.evil.example',
      'fernway.example@evil.example',
      'a@sub.fernway.example',
    ])
      expect((await visitor.submit(form, filled(email))).text).toContain(
        'You can only use certain email addresses here',
      );
    const email = `A${freshEmail().split('@')[0]}@FernWay.Example`;
    expect((await visitor.submit(form, filled(email))).url).toMatch(/\/create\/check$/);
    // Mail goes to the address as typed, with the domain in canonical form.
    expect((await mails.next(email.split('@')[0] + '@fernway.example')).code).toMatch(/^\d{6}$/);
  });

  test('for one network after too many, with the time to retry', async () => {
    await set('limits.accountsPerAddress', 3, 20);
    const visitor = newcomer();
    const pages: Page[] = [];
    for (let i = 0; i < 4; i += 1) pages.push(await begin(visitor, request(), filled(freshEmail())));
    expect(pages.map(({ isRefused }) => isRefused)).toEqual([false, false, false, true]);
    expect(pages[3]!.text).toContain('paused here');
  });
});

test('until the browser solves a proof of work, if it is required', async () => {
  await set('risk.proofOfWork', 'always', 'pressure');
  const email = freshEmail();
  for (const answer of ['', '{}', 'x'.repeat(2048)]) {
    const page = await begin(newcomer(), request(), { ...filled(email), work: answer });
    expect([page.isRefused, /data-work="[^"]+"/.test(page.text)]).toEqual([true, true]);
  }
  await set('registration.mode', 'waitlist', 'open');
  const visitor = newcomer();
  const page = await visitor.submit(await visitor.open(`${latchkey.base}/waitlist`), { name: 'Ada', email });
  expect([page.isRefused, /data-work="[^"]+"/.test(page.text)]).toEqual([true, true]);
  expect((await mails.all()).filter(({ to }) => to === email)).toEqual([]);
});

describe('with the method', () => {
  test('code by mail: no password is requested or stored', async () => {
    await set('registration.methods', ['email_code'], ['password', 'passkey']);
    const visitor = newcomer();
    const form = await visitor.open(request());
    expect(form.text).not.toContain('type="password"');
    const email = freshEmail();
    const check = await visitor.submit(form, { name: 'Noor', email });
    expect((await visitor.submit(check, { code: (await mails.next(email)).code })).text).toContain('Shop');
    const rows = await latchkey.app.database.sql(
      'select 1 from password_credential where user_id = (select id from users where email = $1)',
      [email],
    );
    expect(rows).toEqual([]);
  });

  test('passkey: it is created right after the verification, or a password instead', async () => {
    const visitor = newcomer();
    const email = freshEmail();
    const check = await begin(visitor, request(), { name: 'Noor', email }, 'passkey');
    const page = await visitor.submit(check, { code: (await mails.next(email)).code });
    expect(page.url).toMatch(/\/first-passkey$/);
    expect(page.text).toContain('data-passkey="create"');
    // The dispatcher leads back to it: there is no way around.
    expect((await visitor.open(page.url.replace(/\/first-passkey$/, ''))).url).toBe(page.url);
    const instead = await visitor.open(`${page.url}/password`);
    expect((await visitor.submit(instead, { password: 'short' })).isRefused).toBe(true);
    expect((await visitor.submit(instead, { password: strong })).text).toContain('Shop');
    expect((await tokensFor(latchkey.base, client, { email, password: strong })).id_token).toMatch(/^ey/);
  });

  test('passkey first: the password has an address of its own', async () => {
    await set('registration.methods', ['passkey', 'password', 'email_code'], ['password', 'passkey']);
    const visitor = newcomer();
    const form = await visitor.open(request());
    expect(form.text).not.toContain('type="password"');
    const withPassword = await visitor.open(`${form.url}?method=password`);
    const email = freshEmail();
    const check = await visitor.submit(withPassword, filled(email));
    expect((await visitor.submit(check, { code: (await mails.next(email)).code })).text).toContain('Shop');

    const other = newcomer();
    const codes = freshEmail();
    const begun = await begin(other, request(), { name: 'Noor', email: codes });
    const passkey = await other.submit(begun, { code: (await mails.next(codes)).code });
    expect(passkey.url).toMatch(/\/first-passkey$/);
    expect((await other.submit(passkey, {}, 'skip')).text).toContain('Shop');
  });
});
