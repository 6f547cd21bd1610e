import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails, type ReadMail } from '../../support/mails.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;

/** A browser somewhere else each time: so many mails are not sent on behalf of one address. */
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
afterEach(async () => {
  vi.useRealTimers();
  await methods(null);
});

const methods = (list: readonly string[] | null) =>
  latchkey.run('settings.update', { name: 'signIn.methods', value: JSON.stringify(list) });
const withoutPassword = () => latchkey.user({ email_verified: true, password: undefined });
const start = (extra = {}) => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });
const later = (minutes: number) => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 });
const heading = (page: Page) => /<h1>([^<]*)/.exec(page.text)?.[1];
const path = (page: Page) => new URL(page.url).pathname.replace(/\/interaction\/[^/]+/, '');
const arrived = (page: Page) => (page.location === null ? null : new URL(page.location).searchParams.get('code'));
const signInSubject = /sign-in (code|link)|Anmeldecode/;
const mailTo = ({ email }: Pick<TestUser, 'email'>) => mails.next(email, signInSubject);

/** At the page for the code, which has sent a mail. */
async function atCode(user: Pick<TestUser, 'email'>, visitor = someone(), extra = {}): Promise<Page> {
  const page = await visitor.submit(await visitor.open(start(extra)), { email: user.email });
  return path(page) === '/email-code' ? page : visitor.open(page.url.replace(/\/password$/, '/email-code'));
}
async function sent(user: TestUser, visitor = someone()): Promise<{ visitor: Visitor; page: Page; mail: ReadMail }> {
  const page = await atCode(user, visitor);
  return { visitor, page, mail: await mailTo(user) };
}

