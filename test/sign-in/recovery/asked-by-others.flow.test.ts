/** Links for a new password that a stranger asks for in the name of the owner: they end nothing of the owner's. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { signInTo } from '../../support/account.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let people = 0;
const own = () => ({ 'x-forwarded-for': `198.51.100.${(people += 1)}` });

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' } });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

async function ask(visitor: Visitor, { email }: Pick<TestUser, 'email'>): Promise<void> {
  await visitor.submit(await visitor.open(`${latchkey.base}/recovery`), { email });
}
const next = ({ email }: Pick<TestUser, 'email'>) => mails.next(email, /Choose a new password/);
const opens = async (link: string): Promise<boolean> => (await new Visitor(own()).open(link)).status === 200;

test('a link for a known browser survives links for unknown browsers, and is always sent', async () => {
  const user = await latchkey.user({ email_verified: true });
  const { visitor } = await signInTo(latchkey, user, own());
  for (let i = 0; i < 5; i += 1) await ask(new Visitor(own()), user);
  const strange = [await next(user), await next(user), await next(user)];
  await ask(visitor, user);
  const mine = await next(user);
  expect(await Promise.all(strange.map(({ link }) => opens(link)))).toEqual([false, false, false]);
  expect(await opens(mine.link)).toBe(true);
});

test('the newest link for unknown browsers works', async () => {
  const user = await latchkey.user({ email_verified: true });
  await ask(new Visitor(own()), user);
  const older = await next(user);
  await ask(new Visitor(own()), user);
  const newest = await next(user);
  expect([await opens(older.link), await opens(newest.link)]).toEqual([false, true]);
});

test('a link that a network limit holds back ends no earlier link', async () => {
  const user = await latchkey.user({ email_verified: true });
  await ask(new Visitor(own()), user);
  const mine = await next(user);
  const busy = new Visitor({ 'x-forwarded-for': '203.0.113.9' });
  for (let i = 0; i < 20; i += 1) await ask(busy, { email: `nobody-${i}@example.com` });
  await ask(busy, user);
  expect(await opens(mine.link)).toBe(true);
});
