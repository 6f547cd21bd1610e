/** The acts that a mailed link may still undo: recipient × later acts × opener. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY, MINUTE } from '#kernel/clock.ts';
import { toUuid } from '#kernel/ids.ts';
import { send, signInTo, travel } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { type Mails, openMails, type ReadMail } from '../../support/mails.ts';
import { formsOf, type Page, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' } });
});
afterEach(async () => {
  vi.useRealTimers();
  await latchkey.run('settings.update', { name: 'signIn.methods', value: 'null' });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const at = (path: string) => `${latchkey.base}${path}`;
const newPassword = 'several entirely new words 77';
let run = 0;
/** Each browser has a network of its own: mails that one network causes are counted. */
const network = () => ({ 'x-forwarded-for': `198.51.${(run += 1) % 250}.7` });
const browser = () => new Visitor(network());
const fresh = (name: string) => `${name}${(run += 1)}@example.com`;

type Account = { owner: TestUser; visitor: Visitor; thief: Visitor; mailbox: string };

/** The owner and an intruder are both signed in. The mail about the intruder's browser goes to the owner. */
async function entered(): Promise<Account & { ownersNotMe: string }> {
  const owner = await latchkey.user({ email_verified: true });
  const { visitor } = await signInTo(latchkey, owner, network());
  const { visitor: thief } = await signInTo(latchkey, owner, network());
  const ownersNotMe = (await mails.next(owner.email, /New sign-in/)).link;
  return { owner, visitor, thief, mailbox: fresh('thief'), ownersNotMe };
}

async function addEmail(visitor: Visitor, email: string): Promise<void> {
  const page = await visitor.open(at('/account/emails'));
  const form = formsOf(page).find(({ action, fields }) => action.endsWith('/emails') && 'email' in fields)!;
  const asked = await visitor.open(form.action, { ...form.fields, email });
  const done = await visitor.submit(asked, { code: (await mails.next(email, /code/)).code });
  expect(done.url).toBe(at('/account/emails?done=saved'));
}

async function press(visitor: Visitor, act: 'first' | 'remove', email: string): Promise<void> {
  const page = await visitor.open(at('/account/emails'));
  const row = page.text
    .split('<li class="row')
    .find((part) => part.replaceAll('<wbr>', '').includes(`<bdi>${email}</bdi>`));
  const form = formsOf({ ...page, text: row ?? '' }).find(({ action }) => action.endsWith(`/emails/${act}`));
  if (!form) throw new Error(`the page has no form to ${act} ${email}`);
  expect((await visitor.open(form.action, form.fields)).url).toContain('done=');
}

async function change(visitor: Visitor, email: string): Promise<void> {
  const page = await visitor.submit(await visitor.open(at('/account/emails/change')), { email });
  await visitor.submit(page, { code: (await mails.next(email, /code/)).code });
}

/** The intruder's address is the first one; the owner's stays on the account. */
async function taken() {
  const account = await entered();
  const { owner, thief, mailbox } = account;
  await addEmail(thief, mailbox);
  await press(thief, 'first', mailbox);
  const ownersUndo = (await mails.next(owner.email, /was changed/)).link;
  await signInTo(latchkey, owner, network());
  const thiefsNotMe = (await mails.next(mailbox, /New sign-in/)).link;
  return { ...account, ownersUndo, thiefsNotMe };
}
type Taken = Awaited<ReturnType<typeof taken>>;

async function reset(email: string, password = newPassword): Promise<void> {
  const visitor = browser();
  await visitor.submit(await visitor.open(at('/recovery')), { email });
  const { link } = await mails.next(email, /new password/i);
  const page = await visitor.submit(await visitor.open(link), { password });
  expect(page.url).toBe(at('/recovery/done'));
}

const open = (link: string): Promise<Page> => browser().open(link);
const isAlive = async (link: string): Promise<boolean> => {
  const { status } = await open(link);
  expect([200, 410]).toContain(status);
  return status === 200;
};
async function confirm(link: string): Promise<string> {
  const visitor = browser();
  const page = await visitor.submit(await visitor.open(link), {}, 'confirm');
  return new URL(page.url).pathname;
}
const notMe = async (visitor: Visitor) =>
  expect((await send(visitor, at('/account/activity/not-me'))).location).toBe(at('/not-me/done'));

