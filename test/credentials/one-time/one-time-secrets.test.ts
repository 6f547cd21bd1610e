/** Links and codes that prove an address: whose, what for, how often, how long. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { AskingBrowser } from '#credentials/module.ts';
import { KnownDevices } from '../../../src/credentials/trusted-devices/known-device.ts';
import { type NewSecret, OneTimeSecrets } from '../../../src/credentials/one-time/one-time-secrets.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';

const clock = testClock();
let database: Database;
let secrets: OneTimeSecrets;
let turn = 0;
let holder: { emailCanonical: string };

beforeAll(async () => {
  database = await openTestDatabase();
  const keyRing = createKeyRing(['a-secret-that-only-this-test-knows-1']);
  secrets = new OneTimeSecrets({ clock, database, keyRing, knownDevices: new KnownDevices(clock, database) });
});
afterAll(() => database.close());
beforeEach(() => void (holder = { emailCanonical: `holder-${(turn += 1)}@example.com` }));

const purpose = 'registration';
const at = (holds: string) => ({ holds, deviceSecret: undefined });
const issue = (more: Partial<NewSecret> = {}) =>
  database.transaction((em) =>
    secrets.issue(em, { purpose, holder, address: holder.emailCanonical, form: 'both', browser: at('here'), ...more }),
  );
const verify = async (code: string | null, more: { browser?: AskingBrowser; purpose?: 'waitlist' } = {}) =>
  (await secrets.verifyCode({ purpose, holder, code: code ?? '', browser: at('here'), ...more })).kind;
const consume = (link: string | null, more: { interaction?: string; purpose?: 'waitlist' } = {}) =>
  database.transaction((em) => secrets.consumeLink(em, { purpose, link: link ?? '', ...more }));
const another = (code: string | null): string => (code === '111111' ? '222222' : '111111');

describe('a secret', () => {
  test('is consumed by its code or by its link, whichever comes first', async () => {
    const first = await issue();
    expect(await verify(first.code)).toBe('verified');
    expect(await consume(first.link)).toBeNull();
    const second = await issue();
    expect(await consume(second.link)).toMatchObject({ address: holder.emailCanonical });
    expect(await verify(second.code)).toBe('wrong');
  });

  test('replaces the previous one', async () => {
    const first = await issue();
    const second = await issue();
    expect([await consume(first.link), await verify(first.code)]).toEqual([null, 'wrong']);
    expect(await verify(second.code)).toBe('verified');
  });

  test('belongs to one purpose, one holder and one sign-in', async () => {
    const { link, code } = await issue({ interaction: 'mine', browser: at('mine') });
    expect(await consume(link, { interaction: 'mine', purpose: 'waitlist' })).toBeNull();
    expect([await consume(link), await consume(link, { interaction: 'theirs' })]).toEqual([null, null]);
    expect(await verify(code, { browser: at('theirs') })).toBe('wrong');
    expect(await verify(code, { browser: at('mine'), purpose: 'waitlist' })).toBe('wrong');
    expect(await verify(code, { browser: at('mine') })).toBe('verified');
  });

  test('is stored as hashes that no list of six digits reverses', async () => {
    const { link, code } = await issue({ data: { name: 'Ada' } });
    const rows = await database.sql('select * from one_time_secret where address = $1', [holder.emailCanonical]);
    const text = JSON.stringify(rows);
    for (const secret of [link!, code!, Buffer.from(link!).toString('hex')]) expect(text).not.toContain(secret);
  });

  test('lives as long as its purpose, and its code ten minutes', async () => {
    const { link, code } = await issue();
    clock.advance(10 * MINUTE + 16_000);
    expect(await verify(code)).toBe('wrong');
    clock.advance(23 * HOUR);
    expect(await secrets.findByLink(purpose, link!)).not.toBeNull();
    clock.advance(HOUR);
    expect([await secrets.findByLink(purpose, link!), await consume(link)]).toEqual([null, null]);
  });

  test('is not consumed when its act cannot be done', async () => {
    const { code } = await issue();
    await expect(
      secrets.verifyCode({ purpose, holder, code: code!, browser: at('here') }, async () => {
        throw new Error('no room');
      }),
    ).rejects.toThrow('no room');
    expect(await verify(code)).toBe('verified');
  });

  test.each(['code', 'link'])('is consumed once by two hundred requests at once: %s', async (kind) => {
    const { code, link } = await issue();
    const outcomes = await Promise.all(
      Array.from({ length: kind === 'code' ? 5 : 200 }, async () =>
        kind === 'code' ? (await verify(code)) === 'verified' : (await consume(link)) !== null,
      ),
    );
    expect(outcomes.filter(Boolean)).toHaveLength(1);
  });
});

describe('codes', () => {
  test('are compared five times each, also by two hundred at once, with the right one among them', async () => {
    const { code } = await issue();
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, at) => verify(at === 199 ? code : another(code))),
    );
    expect(outcomes.filter((kind) => kind !== 'throttled')).toHaveLength(5);
    expect(await verify(code)).toBe('throttled');
    expect(await verify((await issue()).code)).toBe('verified');
  });

  test('are sent three times in a quarter of an hour, also when requested at once', async () => {
    const issued = await Promise.all(Array.from({ length: 12 }, () => issue()));
    expect(issued.filter(({ code }) => code !== null)).toHaveLength(3);
    clock.advance(15 * MINUTE + 1000);
    expect((await issue()).code).not.toBeNull();
  });

  test('are sent ten times a day and tried fifty times, in any distribution', async () => {
    let sent = 0;
    let tried = 0;
    for (let hour = 0; hour < 20; hour += 1) {
      const { code } = await issue();
      if (code !== null) sent += 1;
      const guesses = code === null ? [] : Array.from({ length: 6 }, () => another(code));
      for (const guess of guesses) if ((await verify(guess)) === 'wrong') tried += 1;
      clock.advance(HOUR);
    }
    expect([sent, tried]).toEqual([10, 50]);
    clock.advance(DAY);
    expect((await issue()).code).not.toBeNull();
  });

  test('of one address are counted apart from codes of another address or purpose', async () => {
    for (let i = 0; i < 4; i += 1) await issue();
    expect((await issue()).code).toBeNull();
    expect((await issue({ purpose: 'waitlist' })).code).not.toBeNull();
    holder = { emailCanonical: `${holder.emailCanonical}.other` };
    expect((await issue()).code).not.toBeNull();
  });
});

test('expired ones are deleted in batches', async () => {
  await issue();
  clock.advance(5 * DAY);
  expect(await secrets.purge(2)).toBeGreaterThan(0);
  while ((await secrets.purge()) > 0);
  expect(await database.sql('select 1 from one_time_secret')).toEqual([]);
});
