import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { HOUR, MINUTE } from '#kernel/clock.ts';
import { send } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, codeOf, isAt, walk } from '../../support/mfa.ts';
import { formsOf, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let steps: ReturnType<typeof walk>;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env, settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
});
afterEach(() => vi.useRealTimers());
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });
const later = (milliseconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });

describe('a user with an authenticator app', () => {
  test('enters its code after the password, and the relying party receives the methods', async () => {
    const { key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user);
    expect(isAt(page, '/second-factor/totp')).toBe(true);
    expect(codeBack(await visitor.submit(page, { code: codeOf(key) }))).not.toBeNull();
    const [event] = await latchkey.app.database.sql<{ details: { level: number; amr: string[] } }>(
      `select details from audit_record where type = 'user.signed_in' and subject_id = $1`,
      [user.id],
    );
    expect(event?.details).toMatchObject({ level: 2, amr: ['pwd', 'otp', 'mfa'] });
  });

  test.each<[string, string]>([
    ['', 'Enter the code shown in your app'],
    ['000000', 'That code is incorrect or has expired'],
    ['12345', 'Enter all 6 digits'],
    ['xyz', 'That code is incorrect or has expired'],
    ['x'.repeat(300), 'That code is incorrect or has expired'],
  ])('sees an error next to the field for %j', async (code, text) => {
    const { key: _key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user);
    const answer = await visitor.submit(page, { code });
    expect([answer.isRefused, isAt(answer, '/second-factor/totp')]).toEqual([true, true]);
    expect(answer.text).toContain(text);
    expect(answer.text).toMatch(/<title>Error:/);
    expect(answer.text).toContain('aria-invalid="true"');
    if (code) expect(answer.text).not.toContain(code);
  });

  test.each<[string, (code: string) => string]>([
    ['Arabic digits', (code) => code.replaceAll(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit)))],
    ['full-width digits', (code) => code.replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))],
    ['blanks and marks', (code) => `\u200e${code.slice(0, 3)}\u00a0\u2013 ${code.slice(3)}.`],
  ])('may type or paste it in %s', async (_what, paste) => {
    const { key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user);
    expect(codeBack(await visitor.submit(page, { code: paste(codeOf(key)) }))).not.toBeNull();
  });

  test('has lost no try with a code that is not complete', async () => {
    const { key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user);
    for (const code of ['12', '1', '12345', '٣', ' - ', '123 4', '12']) await visitor.submit(page, { code });
    expect(codeBack(await visitor.submit(page, { code: codeOf(key) }))).not.toBeNull();
  });

  test('is paused after five wrong codes, in every browser, and is notified; the password does not help', async () => {
    const { key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user);
    for (let i = 0; i < 5; i += 1) await visitor.submit(page, { code: `00000${i}` });
    const right = await visitor.submit(page, { code: codeOf(key) });
    expect([right.isRefused, codeBack(right)]).toEqual([true, null]);
    expect(right.text).toContain('Codes are paused for 15 minutes');
    expect((await mails.next(user.email, /Incorrect codes/)).text).toContain('They didn’t get in');
    const other = await steps.afterPassword(user);
    expect((await other.visitor.submit(other.page, { code: codeOf(key, 1) })).isRefused).toBe(true);
    later(15 * MINUTE);
    const again = await steps.afterPassword(user);
    expect(codeBack(await again.visitor.submit(again.page, { code: codeOf(key) }))).not.toBeNull();
  });

  test('stays the identified user until another account is chosen', async () => {
    const { key: _key, ...user } = await steps.withApp();
    const other = await latchkey.user();
    const { visitor, page } = await steps.afterPassword(user);
    const login = await visitor.open(page.url.replace('/second-factor/totp', '/login'));
    const back = await visitor.submit(await visitor.submit(login, { email: other.email }), {
      password: other.password,
    });
    expect(codeBack(back)).not.toBeNull();
  });

  test('may press the button twice', async () => {
    const { key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user);
    const form = { ...formsOf(page)[0]?.fields, code: codeOf(key), action: 'continue' };
    await visitor.request(page.url, { form });
    expect(codeBack(await visitor.open(page.url, form))).not.toBeNull();
  });

  test('is not asked if the instance enforces nothing', async () => {
    const { key: _key, ...user } = await steps.withApp();
    await set('mfa.enforcement', 'off');
    expect(codeBack((await steps.afterPassword(user)).page)).not.toBeNull();
    await set('mfa.enforcement', 'optional');
  });
});