async function addressesOf({ id }: TestUser): Promise<string[]> {
  const rows = await latchkey.app.database.sql<{ email: string }>(
    `select email from users where id = $1
     union all select value from contact where user_id = $1 and kind = 'email' and reserved_until is null`,
    [uuidOf(id)],
  );
  return rows.map(({ email }) => email);
}
const uuidOf = (id: string): string => toUuid(id as never);

const secrets = ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', 'KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU'];
const addApp = async ({ id }: TestUser, which = 0): Promise<void> => {
  await latchkey.app.database.transaction((em) =>
    latchkey.app.credentials.totp.import(em, id as never, { secret: secrets[which]! }),
  );
};
const hasApp = async ({ id }: TestUser): Promise<boolean> =>
  (await latchkey.app.credentials.totp.find(id as never)) !== null;
const addCodes = ({ id }: TestUser) =>
  latchkey.app.credentials.recoveryCodes.make({ userId: id as never, holder: 'Noor' }, { actor: { type: 'user', id } });
const hasCodes = async ({ id }: TestUser): Promise<boolean> => {
  const rows = await latchkey.app.database.sql('select 1 from recovery_codes where user_id = $1', [uuidOf(id)]);
  return rows.length > 0;
};

type Act = (account: Taken) => Promise<unknown>;
/** Of the owner’s link back, the owner’s “this was not me”, and the intruder’s “this was not me”: which still work. */
type Alive = readonly [ownersUndo: boolean, ownersNotMe: boolean, thiefsNotMe: boolean];

const table: readonly [string, Act, Alive][] = [
  ['nothing happened', async () => undefined, [true, true, true]],
  [
    'the intruder removed the owner’s address',
    ({ thief, owner }) => press(thief, 'remove', owner.email),
    [true, true, true],
  ],
  [
    'the intruder removed the owner’s address and added it again without a proof',
    async ({ thief, owner }) => {
      await press(thief, 'remove', owner.email);
      expect((await send(thief, at('/account/emails'), { email: owner.email })).status).toBe(303);
    },
    [true, true, true],
  ],
  [
    'the owner’s address was made first again',
    ({ thief, owner }) => press(thief, 'first', owner.email),
    [true, true, true],
  ],
  [
    'the owner’s address was made first again and the intruder’s was removed',
    async ({ thief, owner, mailbox }) => {
      await press(thief, 'first', owner.email);
      await press(thief, 'remove', mailbox);
    },
    [true, true, false],
  ],
  [
    'the intruder’s address was removed, and was proven once more',
    async ({ thief, owner, mailbox }) => {
      await press(thief, 'first', owner.email);
      await press(thief, 'remove', mailbox);
      await addEmail(thief, mailbox);
    },
    [true, true, false],
  ],
  ['the owner reset the password by mail', ({ owner }) => reset(owner.email), [true, true, false]],
  ['the intruder reset the password by mail', ({ mailbox }) => reset(mailbox), [true, true, true]],
  [
    'the password was changed in a session',
    async ({ thief, owner }) =>
      expect(
        (await send(thief, at('/account/password'), { current: owner.password, password: newPassword })).status,
      ).toBe(303),
    [true, true, true],
  ],
  [
    'the owner said “this was not me” by the link',
    async ({ ownersNotMe }) => expect(await confirm(ownersNotMe)).toBe('/not-me/done'),
    [true, false, false],
  ],
  [
    'the owner said “this was not me” on the account page, with the own address first again',
    async ({ visitor, owner }) => {
      await press(visitor, 'first', owner.email);
      await notMe(visitor);
    },
    [true, true, false],
  ],
  ['the intruder said “this was not me” on the account page', ({ thief }) => notMe(thief), [true, true, true]],
  [
    'the intruder said “this was not me” by the link',
    async ({ thiefsNotMe }) => expect(await confirm(thiefsNotMe)).toBe('/not-me/done'),
    [true, true, false],
  ],
  [
    'the intruder changed the first address once more',
    ({ thief }) => change(thief, fresh('second')),
    [true, true, true],
  ],
  [
    'the owner took the change back',
    async ({ ownersUndo }) => expect(await confirm(ownersUndo)).toBe('/verification/reverted'),
    [false, true, false],
  ],
  [
    'the operator disabled and enabled the account',
    async ({ owner: { id } }) => {
      await latchkey.run('users.disable', { user_id: id });
      await latchkey.run('users.enable', { user_id: id });
    },
    [false, false, false],
  ],
  [
    'the intruder closed the account',
    async ({ thief, mailbox }) =>
      expect((await send(thief, at('/account/close'), { email: mailbox })).status).toBe(303),
    [true, true, true],
  ],
  [
    'the account was erased',
    async ({ thief, mailbox }) => {
      expect((await send(thief, at('/account/close'), { email: mailbox })).status).toBe(303);
      const goesAt = 15 * DAY;
      travel(goesAt);
      await latchkey.app.closing.purge(100);
      vi.useRealTimers();
    },
    [false, false, false],
  ],
];

