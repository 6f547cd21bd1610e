/** Invitations: the invited user, the rights, and the number of uses. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { createRequest, findUser, freshEmail, newcomer, ownNetworks, strong } from '../../support/registration.ts';
import { authorizeUrl, formsOf, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: { ...mails.env, ...ownNetworks },
    settings: { 'registration.mode': 'invitation' },
  });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(() => void vi.useRealTimers());

async function invite(given: Record<string, unknown> = {}) {
  const email = freshEmail();
  await latchkey.run('invitations.create', { email, ...given });
  return { email, ...(await mails.next(email, /invitation|Einladung/i)) };
}

describe('an invited user', () => {
  test('opens the link, confirms, and creates the account without a code', async () => {
    const { email, link } = await invite();
    const visitor = newcomer();
    for (let i = 0; i < 3; i += 1) expect((await visitor.open(link)).text).toContain(email.split('@')[0]);
    const form = await visitor.submit(await visitor.open(link));
    expect(form.url).toMatch(/\/create$/);
    expect(form.text).toContain(email);
    const tampered = { name: 'Ada', password: strong, email: 'mallory@example.com', administrator: 'true' };
    const end = await visitor.submit(form, tampered);
    expect(end.status).toBeLessThan(400);
    expect(await findUser(latchkey, 'mallory@example.com')).toBeUndefined();
    expect(await findUser(latchkey, email)).toMatchObject({ email_verified: true, is_administrator: false });
    expect((await tokensFor(latchkey.base, client, { email, password: strong })).id_token).toMatch(/^ey/);
  });

  test('may begin at the application as well, after opening the link in that browser', async () => {
    const { email, link } = await invite({ administrator: true });
    const visitor = newcomer();
    const stranger = await visitor.open(createRequest(latchkey, client));
    expect([stranger.status, stranger.text.includes('You need an invitation')]).toEqual([403, true]);
    await visitor.submit(await visitor.open(link));
    const form = await visitor.open(createRequest(latchkey, client));
    const end = await visitor.submit(form, { name: 'Ada', password: strong });
    expect(end.location).toContain('code=');
    expect(await findUser(latchkey, email)).toMatchObject({ is_administrator: true });
  });

  test('may leave the form to another user of that browser', async () => {
    const { email, link } = await invite();
    await latchkey.run('settings.update', { name: 'registration.mode', value: '"open"' });
    const visitor = newcomer();
    const form = await visitor.submit(await visitor.open(link));
    const own = await visitor.open(`${form.url}?without`);
    expect(own.text).not.toContain(email);
    const other = freshEmail();
    const check = await visitor.submit(own, { name: 'Eve', email: other, password: strong });
    expect(check.url).toMatch(/\/create\/check$/);
    await latchkey.run('settings.update', { name: 'registration.mode', value: '"invitation"' });
    expect(await findUser(latchkey, email)).toBeUndefined();
  });

  test('sees the link on the email page, which others do not see', async () => {
    const { link } = await invite();
    const visitor = newcomer();
    const url = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
    expect((await visitor.open(url)).text).not.toContain('/create"');
    await visitor.submit(await visitor.open(link));
    expect((await visitor.open(url)).text).toContain('/create"');
  });

  test('receives the mail in the language that the operator names', async () => {
    expect((await invite({ language: 'de' })).subject).toContain('Einladung');
  });
});

describe('an invitation', () => {
  test('works once, also when fifty forms are sent at once', async () => {
    const { email, link } = await invite();
    const visitor = newcomer();
    const form = formsOf(await visitor.submit(await visitor.open(link)))[0]!;
    const values = { ...form.fields, name: 'Ada', password: strong, action: 'continue' };
    await latchkey.run('settings.update', { name: 'limits.accountsPerAddress', value: '1000' });
    const answers = await Promise.all(Array.from({ length: 50 }, () => visitor.request(form.action, { form: values })));
    expect(answers.filter(({ status }) => status >= 500 && status !== 503)).toEqual([]);
    const [count] = await latchkey.app.database.sql<{ n: number }>(
      'select count(*)::int as n from users where email = $1',
      [email],
    );
    expect(count!.n).toBe(1);
    expect((await newcomer().open(link)).status).toBe(410);
  });

  test('is invalid after seven days, and after a newer one', async () => {
    const { email, link } = await invite();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * DAY });
    expect((await newcomer().open(link)).status).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + DAY + 16_000 });
    expect((await newcomer().open(link)).status).toBe(410);
    vi.useRealTimers();
    await latchkey.run('invitations.create', { email });
    expect((await newcomer().open(link)).status).toBe(410);
    expect((await newcomer().open((await mails.next(email)).link)).status).toBe(200);
  });

  test('of a user who has an account by then leads to the sign-in', async () => {
    const { email, link } = await invite();
    const visitor = newcomer();
    const form = await visitor.submit(await visitor.open(link));
    await latchkey.user({ email });
    const end = await visitor.submit(form, { name: 'Ada', password: strong });
    expect(end.text).toContain('You already have an account');
  });

  test('joins no account without a click on our page that shows the address', async () => {
    const { link } = await invite();
    const visitor = new Visitor();
    await visitor.open(createRequest(latchkey, client));
    const forged = await visitor.request(link, {
      form: { action: 'continue' },
      headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    });
    expect(forged.status).toBe(403);
    expect([...visitor.jar.values()].map(({ name }) => name).join()).not.toContain('invitation');
  });

  test.each([
    ['no address', 'not an address', 'registration.invitation_invalid'],
    ['an address with a line of its own', 'a@x.example\r\nbcc: b@x.example', 'registration.invitation_invalid'],
  ])('is refused to %s', async (_what, email, code) => {
    await expect(latchkey.run('invitations.create', { email })).rejects.toThrow(code);
  });

  test('is refused to a user with an account', async () => {
    const { email } = await latchkey.user();
    await expect(latchkey.run('invitations.create', { email })).rejects.toThrow('registration.invitation_refused');
  });
});
