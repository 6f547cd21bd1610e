import { access } from '#directory/access/module.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AskingBrowser, Holder, OneTimeSecrets } from '#credentials/module.ts';
import { type Clock, DAY, HOUR, MINUTE, SECOND } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import { oneStatement } from '#kernel/postgres/one-statement.ts';
import type { Database } from '#kernel/database.ts';
import { createUsers } from '#directory/users/module.ts';
import { openAudit } from '../../support/audit.ts';
import { codeRules } from '../../../src/credentials/one-time/code-limits.ts';
import { secretLifetimes, type Purpose, type PurposeGroup } from '../../../src/credentials/one-time/one-time-secret.ts';
import { KnownDevices } from '../../../src/credentials/trusted-devices/known-device.ts';
import { OneTimeSecrets as Secrets } from '../../../src/credentials/one-time/one-time-secrets.ts';
import { openAccess } from '../../support/access.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';

const ring = 'the secret of this test, which is long enough';
let database: Database;
let count = 0;
beforeAll(async () => void (database = await openTestDatabase()));
afterAll(() => database.close());

const here = { holds: 'this browser', deviceSecret: undefined };
const at = (holds: string) => ({ holds, deviceSecret: undefined });
const secretsOf = (clock: Clock, secrets: readonly string[] = [ring]) =>
  new Secrets({
    clock,
    database,
    keyRing: createKeyRing(secrets),
    knownDevices: new KnownDevices(clock, database),
  });

type Issue = Partial<Parameters<OneTimeSecrets['issue']>[1]>;

/** A new user each time, with a clock of its own. */
async function begin(secrets: readonly string[] = [ring]) {
  const clock = testClock();
  const made = secretsOf(clock, secrets);
  const { log: audit } = openAudit({ clock, database });
  const { users } = createUsers({
    clock,
    database,
    audit,
    accessRevocation: openAccess({ clock, database, audit }).accessRevocation,
    rights: access,
  });
  count += 1;
  const email = `person${count}@one-time.example`;
  const { id: userId } = await database.transaction((em) =>
    users.create(em, { email }, { actor: { type: 'operator' } }),
  );
  const holder: Holder = { userId };
  const defaults = { purpose: 'verify_email', holder, address: email, form: 'both', browser: here } as const;
  const issue = (given: Issue = {}) => database.transaction((em) => made.issue(em, { ...defaults, ...given }));
  const useLink = (link: string, purpose: Purpose = 'verify_email', interaction?: string) =>
    database.transaction((em) => made.consumeLink(em, { purpose, link, ...(interaction ? { interaction } : {}) }));
  const tryCode = async (code: string, purpose: Purpose = 'verify_email', holds?: string) =>
    (await made.verifyCode({ purpose, holder, code, browser: holds === undefined ? here : at(holds) })).kind;
  return { clock, made, userId, holder, email, issue, useLink, tryCode };
}

/** Of a hundred others none is the code. */
const wrong = (code: string, n = 1): string => String((Number(code) + n) % 1_000_000).padStart(6, '0');

describe('stored links and codes', () => {
  test('are hashes only, and a code’s hash needs a key outside the database', async () => {
    const { issue } = await begin();
    const { link, code } = await issue();
    expect(link).toMatch(/^[\w-]{43}$/);
    expect(code).toMatch(/^\d{6}$/);
    const rows = JSON.stringify(await database.sql('select * from one_time_secret'));
    const bytes = (text: string) => JSON.stringify([...Buffer.from(text)]).slice(1, -1);
    for (const secret of [link!, Buffer.from(link!).toString('base64'), bytes(link!), `"${code!}"`, bytes(code!)])
      expect(rows).not.toContain(secret);
  });

  test('tell a page the subject of a link without consuming it, and list the open ones', async () => {
    const { made, issue, userId, email, holder, clock } = await begin();
    expect(await made.findOpen('verify_email', holder, here)).toBeNull();
    const { link } = await issue({ data: { to: 'x' } });
    for (let i = 0; i < 3; i += 1)
      expect(await made.findByLink('verify_email', link!)).toMatchObject({ userId, address: email, data: { to: 'x' } });
    expect(await made.findOpen('verify_email', holder, here)).toMatchObject({ address: email, hasLiveCode: true });
    expect(await made.findOpen('verify_email', holder, at('another browser'))).toBeNull();
    clock.advance(10 * MINUTE);
    expect(await made.findOpen('verify_email', holder, here)).toMatchObject({ hasLiveCode: false });
  });

  test('are purged a day after their end, and not before', async () => {
    const { made, issue, clock, userId } = await begin();
    await issue();
    const left = async () => (await database.sql('select 1 from one_time_secret where subject = $1', [userId])).length;
    clock.advance(2 * DAY - SECOND);
    await made.purge();
    expect(await left()).toBe(1);
    clock.advance(2 * SECOND);
    expect(await made.purge()).toBeGreaterThan(0);
    expect(await left()).toBe(0);
  });

  test('can be checked under each secret of the ring, so that one can be replaced', async () => {
    const { issue, holder } = await begin();
    const { code } = await issue();
    const later = secretsOf(testClock(), [`${ring}, another`, ring]);
    expect((await later.verifyCode({ purpose: 'verify_email', holder, code: code!, browser: here })).kind).toBe(
      'verified',
    );
  });
});