test.each(table)('%s', async (_what, act, alive) => {
  const account = await taken();
  await act(account);
  const { ownersUndo, ownersNotMe, thiefsNotMe } = account;
  expect([await isAlive(ownersUndo), await isAlive(ownersNotMe), await isAlive(thiefsNotMe)]).toEqual(alive);
});

describe('an intruder who first set their own address and changed it back', () => {
  test.each([
    ['resets the password', ({ owner }: Account) => reset(owner.email)],
    ['says “this was not me” by the link', async ({ ownersNotMe }: Taken) => void (await confirm(ownersNotMe))],
  ])('has no link when the owner %s', async (_what, cleanUp) => {
    const account = await taken();
    const { owner, thief, mailbox, thiefsNotMe } = account;
    await press(thief, 'first', owner.email);
    const told = await mails.next(mailbox, /was changed/);
    expect(told.text).not.toContain('/verification/revert');
    await press(thief, 'remove', mailbox);
    await cleanUp(account);
    await addApp(owner);
    expect(await isAlive(thiefsNotMe)).toBe(false);
    expect(await addressesOf(owner)).toEqual([owner.email]);
    expect(await hasApp(owner)).toBe(true);
    const links = (await mails.all()).filter(({ to }) => to === mailbox).flatMap(linksIn);
    for (const link of links) expect(await open(link).then(({ status }) => status), link).not.toBe(200);
  });
});

test('an intruder whose address was on the account for days has no link when the owner resets the password', async () => {
  const { owner, thief, mailbox } = await entered();
  await addEmail(thief, mailbox);
  travel(4 * DAY);
  const { visitor: again } = await signInTo(latchkey, owner, network());
  await press(again, 'first', mailbox);
  await signInTo(latchkey, owner, network());
  const { link } = await mails.next(mailbox, /New sign-in/);
  await press(again, 'first', owner.email);
  expect((await mails.next(mailbox, /was changed/)).text).not.toContain('/verification/revert');
  expect(await isAlive(link)).toBe(true);
  await reset(owner.email);
  expect(await isAlive(link)).toBe(false);
});

/** Every link that acts on an account without a session. */
const linksIn = ({ text }: ReadMail): string[] =>
  [...text.matchAll(/https?:\/\/\S+/g)]
    .map(([link]) => link)
    .filter((link) => /not-me|revert|recovery\/link/.test(link));