describe('a code by mail', () => {
  test('signs in a user without a password, with the right amr (RFC 8176)', async () => {
    const user = await withoutPassword();
    const { verifier, challenge } = pkce();
    const visitor = someone();
    const page = await atCode(user, visitor, { code_challenge: challenge });
    expect([heading(page), page.text.includes('has an account')]).toEqual(['Check your email', true]);
    const mail = await mailTo(user);
    expect(mail.subject.replaceAll(/\s/g, ' ')).toBe(
      `${mail.code.slice(0, 3)} ${mail.code.slice(3)} is your Latchkey sign-in code`,
    );
    const back = await visitor.submit(page, { code: `${mail.code.slice(0, 3)} ${mail.code.slice(3)}` });
    const answer = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: arrived(back)!,
      redirect_uri: client.redirect_uris[0]!,
      code_verifier: verifier,
    });
    const claims = JSON.parse(Buffer.from(answer.body.id_token.split('.')[1]!, 'base64url').toString()) as object;
    expect(claims).toMatchObject({ sub: user.id, amr: ['otp'], acr: 'urn:latchkey:acr:1' });
  });

  test('is sent once for repeated page loads, and again on request', async () => {
    const user = await withoutPassword();
    const { visitor, page, mail } = await sent(user);
    await visitor.open(page.url);
    const german = await visitor.open(`${page.url}?ui_locales=de`);
    expect(heading(german)).toBe('Sehen Sie in Ihre E-Mails');
    const again = await visitor.submit(german, {}, 'resend');
    const second = await mailTo(user);
    expect((await mails.all()).filter(({ to }) => to === user.email)).toHaveLength(2);
    expect((await visitor.submit(again, { code: mail.code })).isRefused).toBe(mail.code !== second.code);
    expect(arrived(await visitor.submit(again, { code: second.code }))).toMatch(/^lk_ac_/);
  });

  test.each([
    ['nothing', '', 'Enter the 6-digit code'],
    ['another code', '000000', 'That code is incorrect or has expired'],
    ['a word', 'otter', 'That code is incorrect or has expired'],
    ['a part of a code', '12 3', 'Enter all 6 digits'],
  ])('that is %s is refused', async (_what, code, text) => {
    const user = await withoutPassword();
    const { visitor, page } = await sent(user);
    const refused = await visitor.submit(page, { code });
    expect([refused.isRefused, refused.text.includes(text)]).toEqual([true, true]);
  });

  test('ends after five tries, and the sixth is not compared even if right', async () => {
    const user = await withoutPassword();
    const { visitor, page, mail } = await sent(user);
    const wrong = mail.code === '111111' ? '222222' : '111111';
    for (let i = 0; i < 5; i += 1) expect((await visitor.submit(page, { code: wrong })).isRefused).toBe(true);
    const sixth = await visitor.submit(page, { code: mail.code });
    expect([sixth.isRefused, sixth.text.includes('Too many attempts')]).toEqual([true, true]);
    const fresh = await visitor.submit(sixth, {}, 'resend');
    expect(arrived(await visitor.submit(fresh, { code: (await mailTo(user)).code }))).toMatch(/^lk_ac_/);
  });

  test('is valid for ten minutes', async () => {
    const user = await withoutPassword();
    const { visitor, page, mail } = await sent(user);
    later(10.3);
    expect((await visitor.submit(page, { code: mail.code })).isRefused).toBe(true);
  });

  test('is valid only in the sign-in that requested it', async () => {
    const user = await withoutPassword();
    const { mail, page } = await sent(user);
    const thief = someone();
    const url = (await thief.submit(await thief.open(start()), { email: user.email })).url;
    const form = { ...formsOf(page)[0]!.fields, ...formsOf(await thief.open(url))[0]!.fields, code: mail.code };
    const answer = await thief.request(url.replace(/\/password$/, '/email-code'), { form });
    expect(answer.isRefused).toBe(true);
  });

  test.each(['unverified', 'disabled', 'nobody'])('is not sent for an account that is %s', async (what) => {
    const user = await latchkey.user({ email_verified: what !== 'unverified' });
    if (what === 'disabled') await latchkey.run('users.disable', { user_id: user.id });
    const email = what === 'nobody' ? `nobody-${user.email}` : user.email;
    const page = await atCode({ email });
    expect(heading(page)).toBe('Check your email');
    const marker = await withoutPassword();
    await sent(marker);
    expect((await mails.all()).filter(({ to }) => to === email)).toEqual([]);
  });

  test('is refused for a user who was disabled after it was sent', async () => {
    const user = await withoutPassword();
    const { visitor, page, mail } = await sent(user);
    await latchkey.run('users.disable', { user_id: user.id });
    expect((await visitor.submit(page, { code: mail.code })).isRefused).toBe(true);
    expect((await someone().open(mail.link)).status).toBe(410);
  });

  test('keeps the user signed in on request', async () => {
    const user = await withoutPassword();
    const { visitor, page, mail } = await sent(user);
    await visitor.submit(page, { code: mail.code, remember: '1' });
    later(40 * 60);
    const back = await visitor.request(start({ prompt: 'none' }));
    expect(new URL(back.location!).searchParams.get('code')).toMatch(/^lk_ac_/);
  });
});

