/**
 * Limits on codes that a stranger might turn against the owner: who asked, who tries, how often. A stranger
 * knows the address alone; the owner sits in a browser that the account knows, or in a new one.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY, HOUR, MINUTE } from '#kernel/clock.ts';
import { toUuid } from '#kernel/ids.ts';
import { send, signInTo } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails, type ReadMail } from '../../support/mails.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let people = 0;
/** A new browser in a network of its own: limits by network are not what is tried here. */
const network = () => ({ 'x-forwarded-for': `10.${(people += 1) >> 8}.${people & 255}.9` });
const browser = () => new Visitor(network());

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
afterEach(() => void vi.useRealTimers());

const later = (wait: number) => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + wait });
const start = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'login' });
const arrived = (page: Page): boolean => page.location !== null && new URL(page.location).searchParams.has('code');
const wrong = (code: string, n = 1): string => String((Number(code) + n) % 1_000_000).padStart(6, '0');
const kindOf = (page: Page): string => {
  if (arrived(page)) return 'in';
  if (page.text.includes('Too many attempts')) return 'throttled';
  return page.text.includes('That code is incorrect') ? 'wrong' : `${page.status} ${page.url}`;
};

type Seat = 'known' | 'new' | 'stranger';
type Asked = { visitor: Visitor; page: Page };

async function owner(): Promise<TestUser & { seat: (seat: Seat) => Visitor }> {
  const user = await latchkey.user({ email_verified: true });
  const known = browser();
  await known.signIn(start(), user);
  const fresh = browser();
  return { ...user, seat: (seat) => ({ known, new: fresh, stranger: browser() })[seat] };
}

/** At the page for the code, which has asked for one. */
async function ask(visitor: Visitor, email: string): Promise<Asked> {
  let page = await visitor.open(start());
  if (!('password' in (formsOf(page)[0]?.fields ?? {}))) page = await visitor.submit(page, { email });
  return { visitor, page: await visitor.open(page.url.replace(/\/password$/, '/email-code')) };
}
async function askAndRead(visitor: Visitor, email: string): Promise<Asked & { mail: ReadMail }> {
  const asked = await ask(visitor, email);
  const [path = ''] = /\/interaction\/[^/]+/.exec(asked.page.url) ?? [];
  for (;;) {
    const mail = await mails.next(email, /sign-in code/);
    if (mail.link.includes(path)) return { ...asked, mail };
  }
}
const type = async ({ visitor, page }: Asked, code: string): Promise<string> =>
  kindOf(await visitor.submit(page, { code }));

/** How many codes were mailed, once everything that was asked for is delivered. */
async function mailed(email: string): Promise<number> {
  const marker = await latchkey.user({ email_verified: true });
  await askAndRead(browser(), marker.email);
  return (await mails.all()).filter(({ to, subject }) => to === email && /sign-in code/.test(subject)).length;
}
/** How many codes that were typed have been compared. */
async function compared({ id }: TestUser): Promise<number> {
  const [row] = await latchkey.app.database.sql<{ tries: number }>(
    'select coalesce(sum(tries), 0)::int as tries from one_time_secret where subject = $1',
    [id],
  );
  return row?.tries ?? 0;
}

const seats: readonly Seat[] = ['known', 'new', 'stranger'];
const pairs = seats.flatMap((asks) => seats.map((tries) => [asks, tries] as const));

describe('a code that one browser requested', () => {
  test.each(pairs)(
    '%s: does not work in another one, %s, and its tries do not count on the code',
    async (asks, tries) => {
      const user = await owner();
      const mine = await askAndRead(user.seat(asks), user.email);
      const theirs = await askAndRead(tries === asks ? browser() : user.seat(tries), user.email);
      const guesses = [1, 2, 3, 4, 5].map((n) => wrong(theirs.mail.code, n));
      if (mine.mail.code !== theirs.mail.code) guesses[0] = mine.mail.code;
      for (const guess of guesses) expect(await type(theirs, guess)).toBe('wrong');
      expect(await type(theirs, theirs.mail.code)).toBe('throttled');
      expect(await type(mine, mine.mail.code)).toBe('in');
    },
  );

  test.each(pairs)('%s: works after another one, %s, requested four codes', async (asks, others) => {
    const user = await owner();
    const mine = await askAndRead(user.seat(asks), user.email);
    for (let i = 0; i < 4; i += 1) await ask(others === asks ? browser() : user.seat(others), user.email);
    expect(await type(mine, mine.mail.code)).toBe('in');
  });

  test.each(seats)('%s: allows five tries in its browser, and the right code is refused after them', async (asks) => {
    const user = await owner();
    const mine = await askAndRead(user.seat(asks), user.email);
    for (let i = 0; i < 5; i += 1) expect(await type(mine, wrong(mine.mail.code, i + 1))).toBe('wrong');
    expect(await type(mine, mine.mail.code)).toBe('throttled');
    expect(await compared(user)).toBe(5);
  });

  test('ends with a success in any browser', async () => {
    const user = await owner();
    const mine = await askAndRead(user.seat('new'), user.email);
    const other = await askAndRead(user.seat('known'), user.email);
    expect(await type(other, other.mail.code)).toBe('in');
    expect(await type(mine, mine.mail.code)).toBe('wrong');
    expect((await mine.visitor.open(mine.mail.link)).status).toBe(410);
  });
});

