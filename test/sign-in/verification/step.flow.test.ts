/** Proving the address of the account on the way in: by code, by link, and by neither. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE, systemClock } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { authorizeUrl, type Page, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env, settings: { 'verification.email': 'required' } });
  client = await latchkey.client();
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(() => void vi.useRealTimers());

const request = (): string => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
const isProved = async (user: TestUser): Promise<boolean> => {
  const { users } = await latchkey.run<{ users: { id: string; email_verified: boolean }[] }>('users.list');
  return users.find(({ id }) => id === user.id)?.email_verified === true;
};

/** Signs in as far as the step. */
async function arrive(user: TestUser, visitor = new Visitor()): Promise<{ visitor: Visitor; page: Page }> {
  let page = await visitor.open(request());
  if (page.url.endsWith('/login')) page = await visitor.submit(page, { email: user.email });
  page = await visitor.submit(page, { password: user.password });
  expect(page.url).toMatch(/\/verify-email$/);
  return { visitor, page };
}

describe('a user with an unverified address', () => {
  test('enters the code of the mail and continues, and is not asked again', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await arrive(user);
    expect(page.text).toContain(user.email);
    const mail = await mails.next(user.email);
    expect(mail.subject).toContain(mail.code.slice(0, 3));
    expect((await visitor.submit(page, { code: '' })).isRefused).toBe(true);
    const done = await visitor.submit(page, { code: ` ${mail.code.slice(0, 3)} ${mail.code.slice(3)} ` });
    expect(done.url).toMatch(/\/consent$/);
    expect(await isProved(user)).toBe(true);
    const { id_token: idToken } = await tokensFor(latchkey.base, client, user, { scope: 'openid email' });
    expect(idToken).toEqual(expect.stringMatching(/^ey/));
  });

  test('opens the link: nothing happens before the button, and its token is not shown', async () => {
    const user = await latchkey.user();
    const { visitor } = await arrive(user);
    const { link } = await mails.next(user.email);
    const secret = new URL(link).searchParams.get('token')!;
    for (let i = 0; i < 3; i += 1) {
      const first = await visitor.request(link);
      expect([first.status, first.location?.startsWith(`${link.split('?')[0]}/`)]).toEqual([303, true]);
      expect(first.location).not.toContain(secret);
      const page = await visitor.request(first.location!);
      expect(page.status).toBe(200);
      expect(page.text).toContain(user.email);
      expect(page.text).not.toContain(secret);
    }
    expect(await isProved(user)).toBe(false);
    const done = await visitor.submit(await visitor.open(link));
    expect(done.url).toMatch(/\/consent$/);
    expect(await isProved(user)).toBe(true);
  });

  test('is not signed in by another user’s click: the link does not work in another browser', async () => {
    const user = await latchkey.user();
    await arrive(user);
    const { link } = await mails.next(user.email);
    const elsewhere = new Visitor();
    const page = await elsewhere.open(link);
    expect(page.status).toBe(410);
    expect(page.text).toContain('This link doesn’t work here');
    // Another user who signs in there with the same token in the cookie gets no further either.
    const mallory = await latchkey.user();
    const { visitor } = await arrive(mallory);
    await visitor.request(link);
    const own = (await visitor.open(request())).url;
    expect(own).not.toContain(link.split('/')[4]);
    expect(await isProved(user)).toBe(false);
  });

  test('reaches nothing after the step by its address', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await arrive(user);
    const base = page.url.replace(/\/verify-email$/, '');
    for (const path of ['', '/consent', '/terms', '/verify-email/link', '/verify-email/send', '/login?ui_locales=de'])
      expect((await visitor.open(`${base}${path}`)).location ?? '').not.toContain('code=');
    expect((await visitor.open(base)).url).toBe(page.url);
    expect(await isProved(user)).toBe(false);
  });

  test('gets no second mail by a reload, three in a row on request, and a message after too many', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await arrive(user);
    await visitor.open(page.url);
    const start = systemClock.now().getTime();
    const press = async (after: number) => {
      vi.useFakeTimers({ toFake: ['Date'], now: start + after });
      return (await visitor.submit(page, {}, 'resend')).text;
    };
    expect(await press(0)).toContain('Sent again at');
    expect(await press(10_000)).toContain('send it again in 20 seconds');
    expect(await press(31_000)).toContain('Sent again at');
    expect(await press(62_000)).toContain('We can’t send more for now');
    await vi.waitFor(async () => expect((await mails.all()).filter(({ to }) => to === user.email)).toHaveLength(3), {
      timeout: 10_000,
    });
  });

  test('may try a code five times, and the right one fails after that', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await arrive(user);
    const { code } = await mails.next(user.email);
    const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
    for (let i = 0; i < 5; i += 1) expect((await visitor.submit(page, { code: wrong })).isRefused).toBe(true);
    expect((await visitor.submit(page, { code })).text).toContain('Too many incorrect codes');
    expect(await isProved(user)).toBe(false);
  });

  test('has ten minutes for the code', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await arrive(user);
    const { code } = await mails.next(user.email);
    vi.useFakeTimers({ toFake: ['Date'], now: systemClock.now().getTime() + 10 * MINUTE + 16_000 });
    expect((await visitor.submit(page, { code })).isRefused).toBe(true);
    expect(await isProved(user)).toBe(false);
  });
});