describe('a link and a code', () => {
  test.each(['link', 'code'] as const)('consume each other: the %s first', async (first) => {
    const { issue, useLink, tryCode } = await begin();
    const { link, code } = await issue();
    const byLink = async () => (await useLink(link!)) !== null;
    const byCode = async () => (await tryCode(code!)) === 'verified';
    const [now, then] = first === 'link' ? [byLink, byCode] : [byCode, byLink];
    expect(await now()).toBe(true);
    expect(await then()).toBe(false);
    expect(await now()).toBe(false);
  });

  test('of one purpose are refused for every other one', async () => {
    const { issue, useLink, tryCode, made } = await begin();
    const purposes = Object.keys(secretLifetimes) as Purpose[];
    const { link, code } = await issue();
    for (const purpose of purposes.filter((purpose) => purpose !== 'verify_email')) {
      expect([purpose, await made.findByLink(purpose, link!)]).toEqual([purpose, null]);
      expect([purpose, await useLink(link!, purpose)]).toEqual([purpose, null]);
      expect([purpose, await tryCode(code!, purpose)]).toEqual([purpose, 'wrong']);
    }
    expect(await useLink(link!)).not.toBeNull();
  });

  test('of one user are refused for another', async () => {
    const [ada, bob] = [await begin(), await begin()];
    const { code } = await ada.issue();
    await bob.issue();
    expect(await bob.tryCode(code!)).toBe('wrong');
    expect(await ada.tryCode(code!)).toBe('verified');
  });

  test('for an address without an account belong to that address', async () => {
    const { made, issue } = await begin();
    const holder = { emailCanonical: 'new@one-time.example' };
    const { code } = await issue({ holder, purpose: 'registration' });
    const given = { purpose: 'registration', code: code!, browser: here } as const;
    expect((await made.verifyCode({ ...given, holder: { emailCanonical: 'other@one-time.example' } })).kind).toBe(
      'wrong',
    );
    expect(await made.verifyCode({ ...given, holder })).toMatchObject({ kind: 'verified', secret: { userId: null } });
  });

  test('of a sign-in are refused in another one, or outside', async () => {
    const { issue, useLink, tryCode } = await begin();
    const { link, code } = await issue({ interaction: 'this one', browser: at('this one') });
    expect(await useLink(link!)).toBeNull();
    expect(await useLink(link!, 'verify_email', 'another one')).toBeNull();
    expect(await tryCode(code!)).toBe('wrong');
    expect(await tryCode(code!, 'verify_email', 'another one')).toBe('wrong');
    expect(await tryCode(code!, 'verify_email', 'this one')).toBe('verified');
  });

  test('end older ones, unless the older ones undo something else', async () => {
    const { issue, useLink, tryCode } = await begin();
    const older = await issue();
    const newer = await issue();
    expect(await useLink(older.link!)).toBeNull();
    if (older.code !== newer.code) expect(await tryCode(older.code!)).toBe('wrong');
    expect(await tryCode(newer.code!)).toBe('verified');
    const undo = { purpose: 'revert_email', form: 'link', keepsOlder: true } as const;
    const [one, two] = [await issue(undo), await issue(undo)];
    expect(await useLink(one.link!, 'revert_email')).not.toBeNull();
    expect(await useLink(two.link!, 'revert_email')).not.toBeNull();
  });

  test('end when an act ends them, all of them or some purposes', async () => {
    const { made, issue, useLink, userId } = await begin();
    const verify = await issue();
    const code = await issue({ purpose: 'second_factor', form: 'link' });
    const undo = await issue({ purpose: 'revert_email', form: 'link' });
    const revoke = (which: PurposeGroup) => database.transaction((em) => made.revokeOpen(em, userId, which));
    await revoke('second-factor codes');
    expect(await useLink(code.link!, 'second_factor')).toBeNull();
    expect(await made.findByLink('verify_email', verify.link!)).not.toBeNull();
    await revoke('proofs');
    expect(await useLink(verify.link!)).toBeNull();
    expect(await made.findByLink('revert_email', undo.link!)).not.toBeNull();
    await revoke('all');
    expect(await useLink(undo.link!, 'revert_email')).toBeNull();
  });

  test.each(Object.entries(secretLifetimes) as [Purpose, number][])(
    'live as long as their purpose: %s',
    async (purpose, lifetime) => {
      const { issue, useLink, clock } = await begin();
      const { link } = await issue({ purpose, form: 'link' });
      const early = await issue({ purpose, form: 'link', keepsOlder: true });
      clock.advance(lifetime - SECOND);
      expect(await useLink(early.link!, purpose)).not.toBeNull();
      clock.advance(SECOND);
      expect(await useLink(link!, purpose)).toBeNull();
    },
  );

  test('a code lives ten minutes, even if its link lives longer', async () => {
    const { issue, tryCode, useLink, clock } = await begin();
    const { link, code } = await issue();
    clock.advance(10 * MINUTE);
    expect(await tryCode(code!)).toBe('wrong');
    expect(await useLink(link!)).not.toBeNull();
  });

  test('a malformed code is wrong, and white space is ignored', async () => {
    const { issue, tryCode } = await begin();
    const { code } = await issue();
    for (const typed of ['', `${code!}0`, '１２３４５６', `${code!}; drop`])
      expect([typed, await tryCode(typed)]).toEqual([typed, 'wrong']);
    expect(await tryCode(` ${code!.slice(0, 3)}\u00a0${code!.slice(3)}\n`)).toBe('verified');
  });

  test('are not consumed when their act cannot be written', async () => {
    const { made, issue, holder, tryCode } = await begin();
    const { code } = await issue();
    const failing = made.verifyCode({ purpose: 'verify_email', holder, code: code!, browser: here }, async () => {
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await tryCode(code!)).toBe('verified');
  });
});

describe('the budget of codes', () => {
  test('is five tries for a code, on all nodes, and none in another browser', async () => {
    const { issue, tryCode, made, holder } = await begin();
    const { code } = await issue();
    for (let i = 1; i <= 5; i += 1) expect(await tryCode(wrong(code!, i))).toBe('wrong');
    expect(await tryCode(code!)).toBe('throttled');
    expect(await tryCode(code!, 'verify_email', 'another browser')).toBe('wrong');
    const node = secretsOf(testClock());
    expect((await node.verifyCode({ purpose: 'verify_email', holder, code: code!, browser: here })).kind).toBe(
      'throttled',
    );
    expect((await made.verifyCode({ purpose: 'change_email', holder, code: code!, browser: here })).kind).toBe('wrong');
  });

  test('is three codes in fifteen minutes: the fourth is not created, and the third still works', async () => {
    const { issue, tryCode, clock } = await begin();
    await issue();
    await issue();
    const third = await issue();
    expect(await issue()).toEqual({ link: null, code: null });
    expect(await tryCode(third.code!)).toBe('verified');
    clock.advance(15 * MINUTE);
    expect((await issue()).code).not.toBeNull();
  });

  test('is ten codes in a day, and new requests do not restart the window', async () => {
    const { issue, clock } = await begin();
    let made = 0;
    for (let i = 0; i < 20; i += 1) {
      if ((await issue()).code !== null) made += 1;
      clock.advance(30 * MINUTE);
    }
    expect(made).toBe(10);
    clock.advance(DAY - 10 * HOUR);
    expect((await issue()).code).not.toBeNull();
  });

  test('is fifty tries in a day', async () => {
    const { issue, tryCode, clock } = await begin();
    let tried = 0;
    for (let i = 0; i < 10; i += 1) {
      const { code } = await issue();
      for (let n = 1; n <= 6; n += 1) if ((await tryCode(wrong(code!, n))) === 'wrong') tried += 1;
      clock.advance(30 * MINUTE);
    }
    expect(tried).toBe(50);
    expect(await tryCode('123456')).toBe('throttled');
    clock.advance(DAY);
    const { code } = await issue();
    expect(await tryCode(code!)).toBe('verified');
  });

  test('is not used up by links that no browser requested', async () => {
    const { made, email, holder } = await begin();
    const secret = { purpose: 'password_reset', holder, address: email, form: 'link' } as const;
    for (let i = 0; i < 20; i += 1)
      expect((await database.transaction((em) => made.issue(em, secret))).link).not.toBeNull();
  });
});

describe('a known browser', () => {
  /** Browsers with sign-ins of their own, known and not. */
  async function withBrowsers() {
    const person = await begin();
    const devices = new KnownDevices(person.clock, database);
    const known = async (name: string) => {
      const deviceSecret = `${name} of ${person.userId}`;
      const decision = devices.remembering(person.userId, deviceSecret, 'Firefox');
      const { text, values } = oneStatement({ conditions: [], decision, others: [] });
      await database.sql(text, values);
      return (signIn = name) => ({ holds: signIn, deviceSecret });
    };
    const unknown = (signIn: string) => ({ holds: signIn, deviceSecret: `stranger ${signIn}` });
    const tryAt = async (browser: AskingBrowser, purpose: Purpose, code = 'wrong!') =>
      (await person.made.verifyCode({ purpose, holder: person.holder, code, browser })).kind;
    return { ...person, known, unknown, tryAt };
  }
  const purposes = Object.entries(codeRules) as [Purpose, (typeof codeRules)[keyof typeof codeRules]][];

  test.each(purposes)('has its own codes if the rule says so: %s', async (purpose, { ownRates }) => {
    const { issue, known, unknown } = await withBrowsers();
    const form = purpose === 'password_reset' ? 'link' : 'code';
    const ask = async (browser: AskingBrowser) => {
      const { link, code } = await issue({ purpose, form, browser });
      return (link ?? code) !== null;
    };
    for (let i = 0; i < 3; i += 1) expect(await ask(unknown(`sign-in ${i}`))).toBe(true);
    expect(await ask(unknown('one more'))).toBe(false);
    const mine = await known('mine');
    for (let i = 0; i < 3; i += 1) expect(await ask(mine(`own ${i}`))).toBe(ownRates);
    expect(await ask(mine('own 3'))).toBe(false);
    expect(await ask((await known('second'))())).toBe(ownRates);
  });

  // A link has no tries, and of a change one code alone is open.
  test.each(purposes.filter(([, { ends }]) => ends === 'browser'))(
    'has its own tries if the rule says so: %s',
    async (purpose, { ownRates }) => {
      const { issue, known, unknown, tryAt, clock } = await withBrowsers();
      const strangers = [unknown('a'), unknown('b'), unknown('c')];
      for (const browser of strangers) await issue({ purpose, form: 'code', browser });
      clock.advance(9 * MINUTE);
      for (const browser of strangers)
        for (let i = 0; i < 5; i += 1) expect(await tryAt(browser, purpose)).toBe('wrong');
      clock.advance(7 * MINUTE);
      const mine = (await known('mine'))();
      const { code } = await issue({ purpose, form: 'code', browser: mine });
      expect(await tryAt(mine, purpose, code!)).toBe(ownRates ? 'verified' : 'throttled');
    },
  );

  test('shares a limit with all known browsers: 30 codes and 100 tries a day', async () => {
    const { issue, known, tryAt, clock } = await withBrowsers();
    const browsers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => known(name)));
    let [asked, tried] = [0, 0];
    for (let round = 0; round < 10; round += 1)
      for (const browser of browsers) {
        clock.advance(10 * MINUTE);
        if ((await issue({ purpose: 'sign_in', form: 'code', browser: browser() })).code !== null) asked += 1;
        for (let i = 0; i < 5; i += 1) if ((await tryAt(browser(), 'sign_in')) === 'wrong') tried += 1;
      }
    expect([asked, tried]).toEqual([30, 100]);
  });

  test('replaces an unknown one if three codes are open, and its own code last', async () => {
    const { issue, known, unknown, tryAt } = await withBrowsers();
    const ask = async (browser: AskingBrowser) => (await issue({ purpose: 'sign_in', form: 'code', browser })).code!;
    const [first, second, third] = [unknown('a'), unknown('b'), unknown('c')];
    const codes = [await ask(first), await ask(second), await ask(third)];
    const mine = (await known('mine'))();
    const code = await ask(mine);
    expect(await tryAt(first, 'sign_in', codes[0])).toBe('wrong');
    expect(await tryAt(mine, 'sign_in', code)).toBe('verified');
    expect(await tryAt(second, 'sign_in', codes[1])).toBe('wrong');
  });

  test('requests a link that an unknown browser does not end, and ends links of unknown browsers', async () => {
    const { issue, useLink, known, unknown } = await withBrowsers();
    const ask = async (browser: AskingBrowser) =>
      (await issue({ purpose: 'password_reset', form: 'link', browser })).link!;
    const mine = (await known('mine'))();
    const before = await ask(unknown('a'));
    const link = await ask(mine);
    expect(await useLink(before, 'password_reset')).toBeNull();
    const after = await ask(unknown('b'));
    const newest = await ask(unknown('c'));
    expect(await useLink(after, 'password_reset')).toBeNull();
    expect(await useLink(link, 'password_reset')).not.toBeNull();
    expect(await useLink(newest, 'password_reset')).toBeNull();
  });
});