describe('a link by mail', () => {
  const press = (visitor: Visitor, page: Page) => visitor.submit(page, {}, 'continue');

  test('signs in in its browser, once, and only by the button', async () => {
    const user = await withoutPassword();
    const { visitor, mail } = await sent(user);
    for (let i = 0; i < 3; i += 1) await visitor.open(mail.link);
    const page = await visitor.open(mail.link);
    expect([heading(page), page.text.includes(user.email.split('@')[0]!)]).toEqual([
      'Sign in with this account?',
      true,
    ]);
    expect(arrived(await press(visitor, page))).toMatch(/^lk_ac_/);
    expect((await visitor.open(mail.link)).status).toBe(410);
  });

  test('consumes the code, and the code consumes the link', async () => {
    const user = await withoutPassword();
    const first = await sent(user);
    const page = await first.visitor.open(first.mail.link);
    expect(arrived(await first.visitor.submit(first.page, { code: first.mail.code }))).toMatch(/^lk_ac_/);
    expect((await press(first.visitor, page)).status).toBe(410);
  });

  test('opened in another browser shows the account, signs no user in, and does not affect the code', async () => {
    const user = await withoutPassword();
    const { visitor, page, mail } = await sent(user);
    const elsewhere = someone();
    const shown = await elsewhere.open(mail.link);
    expect([shown.status, heading(shown)]).toEqual([200, 'Was this you?']);
    expect(shown.text).toContain('enter the 6-digit code from the same email');
    expect(shown.text).not.toContain(mail.code);
    expect(formsOf(shown)).toEqual([]);
    // Nor by the form of the other browser, with its address and a token of this one.
    const token = formsOf(await elsewhere.open(start()))[0]!.fields['csrf']!;
    const forced = await elsewhere.request(mail.link, { form: { csrf: token, action: 'continue' } });
    expect(forced.status).toBe(410);
    const silent = await elsewhere.request(start({ prompt: 'none' }));
    expect(new URL(silent.location!).searchParams.get('error')).toBe('login_required');
    expect(arrived(await visitor.submit(page, { code: mail.code }))).toMatch(/^lk_ac_/);
  });

  test('opened in another sign-in of the same browser has no button either', async () => {
    const user = await withoutPassword();
    const { visitor, mail } = await sent(user);
    const other = await visitor.submit(await visitor.open(start()), { email: user.email });
    const moved = mail.link.replace(/interaction\/[^/]+/, /interaction\/[^/]+/.exec(other.url)![0]);
    const page = await visitor.open(moved);
    expect((await press(visitor, page)).status).toBe(410);
  });

  test('is alone in the mail, or missing from it, according to policy', async () => {
    await methods(['password', 'emailLink']);
    const user = await withoutPassword();
    const first = await sent(user);
    expect([first.mail.code, first.page.text.includes('name="code"')]).toEqual(['', false]);
    expect((await someone().open(first.mail.link)).text).toContain('open it in that browser');
    expect(arrived(await press(first.visitor, await first.visitor.open(first.mail.link)))).toMatch(/^lk_ac_/);

    await methods(['password', 'emailCode']);
    const second = await sent(user);
    expect(second.mail.text).not.toContain('/email-link/');
    expect(arrived(await second.visitor.submit(second.page, { code: second.mail.code }))).toMatch(/^lk_ac_/);
  });

  test('ends when the password changes', async () => {
    const user = await latchkey.user({ email_verified: true });
    const { visitor, mail } = await sent(user);
    await visitor.submit(await visitor.open(`${latchkey.base}/recovery`), { email: user.email });
    const reset = await mails.next(user.email, /Choose a new password/);
    const elsewhere = someone();
    await elsewhere.submit(await elsewhere.open(reset.link), { password: 'granite otter lantern' });
    expect((await visitor.open(mail.link)).status).toBe(410);
  });
});

describe('sign-in methods', () => {
  test('are links that depend only on the policy', async () => {
    const user = await latchkey.user();
    const visitor = someone();
    const page = await visitor.submit(await visitor.open(start()), { email: user.email });
    expect(page.text).toContain('Sign in by email');
    await methods(['password']);
    expect((await visitor.open(page.url)).text).not.toContain('Sign in by email');
  });

  test('without passwords lead to the code, and no password is accepted', async () => {
    await methods(['emailCode', 'emailLink']);
    const user = await latchkey.user({ email_verified: true });
    const visitor = someone();
    const page = await visitor.submit(await visitor.open(start()), { email: user.email });
    expect(path(page)).toBe('/email-code');
    expect(page.text).not.toContain('password');
    const form = { ...formsOf(page)[0]!.fields, password: user.password };
    const answer = await visitor.request(page.url.replace(/email-code$/, 'password'), { form });
    expect([answer.status, answer.location]).toEqual([303, page.url.replace(/\/email-code$/, '')]);
    expect(arrived(await visitor.submit(page, { code: (await mailTo(user)).code }))).toMatch(/^lk_ac_/);
  });

  test('without mail have no page for its code', async () => {
    await methods(['password']);
    const user = await latchkey.user({ email_verified: true });
    const visitor = someone();
    const page = await visitor.submit(await visitor.open(start()), { email: user.email });
    const direct = await visitor.open(page.url.replace(/password$/, 'email-code'));
    expect(path(direct)).toBe('/password');
  });
});
