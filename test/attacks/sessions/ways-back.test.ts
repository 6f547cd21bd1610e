/** An intruder changed the email address of an account: the owner's link back works, whatever the intruder does meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { send, signInTo } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const at = (path: string) => `${latchkey.base}${path}`;
let run = 0;
const fresh = () => `thief${(run += 1)}@example.com`;

/** The intruder's browser after the first address was changed; `back` is what the owner was sent. */
async function taken(): Promise<{ thief: Visitor; owner: TestUser; mailbox: string; back: string }> {
  const { visitor: thief, user: owner } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
  const mailbox = await change(thief);
  return { thief, owner, mailbox, back: (await mails.next(owner.email, /was changed/)).link };
}

async function change(visitor: Visitor): Promise<string> {
  const to = fresh();
  const page = await visitor.submit(await visitor.open(at('/account/emails/change')), { email: to });
  await visitor.submit(page, { code: (await mails.next(to)).code });
  return to;
}

async function press(link: string): Promise<string> {
  const browser = new Visitor();
  const page = await browser.open(link);
  return page.status === 200 ? (await browser.submit(page, {}, 'confirm')).url : String(page.status);
}

const firstAddress = async ({ id }: TestUser): Promise<string | undefined> => {
  const { users } = await latchkey.run<{ users: { id: string; email: string }[] }>('users.list');
  return users.find((user) => user.id === id)?.email;
};

describe('the link back', () => {
  test.each<[string, (held: { thief: Visitor; mailbox: string }) => Promise<unknown>]>([
    ['says “this was not me”', ({ thief }) => send(thief, at('/account/activity/not-me'))],
    [
      'changes the address once more, which mails no link back',
      async ({ thief, mailbox }) => {
        await change(thief);
        expect((await mails.next(mailbox, /was changed/)).link).not.toContain('/verification/revert');
      },
    ],
    ['closes the account', ({ thief, mailbox }) => send(thief, at('/account/close'), { email: mailbox })],
    ['sets a new password by mail', ({ mailbox }) => reset(mailbox)],
  ])('works when the intruder %s', async (_what, act) => {
    const { owner, back, ...held } = await taken();
    await act(held);
    expect(await press(back)).toBe(at('/verification/reverted'));
    expect(await firstAddress(owner)).toBe(owner.email);
    const { link } = await mails.next(owner.email, /password/i);
    const browser = new Visitor();
    await browser.submit(await browser.open(link), { password: 'several entirely new words 77' });
    await signInTo(latchkey, { ...owner, password: 'several entirely new words 77' });
  });
});

async function reset(email: string): Promise<void> {
  const browser = new Visitor();
  await browser.submit(await browser.open(at('/recovery')), { email });
  const { link } = await mails.next(email, /password/i);
  await browser.submit(await browser.open(link), { password: 'the words of an intruder 66' });
}
