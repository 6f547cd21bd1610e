import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { codeBack } from '../../support/mfa.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let people = 0;
const someone = () => new Visitor({ 'x-forwarded-for': `198.51.100.${(people += 1)}` });

beforeAll(async () => {
  // Text messages are kept instead of sent, as on the embedded database alone.
  latchkey = await startTestApp({
    embedded: true,
    env: { TRUSTED_PROXIES: '127.0.0.1' },
    settings: { 'sms.countries': ['1'], 'signIn.methods': ['smsCode', 'password'] },
  });
  client = await latchkey.client({ first_party: true });
});
afterAll(() => latchkey.close());
afterEach(() => latchkey.run('settings.update', { name: 'sms.countries', value: '["1"]' }));

const withNumber = (number: string, given = {}) =>
  latchkey.user({ phone_number: number, phone_number_verified: true, password: undefined, ...given });
const begin = async (user: Pick<TestUser, 'email'>, visitor = someone()): Promise<Page> =>
  visitor.submit(await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge })), {
    email: user.email,
  });

type Kept = { isText?: boolean; to: { address: string }; text: string };
async function textsTo(number: string): Promise<string[]> {
  const answer = await fetch(`${latchkey.base}/dev/mailbox`, { headers: { accept: 'application/json' } });
  const { mails } = (await answer.json()) as { mails: Kept[] };
  return mails.filter(({ isText, to }) => isText === true && to.address === number).map(({ text }) => text);
}
async function codeTo(number: string): Promise<string> {
  await expect.poll(async () => (await textsTo(number)).length, { timeout: 60_000 }).toBeGreaterThan(0);
  return /^\d{6}/.exec((await textsTo(number))[0]!)![0];
}

describe('a code as a text message', () => {
  test('signs in a user without a password', async () => {
    const user = await withNumber('+12025550101');
    const visitor = someone();
    const page = await begin(user, visitor);
    expect(new URL(page.url).pathname).toMatch(/\/sms-code$/);
    expect(page.text).not.toContain('0101');
    const code = await codeTo('+12025550101');
    expect((await textsTo('+12025550101'))[0]).toMatch(/@localhost #\d{6}$/);
    expect(codeBack(await visitor.submit(page, { code }))).toMatch(/^lk_ac_/);
  });

  test.each([
    ['whose number is not proved', '+12025550102', { phone_number_verified: false }, false],
    ['who is disabled', '+12025550103', {}, true],
  ])('is not sent to a user %s, who sees the same page', async (_what, number, given, isDisabled) => {
    const user = await withNumber(number, given);
    if (isDisabled) await latchkey.run('users.disable', { user_id: user.id });
    const page = await begin(user);
    expect(page.text).toContain('Check your text messages');
    const marker = `+120255501${20 + people}`;
    await begin(await withNumber(marker));
    await codeTo(marker);
    expect(await textsTo(number)).toEqual([]);
  });

  test('is not offered if text messages are off', async () => {
    await latchkey.run('settings.update', { name: 'sms.countries', value: '[]' });
    const visitor = someone();
    const page = await begin(await withNumber('+12025550104'), visitor);
    expect(new URL(page.url).pathname).toMatch(/\/password$/);
    expect(page.text).not.toContain('text message');
    const direct = await visitor.open(page.url.replace(/password$/, 'sms-code'));
    expect(new URL(direct.url).pathname).toMatch(/\/password$/);
  });

  test('is refused on the page for a code by mail', async () => {
    await latchkey.run('settings.update', { name: 'signIn.methods', value: '["smsCode","emailCode"]' });
    const user = await withNumber('+12025550105', { email_verified: true });
    const visitor = someone();
    const page = await begin(user, visitor);
    const code = await codeTo('+12025550105');
    const mail = await visitor.open(page.url.replace(/sms-code$/, 'email-code'));
    expect((await visitor.submit(mail, { code })).isRefused).toBe(true);
    expect(codeBack(await visitor.submit(page, { code }))).toMatch(/^lk_ac_/);
  });
});