describe('the owner’s link', () => {
  test.each([
    ['link back', 'ownersUndo', '/verification/reverted'],
    ['“this was not me”', 'ownersNotMe', '/not-me/done'],
  ] as const)(
    '%s removes additions before the owner’s reset, and keeps additions after it',
    async (_what, which, end) => {
      const account = await taken();
      const { owner } = account;
      await addApp(owner);
      await reset(owner.email);
      await addCodes(owner);
      expect(await confirm(account[which])).toBe(end);
      expect([await hasApp(owner), await hasCodes(owner)]).toEqual([false, true]);
      expect(await addressesOf(owner)).toEqual([owner.email]);
    },
  );

  test('keeps additions after the owner’s “this was not me”', async () => {
    const { owner, ownersUndo, ownersNotMe } = await taken();
    await confirm(ownersNotMe);
    await addApp(owner);
    expect(await confirm(ownersUndo)).toBe('/verification/reverted');
    expect(await hasApp(owner)).toBe(true);
  });

  test.each<[string, Act]>([
    ['resets the password', ({ mailbox }) => reset(mailbox, 'the words of an intruder 66')],
    [
      'signs in by a code',
      async ({ mailbox }) => {
        const visitor = browser();
        let page = await visitor.submit(await visitor.open(at('/account')), { email: mailbox });
        const url = page.url.replace(/\/password$/, '/email-code');
        page = await visitor.submit(await visitor.open(url), {});
        page = await visitor.submit(page, { code: (await mails.next(mailbox, /code/)).code });
        expect(page.url).toBe(at('/account'));
      },
    ],
  ])('keeps nothing when the intruder %s with the intruder’s mailbox afterwards', async (_what, comeBack) => {
    await latchkey.run('settings.update', { name: 'signIn.methods', value: '["password","emailCode"]' });
    const account = await taken();
    await reset(account.owner.email);
    await comeBack(account);
    await addApp(account.owner);
    expect(await confirm(account.ownersUndo)).toBe('/verification/reverted');
    expect(await hasApp(account.owner)).toBe(false);
  });

  test('keeps nothing when a factor from before the reset was used after it', async () => {
    const { owner, ownersUndo } = await taken();
    await addApp(owner);
    await reset(owner.email);
    await addCodes(owner);
    await latchkey.app.database.sql(`update totp_credential set used_at = now() where user_id = $1`, [
      uuidOf(owner.id),
    ]);
    await confirm(ownersUndo);
    expect([await hasApp(owner), await hasCodes(owner)]).toEqual([false, false]);
  });

  test.each<[string, (account: Account) => Promise<unknown>]>([
    [
      'made an own further one first',
      async ({ thief, mailbox }) => {
        await addEmail(thief, mailbox);
        await press(thief, 'first', mailbox);
      },
    ],
    ['changed it', ({ thief, mailbox }) => change(thief, mailbox)],
    [
      'changed it twice',
      async ({ thief, mailbox }) => {
        await change(thief, fresh('between'));
        await change(thief, mailbox);
      },
    ],
  ])(
    '“this was not me” restores the owner’s address as primary when the intruder %s, and mails the recovery link to it',
    async (_what, take) => {
      const account = await entered();
      const { owner, ownersNotMe, mailbox } = account;
      await take(account);
      const page = await open(ownersNotMe);
      const text = page.text.replaceAll(/<[^>]*>/g, '');
      expect(text).toContain(`${owner.email} becomes the primary email address of your account again`);
      expect(await confirm(ownersNotMe)).toBe('/not-me/done');
      expect(await addressesOf(owner)).toEqual([owner.email]);
      expect((await mails.next(owner.email, /locked/)).link).toContain('/recovery/link/');
      expect((await mails.all()).filter(({ to, subject }) => to === mailbox && /locked/.test(subject))).toEqual([]);
    },
  );

  test('the mail to the removed address contains it, and mentions nothing that requires a sign-in', async () => {
    const { owner, thief, ownersUndo } = await taken();
    await press(thief, 'remove', owner.email);
    const told = await mails.next(owner.email, /removed/);
    expect(told.text).toContain('It makes this address primary again');
    expect(told.text).not.toContain('/account/emails');
    await expect(latchkey.user({ email: owner.email })).rejects.toThrow('email_taken');
    expect(await confirm(ownersUndo)).toBe('/verification/reverted');
    expect(await addressesOf(owner)).toEqual([owner.email]);
  });
});

describe('a link back', () => {
  test('is mailed to an address that was primary for longer than a change can be undone, and to no other', async () => {
    const owner = await latchkey.user({ email_verified: true });
    const { visitor } = await signInTo(latchkey, owner, network());
    const [second, third, fourth] = [fresh('second'), fresh('third'), fresh('fourth')];
    await change(visitor, second);
    expect((await mails.next(owner.email, /was changed/)).text).toContain('/verification/revert');
    await change(visitor, third);
    expect((await mails.next(second, /was changed/)).text).toContain(
      'check the mailbox of your previous primary address',
    );
    travel(3 * DAY + MINUTE);
    const later = await signInTo(latchkey, { ...owner, email: third }, network());
    await change(later.visitor, fourth);
    expect((await mails.next(third, /was changed/)).text).toContain('/verification/revert');
  });

  test('keeps earlier additional addresses', async () => {
    const owner = await latchkey.user({ email_verified: true });
    const { visitor } = await signInTo(latchkey, owner, network());
    const further = fresh('further');
    await addEmail(visitor, further);
    travel(4 * DAY);
    const { visitor: thief } = await signInTo(latchkey, owner, network());
    await press(thief, 'first', further);
    await confirm((await mails.next(owner.email, /was changed/)).link);
    expect(await addressesOf(owner)).toEqual([owner.email, further]);
  });
});
