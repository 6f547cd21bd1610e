/** Addresses of a signed-in person: adding, confirming, putting first, removing; the change of the first one and the way back. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY, HOUR, MINUTE, systemClock } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { formsOf, type Page, tokensFor, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' } });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(() => void vi.useRealTimers());

const url = (path: string): string => `${latchkey.base}/account/${path}`;
let run = 0;
/** Each from an address of their own: mails that one address causes are counted. */
const someone = (): Visitor => new Visitor({ 'x-forwarded-for': `198.51.100.${(run += 1)}` });
const fresh = (name: string): string => `${name}${(run += 1)}@new.example`;

/** A user with a verified address, signed in on the page of email addresses. */
async function owner(): Promise<{ user: TestUser; visitor: Visitor; page: Page }> {
  const user = await latchkey.user({ email_verified: true });
  return { user, ...(await signedIn(user)) };
}

async function signedIn({ email, password }: Pick<TestUser, 'email' | 'password'>) {
  const visitor = someone();
  let page = await visitor.open(url('emails'));
  page = await visitor.submit(page, { email });
  page = await visitor.submit(page, { password });
  for (let i = 0; i < 3 && !page.url.includes('/account/'); i += 1) page = await visitor.submit(page, {}, 'skip');
  expect(page.url).toBe(url('emails'));
  return { visitor, page };
}

/** Presses a button of the row of a contact. */
async function press(visitor: Visitor, act: 'send' | 'first' | 'remove', value: string): Promise<Page> {
  const page = await visitor.open(url('emails'));
  const rows = page.text
    .split('<li class="row')
    .filter((row) => row.replaceAll('<wbr>', '').includes(`<bdi>${value}</bdi>`));
  const form = formsOf({ ...page, text: rows[0] ?? '' }).find(({ action }) => action.endsWith(`/emails/${act}`));
  if (!form) throw new Error(`no ${act} at ${value}`);
  return visitor.open(form.action, form.fields);
}

const addForm = (page: Page) =>
  formsOf(page).find(({ action, fields }) => action.endsWith('/emails') && 'email' in fields)!;
async function add(visitor: Visitor, email: string): Promise<Page> {
  const page = await visitor.open(url('emails'));
  const form = addForm(page);
  return visitor.open(form.action, { ...form.fields, email });
}
async function change(visitor: Visitor, email: string): Promise<Page> {
  return visitor.submit(await visitor.open(url('emails/change')), { email });
}
const signsIn = async (email: string, password: string): Promise<boolean> =>
  tokensFor(latchkey.base, client, { email, password }).then(
    () => true,
    () => false,
  );
const eventsOf = async (user: TestUser): Promise<string[]> => {
  const rows = await latchkey.app.database.sql<{ type: string }>(
    `select type from audit_record where subject_id = $1 order by at, id`,
    [user.id],
  );
  return rows.map(({ type }) => type);
};