describe('all unknown browsers together', () => {
  test('have 3 codes and 15 tries in 15 minutes; the owner still requests a code and signs in in a known browser', async () => {
    const user = await owner();
    const mine = await askAndRead(user.seat('new'), user.email);
    let tried = 0;
    for (let round = 0; round < 6; round += 1) {
      const asked = await ask(browser(), user.email);
      const kinds: string[] = [];
      for (let i = 0; i < 7; i += 1) kinds.push(await type(asked, wrong(mine.mail.code, 10 * round + i + 1)));
      if (round < 2) expect(kinds.filter((kind) => kind === 'wrong')).toHaveLength(5);
      tried += 1;
    }
    expect([tried, await mailed(user.email), await compared(user)]).toEqual([6, 3, 10]);
    for (let i = 0; i < 5; i += 1) expect(await type(mine, wrong(mine.mail.code, 100 + i))).toBe('wrong');
    expect(await compared(user)).toBe(15);
    expect(await type(mine, mine.mail.code)).toBe('throttled');
    const known = await askAndRead(user.seat('known'), user.email);
    expect(await type(known, known.mail.code)).toBe('in');
  });

  test('leave the owner in a new browser the link of the mail, when all tries are used up', async () => {
    const user = await owner();
    const mine = await askAndRead(user.seat('new'), user.email);
    for (const { code } of [mine.mail, mine.mail]) {
      const asked = await ask(browser(), user.email);
      for (let i = 0; i < 5; i += 1) await type(asked, wrong(code, i + 1));
    }
    for (let i = 0; i < 5; i += 1) await type(mine, wrong(mine.mail.code, 50 + i));
    expect(await type(mine, mine.mail.code)).toBe('throttled');
    const page = await mine.visitor.open(mine.mail.link);
    expect(arrived(await mine.visitor.submit(page, {}, 'continue'))).toBe(true);
  });

  test('have 10 codes and 50 tries a day, in any distribution; the windows slide', async () => {
    const user = await owner();
    for (let round = 0; round < 14; round += 1) {
      const asked = await ask(browser(), user.email);
      for (let i = 0; i < 6; i += 1) await type(asked, 'wrong!');
      later(round < 4 ? 5 * MINUTE + 1000 : HOUR);
    }
    expect([await mailed(user.email), await compared(user)]).toEqual([10, 50]);
    const known = await askAndRead(user.seat('known'), user.email);
    expect(await type(known, known.mail.code)).toBe('in');
    later(DAY);
    const fresh = await askAndRead(browser(), user.email);
    expect(await type(fresh, fresh.mail.code)).toBe('in');
  });

  test('see the same for an unknown address, at every repetition', async () => {
    const user = await owner();
    const walk = async (email: string): Promise<string[]> => {
      const seen: string[] = [];
      for (let round = 0; round < 5; round += 1) {
        const asked = await ask(browser(), email);
        for (let i = 0; i < 6; i += 1) seen.push(await type(asked, 'wrong!'));
      }
      return seen;
    };
    const known = await walk(user.email);
    expect(await walk(`nobody-${user.email}`)).toEqual(known);
    expect(known.filter((kind) => kind === 'wrong')).toHaveLength(15);
    expect(known.at(-1)).toBe('throttled');
  });
});

describe('a known browser', () => {
  test('has 3 codes in 15 minutes and 20 tries a day of its own, whatever unknown browsers used up', async () => {
    const user = await owner();
    for (let i = 0; i < 4; i += 1) await ask(browser(), user.email);
    expect(await mailed(user.email)).toBe(3);
    const visitor = user.seat('known');
    for (let i = 0; i < 4; i += 1) await ask(visitor, user.email);
    expect(await mailed(user.email)).toBe(6);
    let tried = 0;
    for (let round = 0; round < 6; round += 1) {
      later(20 * MINUTE);
      const asked = await ask(visitor, user.email);
      for (let i = 0; i < 6; i += 1) if ((await type(asked, 'wrong!')) === 'wrong') tried += 1;
    }
    expect([tried, await compared(user)]).toEqual([20, 20]);
    later(DAY);
    const again = await askAndRead(visitor, `${user.email}`);
    expect(again.mail.code).toMatch(/^\d{6}$/);
  });

  test('of one account is an unknown browser for another', async () => {
    const [ada, bob] = [await owner(), await owner()];
    for (let i = 0; i < 3; i += 1) await ask(browser(), ada.email);
    await ask(bob.seat('known'), ada.email);
    expect(await mailed(ada.email)).toBe(3);
  });
});

describe('verification mails', () => {
  test('reach the owner of the account, although an attacker requests the same address for another account', async () => {
    const user = await latchkey.user({ email_verified: false });
    await latchkey.app.database.sql('update users set email_proof_due = true where id = $1', [
      toUuid(user.id as never),
    ]);
    const { visitor: stranger } = await signInTo(latchkey, await latchkey.user({ email_verified: true }), network());
    for (let i = 0; i < 3; i += 1)
      expect((await send(stranger, `${latchkey.base}/account/emails`, { email: user.email })).status).toBe(303);
    const visitor = browser();
    let page = await visitor.submit(await visitor.open(start()), { email: user.email });
    page = await visitor.submit(page, { password: user.password });
    page = await visitor.submit(page, { code: (await mails.next(user.email, /code/)).code });
    expect(arrived(page)).toBe(true);
  });
});
