/** The waitlist: getting on it, being let in from it, and leaving it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { createRequest, findUser, freshEmail, newcomer, ownNetworks, strong } from '../../support/registration.ts';

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: { ...mails.env, ...ownNetworks },
    settings: { 'registration.mode': 'waitlist' },
  });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

type Entries = { entries: { email: string; name: string; language: string; invited_at?: string }[] };
const list = async () => (await latchkey.run<Entries>('waitlist.list')).entries;

async function join(email = freshEmail(), name = 'Ada Lovelace') {
  const visitor = newcomer();
  const check = await visitor.submit(await visitor.open(`${latchkey.base}/waitlist`), { name, email });
  expect(check.url).toMatch(/\/waitlist\/check$/);
  return { visitor, email, check, mail: await mails.next(email) };
}
async function joined(): Promise<string> {
  const { visitor, email, check, mail } = await join();
  expect((await visitor.submit(check, { code: mail.code })).url).toMatch(/\/waitlist\/done$/);
  return email;
}

describe('a user who wants an account', () => {
  test('sees the waitlist, and is on it after verifying the address by code', async () => {
    const visitor = newcomer();
    const page = await visitor.open(createRequest(latchkey, client));
    expect(new URL(page.url).pathname).toBe('/waitlist');
    const email = freshEmail();
    const check = await visitor.submit(page, { name: 'Ada\u202E', email });
    const { code } = await mails.next(email);
    expect(await list()).not.toContainEqual(expect.objectContaining({ email }));
    expect((await visitor.submit(check, { code: '' })).isRefused).toBe(true);
    const done = await visitor.submit(check, { code });
    expect(done.text).toContain('You’re on the waitlist');
    expect(await list()).toContainEqual(expect.objectContaining({ email, name: 'Ada', language: 'en' }));
  });

  test('may open the link anywhere, and is on it once after any number of clicks', async () => {
    const { email, mail } = await join();
    const elsewhere = newcomer();
    for (let i = 0; i < 3; i += 1) expect((await elsewhere.open(mail.link)).status).toBe(200);
    expect(await list()).not.toContainEqual(expect.objectContaining({ email }));
    const page = await elsewhere.open(mail.link);
    const form = { csrf: /name="csrf" value="([^"]+)"/.exec(page.text)![1]!, action: 'continue' };
    const answers = await Promise.all(Array.from({ length: 50 }, () => elsewhere.request(page.url, { form })));
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect((await list()).filter((entry) => entry.email === email)).toHaveLength(1);
    expect((await elsewhere.open(mail.link)).status).toBe(410);
  });

  test('gets another code on request, and keeps the place in a repeated request', async () => {
    const email = await joined();
    const place = (await list()).findIndex((entry) => entry.email === email);
    await joined();
    const { visitor, check, mail } = await join(email, 'Another Name');
    const again = await visitor.submit(check, {}, 'resend');
    expect(again.text).toContain('Sent again at');
    const { code } = await mails.next(email);
    expect((await visitor.submit(again, { code: mail.code })).isRefused).toBe(true);
    await visitor.submit(again, { code });
    const entries = await list();
    expect(entries.findIndex((entry) => entry.email === email)).toBe(place);
    expect(entries[place]).toMatchObject({ name: 'Ada Lovelace' });
  });

  test('with an account learns it only by mail', async () => {
    const owner = await latchkey.user({ email_verified: true });
    const { visitor, check, mail } = await join(owner.email);
    expect([mail.subject.includes('already'), mail.code]).toEqual([true, '']);
    expect((await visitor.submit(check, { code: '000000' })).isRefused).toBe(true);
    expect(await list()).not.toContainEqual(expect.objectContaining({ email: owner.email }));
  });

  test('sees the errors in the form', async () => {
    const visitor = newcomer();
    const page = await visitor.submit(await visitor.open(`${latchkey.base}/waitlist`), {
      name: '<script>alert(1)</script>'.repeat(9),
      email: '"><script>alert(1)</script>',
    });
    expect(page.isRefused).toBe(true);
    expect(page.text).not.toContain('<script>alert');
    expect((await visitor.open(`${latchkey.base}/waitlist/check`)).url).toMatch(/\/waitlist$/);
  });
});

describe('an operator', () => {
  test('invites the first ones, who register by link and leave the list', async () => {
    const waiting = (await list()).filter((entry) => entry.invited_at === undefined).map((entry) => entry.email);
    const email = await joined();
    const invited = await latchkey.run<{ invited: string[] }>('waitlist.invite', { first: 2 });
    expect(invited.invited).toEqual(waiting.slice(0, 2));
    expect(
      await latchkey.run<{ invited: string[] }>('waitlist.invite', { emails: [email.toUpperCase(), 'no@x.example'] }),
    ).toEqual({
      invited: [email],
      skipped: ['no@x.example'],
    });
    const { link } = await mails.next(email, /invitation/i);
    const visitor = newcomer();
    const form = await visitor.submit(await visitor.open(link));
    expect((await visitor.submit(form, { name: 'Ada', password: strong })).status).toBeLessThan(400);
    expect(await findUser(latchkey, email)).toMatchObject({ email_verified: true });
    expect(await list()).not.toContainEqual(expect.objectContaining({ email }));
  });

  test('invites no user twice in parallel commands', async () => {
    const emails = [await joined(), await joined(), await joined(), await joined()];
    const outcomes = await Promise.all(
      [2, 2].map((first) => latchkey.run<{ invited: string[] }>('waitlist.invite', { first })),
    );
    const invited = outcomes.flatMap((outcome) => outcome.invited);
    expect([invited.length, new Set(invited).size]).toEqual([4, 4]);
    for (const email of emails) await latchkey.run('waitlist.delete', { email });
  });

  test('skips users who have an account by now, and removes users', async () => {
    const [late, gone] = [await joined(), await joined()];
    await latchkey.user({ email: late });
    expect(await latchkey.run('waitlist.invite', { emails: [late] })).toEqual({ invited: [], skipped: [late] });
    expect(await list()).not.toContainEqual(expect.objectContaining({ email: late }));
    await latchkey.run('waitlist.delete', { email: gone });
    await expect(latchkey.run('waitlist.delete', { email: gone })).rejects.toThrow('waitlist.not_found');
  });

  test.each([[{}], [{ emails: ['a@x.example'], first: 1 }], [{ first: 0 }], [{ first: 1.5 }]])(
    'gets an error for %j',
    async (input) => {
      await expect(latchkey.run('waitlist.invite', input)).rejects.toThrow('input.invalid');
    },
  );
});

test('the waitlist does not exist in mode open', async () => {
  await latchkey.run('settings.update', { name: 'registration.mode', value: '"open"' });
  expect((await newcomer().open(`${latchkey.base}/waitlist`)).status).toBe(404);
});