describe('an additional email address', () => {
  test('is added, verified by its code, used to sign in, made primary and removed; the owner is notified of each', async () => {
    const { user, visitor } = await owner();
    const other = fresh('other');
    const asked = await add(visitor, other);
    expect(asked.url).toBe(url('emails/confirm/address'));
    expect(await signsIn(other, user.password)).toBe(false);
    expect((await visitor.submit(asked, { code: '000000' })).isRefused).toBe(true);
    const { code } = await mails.next(other);
    const done = await visitor.submit(asked, { code });
    expect(done.url).toBe(url('emails?done=saved'));
    expect((await mails.next(user.email, /added/)).text).toContain(other);
    expect(await signsIn(other, user.password)).toBe(true);

    await press(visitor, 'first', other);
    expect((await mails.next(user.email, /changed/)).text).toContain(other);
    const claims = await latchkey.run<{ users: { id: string; email: string }[] }>('users.list');
    expect(claims.users.find(({ id }) => id === user.id)?.email).toBe(other);
    expect(await signsIn(user.email, user.password)).toBe(true);
    await press(visitor, 'remove', user.email);
    expect((await mails.next(user.email, /removed/)).text).toContain(user.email);
    await mails.next(other, /removed/);
    expect(await signsIn(user.email, user.password)).toBe(false);
    expect(await eventsOf(user)).toEqual(
      expect.arrayContaining(['user.email_added', 'user.email_changed', 'user.email_removed']),
    );
  });

  test('is verified by its link, in the session of its owner only', async () => {
    const { visitor } = await owner();
    const other = fresh('linked');
    await add(visitor, other);
    const { link } = await mails.next(other);
    const { visitor: mallory } = await owner();
    expect((await mallory.open(link)).text).not.toContain(other);
    const stranger = await someone().open(link);
    expect(stranger.url).toMatch(/\/interaction\//);
    const page = await visitor.open(link);
    expect(page.url).toMatch(/\/emails\/confirm\/address\/[\w-]{12}$/);
    expect(page.text).toContain('to the account of');
    expect((await visitor.submit(page, {}, 'confirm')).url).toBe(url('emails?done=saved'));
  });

  test('that belongs to another user gets the same response as a free one, and its owner is notified', async () => {
    const { visitor } = await owner();
    const { user: bob } = await owner();
    const free = await add(visitor, fresh('free'));
    const { visitor: second } = await owner();
    const taken = await add(second, bob.email);
    const shape = (page: Page) =>
      page.text.replaceAll('<wbr>', '').replaceAll(/nonce="[^"]*"|value="[^"]*"|[\w.]+@[\w.]+/g, '');
    expect([taken.status, taken.url]).toEqual([free.status, free.url]);
    expect(shape(taken)).toBe(shape(free));
    const told = await mails.next(bob.email, /another/);
    expect(told.code).toBe('');
    expect((await second.submit(taken, { code: '123456' })).isRefused).toBe(true);
  });

  test('is refused with a message when it is invalid, already listed, or one too many', async () => {
    const { user, visitor } = await owner();
    expect((await add(visitor, '')).text).toContain('Enter an email address or phone number.');
    expect((await add(visitor, 'not an address')).text).toContain('Enter an email address like name@example.com');
    expect((await add(visitor, user.email.toUpperCase())).text).toContain('This is already in your list');
  });

  test('codes of one user run out over all addresses', async () => {
    const { visitor } = await owner();
    for (let i = 0; i < 3; i += 1) expect((await add(visitor, fresh('flood'))).url).toContain('/confirm/');
    const refused = await add(visitor, fresh('flood'));
    expect([refused.isRefused, refused.text.includes('You’ve requested too many codes')]).toEqual([true, true]);
  });
});

describe('the primary email address is changed', () => {
  test('by the code of the new one; the old one signs in until then, is notified, and can undo it', async () => {
    const { user, visitor } = await owner();
    const other = (await signedIn(user)).visitor;
    const wanted = fresh('wanted');
    const asked = await change(visitor, wanted);
    expect(asked.url).toBe(url('emails/confirm/change'));
    expect(await signsIn(user.email, user.password)).toBe(true);
    expect(await signsIn(wanted, user.password)).toBe(false);
    const { code } = await mails.next(wanted);
    expect((await visitor.submit(asked, { code })).url).toBe(url('emails?done=saved'));
    expect(await signsIn(wanted, user.password)).toBe(true);
    expect(await signsIn(user.email, user.password)).toBe(false);

    const notice = await mails.next(user.email, /changed/);
    expect(notice.text).toContain(wanted);
    // Nobody else gets the old address meanwhile.
    await expect(latchkey.user({ email: user.email })).rejects.toThrow('email_taken');

    const old = someone();
    for (let i = 0; i < 3; i += 1) expect((await old.open(notice.link)).text).toContain(user.email);
    expect(await signsIn(wanted, user.password)).toBe(true);
    const page = await old.open(notice.link);
    expect(page.url).toMatch(/\/verification\/revert\/[\w-]{12}$/);
    expect((await old.submit(page, {}, 'confirm')).url).toBe(`${latchkey.base}/verification/reverted`);
    expect(await signsIn(wanted, user.password)).toBe(false);
    expect(await signsIn(user.email, user.password)).toBe(false);
    for (const browser of [visitor, other]) expect((await browser.open(url('emails'))).url).toMatch(/\/interaction\//);
    expect((await old.open(notice.link)).status).toBe(410);
    const { link } = await mails.next(user.email, /password/i);
    await old.submit(await old.open(link), { password: 'granite otter lantern' });
    expect(await signsIn(user.email, 'granite otter lantern')).toBe(true);
    expect(await eventsOf(user)).toEqual(
      expect.arrayContaining(['user.email_change_requested', 'user.email_changed', 'user.email_reverted']),
    );
  });

  test('and the link back removes what was prepared for it; a later change mails no other link back', async () => {
    const { user, visitor } = await owner();
    const prepared = fresh('prepared');
    await visitor.submit(await add(visitor, prepared), { code: (await mails.next(prepared)).code });
    const steps = [fresh('step'), fresh('step')];
    for (const step of steps)
      await visitor.submit(await change(visitor, step), { code: (await mails.next(step)).code });
    const { link } = await mails.next(user.email, /was changed/);
    expect((await mails.next(steps[0]!, /was changed/)).link).not.toContain('/verification/revert');
    const old = someone();
    await old.submit(await old.open(link), {}, 'confirm');
    for (const address of [prepared, ...steps])
      expect(
        await latchkey.app.database.sql(
          'select 1 from users where email_canonical = $1 union all select 1 from contact where canonical = $1',
          [address],
        ),
      ).toEqual([]);
  });

  test('by the link, in the session of its owner', async () => {
    const { user, visitor } = await owner();
    const wanted = fresh('wanted');
    await change(visitor, wanted);
    const { link } = await mails.next(wanted);
    expect((await someone().open(link)).url).toMatch(/\/interaction\//);
    expect((await visitor.submit(await visitor.open(link), {}, 'confirm')).url).toBe(url('emails?done=saved'));
    expect(await signsIn(wanted, user.password)).toBe(true);
    // Used once.
    const used = await visitor.open(link);
    expect([used.status, used.text.includes('This link doesn’t work here')]).toEqual([410, true]);
  });

  test('not by an older request, and not three days later', async () => {
    const { user, visitor } = await owner();
    const [first, second] = [fresh('first'), fresh('second')];
    await change(visitor, first);
    const older = await mails.next(first);
    const asked = await change(visitor, second);
    const newer = await mails.next(second);
    expect((await visitor.submit(asked, { code: older.code })).isRefused).toBe(older.code !== newer.code);
    expect((await visitor.open(older.link)).text).not.toMatch(/Replace .* with/);
    await visitor.submit(await visitor.open(asked.url), { code: newer.code });
    const notice = await mails.next(user.email, /changed/);
    vi.useFakeTimers({ toFake: ['Date'], now: systemClock.now().getTime() + 3 * DAY + MINUTE });
    expect((await someone().open(notice.link)).status).toBe(410);
  });

  test('not when the operator disabled the user meanwhile, and nothing open is restored with the user', async () => {
    const { user, visitor } = await owner();
    const wanted = fresh('wanted');
    await change(visitor, wanted);
    const { link } = await mails.next(wanted);
    await latchkey.run('users.disable', { user_id: user.id });
    await latchkey.run('users.enable', { user_id: user.id });
    const { visitor: again } = await signedIn(user);
    expect((await again.open(link)).status).toBe(410);
    expect(await signsIn(wanted, user.password)).toBe(false);
  });

  test('for one of two users who request the same address at once', async () => {
    const wanted = fresh('race');
    const [bob, dave] = [await owner(), await owner()];
    const asked = [await change(bob.visitor, wanted), await change(dave.visitor, wanted)];
    const codes = [await mails.next(wanted), await mails.next(wanted)];
    const pages = await Promise.all([
      bob.visitor.submit(asked[0]!, { code: codes[0]!.code }),
      dave.visitor.submit(asked[1]!, { code: codes[1]!.code }),
    ]);
    expect(pages.filter(({ isRefused }) => isRefused)).toHaveLength(1);
    const found = await latchkey.app.database.sql('select 1 from users where email_canonical = $1', [wanted]);
    expect(found).toHaveLength(1);
  });

  test('not to the present address', async () => {
    const { user, visitor } = await owner();
    expect((await change(visitor, user.email.toUpperCase())).text).toContain('already your primary address');
  });
});

test('a change of sign-in addresses requires a recent sign-in', async () => {
  const { user, visitor } = await owner();
  const other = fresh('late');
  await add(visitor, other);
  const { code } = await mails.next(other);
  const page = await visitor.open(url('emails'));
  const { csrf } = addForm(page).fields;
  const now = systemClock.now().getTime() + HOUR / 2;
  vi.useFakeTimers({ toFake: ['Date'], now });
  const forms: [string, Record<string, string>][] = [
    ['emails', { email: fresh('late') }],
    ['emails/send', { contact: 'first' }],
    ['emails/first', { contact: 'first' }],
    ['emails/remove', { contact: 'first' }],
    ['emails/change', { email: fresh('late') }],
    ['emails/confirm/address', { code }],
    ['emails/confirm/change', { code }],
    ['phones', { phone: '+12025550123' }],
    ['phones/send', { contact: 'first' }],
    ['phones/first', { contact: 'first' }],
    ['phones/remove', { contact: 'first' }],
    ['phones/confirm', { code }],
  ];
  for (const [path, fields] of forms) {
    const answer = await visitor.request(url(path), { form: { ...fields, csrf: csrf! } });
    expect([path, answer.status, new URL(answer.location!).pathname]).toEqual([path, 303, '/oidc/auth']);
  }
  expect((await visitor.open(url('emails'))).text).toContain('Not verified');
  expect(await eventsOf(user)).not.toContain('user.email_added');
});