test('the first verification removes everything of an earlier user of the account', async () => {
  await latchkey.run('settings.update', { name: 'verification.email', value: '"optional"' });
  const user = await latchkey.user();
  const [{ id }] = (await latchkey.app.database.sql<{ id: string }>('select id from users where email = $1', [
    user.email,
  ])) as [{ id: string }];
  const mallory = new Visitor();
  await mallory.signIn(request(), user);
  const now = systemClock.now();
  await latchkey.app.database.sql(
    `insert into user_identity (connection, issuer, subject, user_id, created_at) values ('social', '', $1, $2, $3)`,
    [user.email, id, now],
  );
  await latchkey.app.database.sql(
    `insert into contact (id, user_id, kind, value, canonical, verified_at, reserved_until, created_at)
     values ($1, $2, 'email', 'mallory@x.example', 'mallory@x.example', $3, null, $3)`,
    [crypto.randomUUID(), id, now],
  );
  await latchkey.run('settings.update', { name: 'verification.email', value: '"required"' });
  const { visitor, page } = await arrive(user);
  await visitor.submit(page, { code: (await mails.next(user.email)).code });
  for (const table of ['user_identity', 'contact', 'trusted_device', 'totp_credential', 'passkey'])
    expect([table, await latchkey.app.database.sql(`select 1 from ${table} where user_id = $1`, [id])]).toEqual([
      table,
      [],
    ]);
  // The session that was there is gone; the password, which this sign-in proved, is not.
  expect((await mallory.open(request())).url).toMatch(/\/login$/);
  await expect(tokensFor(latchkey.base, client, user)).resolves.toHaveProperty(
    'id_token',
    expect.stringMatching(/^ey/),
  );
});

test('by default only imported users are asked', async () => {
  await latchkey.run('settings.update', { name: 'verification.email', value: '"imported"' });
  const user = await latchkey.user();
  const came = await latchkey.user();
  await latchkey.app.database.sql('update users set email_proof_due = true where email = $1', [came.email]);
  await expect(tokensFor(latchkey.base, client, user)).resolves.toHaveProperty(
    'id_token',
    expect.stringMatching(/^ey/),
  );
  await arrive(came);
  await latchkey.run('settings.update', { name: 'verification.email', value: '"optional"' });
  await expect(tokensFor(latchkey.base, client, came)).resolves.toHaveProperty(
    'id_token',
    expect.stringMatching(/^ey/),
  );
  await latchkey.run('settings.update', { name: 'verification.email', value: '"required"' });
});