describe('another method', () => {
  test('is a recovery code, valid once', async () => {
    const { key: _key, ...user } = await steps.withApp();
    const [code = ''] = await steps.withRecoveryCodes(user);
    const { visitor, page } = await steps.afterPassword(user);
    expect(page.text).toContain('/second-factor/methods');
    const ways = await visitor.open(page.url.replace('/totp', '/methods'));
    expect(ways.text).toContain('10 left');
    const paper = await visitor.submit(ways, {}, 'recovery-code');
    expect(isAt(paper, '/second-factor/recovery-code')).toBe(true);
    expect(formsOf(paper)[0]?.fields).not.toHaveProperty('remember');
    expect((await visitor.submit(paper, { code: 'k7mv2-qxhr4-tdw9p' })).isRefused).toBe(true);
    expect(codeBack(await visitor.submit(paper, { code: code.toUpperCase().replaceAll('-', ' ') }))).not.toBeNull();
    expect((await mails.next(user.email, /recovery code was used/)).text).toContain('9 recovery codes left');
    const next = await steps.afterPassword(user);
    const used = await next.visitor.open(next.page.url.replace('/totp', '/recovery-code'));
    expect((await next.visitor.submit(used, { code })).isRefused).toBe(true);
  });

  test('is a code by mail if the settings allow it, sent on request', async () => {
    await set('mfa.emailCodes', true);
    await set('mfa.enforcement', 'required');
    const user = await latchkey.user({ email_verified: true });
    const { visitor, page: asking } = await steps.afterPassword(user);
    expect(isAt(asking, '/second-factor/email')).toBe(true);
    expect(asking.text).toContain('p•••@example.com');
    const typing = await visitor.submit(asking);
    expect(isAt(typing, '/second-factor/email/code')).toBe(true);
    const mail = await mails.next(user.email, /is your .*code/);
    expect((await visitor.submit(typing, { code: mail.code === '000000' ? '000001' : '000000' })).isRefused).toBe(true);
    expect(
      codeBack(await visitor.submit(typing, { code: `${mail.code.slice(0, 3)}\u00a0${mail.code.slice(3)}` })),
    ).not.toBeNull();
    await set('mfa.emailCodes', false);
    await set('mfa.enforcement', 'optional');
  });

  test('by mail is valid only in the sign-in that requested it, and limited to three in a quarter of an hour', async () => {
    await set('mfa.emailCodes', true);
    await set('mfa.enforcement', 'required');
    const user = await latchkey.user({ email_verified: true });
    const [one, other] = [await steps.afterPassword(user), await steps.afterPassword(user)];
    const typing = await one.visitor.submit(one.page);
    const { code } = await mails.next(user.email, /is your .*code/);
    const elsewhere = await other.visitor.open(`${other.page.url}/code`);
    expect((await other.visitor.submit(elsewhere, { code })).isRefused).toBe(true);
    const start = Date.now();
    const press = async (after: number) => {
      vi.useFakeTimers({ toFake: ['Date'], now: start + after });
      return (await one.visitor.submit(typing, {}, 'send')).text;
    };
    expect(await press(0)).toContain('Sent again at');
    expect(await press(10_000)).toContain('send it again in 20 seconds');
    expect(await press(31_000)).toContain('Sent again at');
    expect(await press(62_000)).toContain('We can’t send more for now');
    vi.useRealTimers();
    await set('mfa.emailCodes', false);
    await set('mfa.enforcement', 'optional');
  });

  test('is never a disabled one', async () => {
    const { key: _key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user);
    expect(page.text).not.toContain('/second-factor/methods');
    for (const way of ['email', 'email/code', 'sms', 'sms/code', 'recovery-code']) {
      const answer = await visitor.open(page.url.replace('/totp', `/${way}`));
      expect(isAt(answer, '/second-factor/totp'), way).toBe(true);
    }
    const chosen = await visitor.open(page.url.replace('/totp', '/methods'), {
      ...formsOf(page)[0]?.fields,
      method: 'email',
    });
    expect(isAt(chosen, '/second-factor/methods')).toBe(true);
  });
});

describe('a trusted browser', () => {
  test('is not asked again for thirty days, unless the relying party requires it', async () => {
    const { key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user);
    expect(page.text).toContain('Trust this browser for 30 days');
    await visitor.submit(page, { code: codeOf(key), remember: '1' });
    const next = await steps.afterPassword(user, visitor);
    expect(codeBack(next.page)).not.toBeNull();
    const demanded = await steps.afterPassword(user, visitor, {
      claims: JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:latchkey:acr:2' } } }),
    });
    expect(isAt(demanded.page, '/second-factor/totp')).toBe(true);
    later(31 * 24 * HOUR);
    expect(isAt((await steps.afterPassword(user, visitor)).page, '/second-factor/totp')).toBe(true);
  });

  test('is not offered to an administrator, and not accepted', async () => {
    const { key, ...user } = await steps.withApp({ administrator: true });
    const { visitor, page } = await steps.afterPassword(user);
    expect(page.text).not.toContain('Trust this browser');
    await visitor.submit(page, { code: codeOf(key), remember: '1' });
    expect([...visitor.jar.values()].map(({ name }) => name)).not.toContain('latchkey-trusted');
    expect(isAt((await steps.afterPassword(user, visitor)).page, '/second-factor/totp')).toBe(true);
  });

  test('is forgotten after a new password', async () => {
    const { key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user);
    await visitor.submit(page, { code: codeOf(key), remember: '1' });
    const password = 'another horse entirely 7';
    const { status } = await send(visitor, `${latchkey.base}/account/password`, { current: user.password, password });
    expect(status).toBe(303);
    const next = await steps.afterPassword({ email: user.email, password }, visitor);
    expect(isAt(next.page, '/second-factor/totp')).toBe(true);
  });
});

test('the second step belongs to one browser: its address is useless without the cookie', async () => {
  const { key: _key, ...user } = await steps.withApp();
  const { page } = await steps.afterPassword(user);
  expect((await new Visitor().open(page.url)).status).toBe(410);
});