describe('tries of two purposes', () => {
  test.each([
    ['sign_in', 'sign_in_sms', true],
    ['second_factor', 'second_factor_sms', true],
    ['sign_in', 'second_factor', false],
    ['verify_email', 'change_email', false],
  ] as const)('%s and %s share a counter: %s', async (one, other, isTogether) => {
    const { issue, tryCode } = await begin();
    for (const holds of ['a', 'b', 'c']) {
      await issue({ purpose: one, form: 'code', browser: at(holds) });
      for (let i = 0; i < 5; i += 1) expect(await tryCode('wrong!', one, holds)).toBe('wrong');
    }
    const { code } = await issue({ purpose: other, form: 'code', browser: at('d') });
    expect(await tryCode(code!, other, 'd')).toBe(isTogether ? 'throttled' : 'verified');
  });
});

describe('a code that a limit holds back', () => {
  test('does not end the code and the link that were sent before, and is not valid itself', async () => {
    const { made, issue, tryCode, holder, email } = await begin();
    const sent = await issue();
    const secret = { purpose: 'verify_email', holder, address: email, form: 'both', browser: here } as const;
    const held = await database.transaction((em) => made.issue(em, secret, async () => false));
    expect(await made.findByLink('verify_email', held.link!)).toBeNull();
    expect(await made.findByLink('verify_email', sent.link!)).not.toBeNull();
    if (held.code !== sent.code) expect(await tryCode(held.code!)).toBe('wrong');
    expect(await tryCode(sent.code!)).toBe('verified');
  });

  test('gives an open code no further tries', async () => {
    const { made, issue, tryCode, holder, email, clock } = await begin();
    const sent = await issue();
    for (let i = 1; i <= 5; i += 1) expect(await tryCode(wrong(sent.code!, i))).toBe('wrong');
    const secret = { purpose: 'verify_email', holder, address: email, form: 'both', browser: here } as const;
    await database.transaction((em) => made.issue(em, secret, async () => false));
    clock.advance(MINUTE);
    for (let i = 0; i < 5; i += 1) expect(await tryCode(sent.code!)).toBe('wrong');
    expect(await tryCode(sent.code!)).toBe('throttled');
  });
});

describe('requests at the same time', () => {
  test('one of fifty uses of a link succeeds', async () => {
    const { issue, useLink } = await begin();
    const { link } = await issue();
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => useLink(link!)));
    expect(outcomes.filter((outcome) => outcome !== null)).toHaveLength(1);
  });

  test('one of five uses of a code succeeds', async () => {
    const { issue, tryCode } = await begin();
    const { code } = await issue();
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => tryCode(code!)));
    expect(outcomes.filter((outcome) => outcome === 'verified')).toHaveLength(1);
  });

  test('five of two hundred guesses are compared', async () => {
    const { issue, tryCode } = await begin();
    const { code } = await issue();
    const guesses = Array.from({ length: 200 }, (_, n) => wrong(code!, n + 1));
    const outcomes = await Promise.all(guesses.map((guess) => tryCode(guess)));
    expect(outcomes.filter((outcome) => outcome === 'wrong')).toHaveLength(5);
    expect(await tryCode(code!)).toBe('throttled');
  });
});
