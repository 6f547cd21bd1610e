import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY, MINUTE, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { AttemptCounter } from '../../src/credentials/attempts.ts';
import { testClock } from '../support/clock.ts';
import { openTestDatabase } from '../support/database.ts';
import { PASSWORD_DELAYS } from '../../src/credentials/limits.ts';

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const limits = { free: 5, maximum: 100, delays: PASSWORD_DELAYS };
function counter(given: Partial<typeof limits> = {}) {
  const clock = testClock();
  return { clock, attempts: new AttemptCounter(clock, database, () => ({ ...limits, ...given })) };
}

describe('wrong tries in a row', () => {
  test('are free five times, then wait 30 s, 1, 2, 4, 8 and from then on 15 minutes', async () => {
    const { clock, attempts } = counter();
    for (let i = 0; i < 5; i += 1) expect((await attempts.take('schedule')).allowed).toBe(true);
    for (const wait of [
      30 * SECOND,
      MINUTE,
      2 * MINUTE,
      4 * MINUTE,
      8 * MINUTE,
      15 * MINUTE,
      15 * MINUTE,
      15 * MINUTE,
    ]) {
      expect(await attempts.take('schedule')).toEqual({
        allowed: false,
        until: new Date(clock.now().getTime() + wait),
      });
      clock.advance(wait - 1);
      expect((await attempts.take('schedule')).allowed).toBe(false);
      clock.advance(1);
      expect((await attempts.take('schedule')).allowed).toBe(true);
    }
  });

  test('end for good at the hundredth', async () => {
    const { clock, attempts } = counter({ maximum: 8 });
    for (let i = 0; i < 8; i += 1) {
      expect((await attempts.take('for good')).allowed).toBe(true);
      clock.advance(DAY);
    }
    expect(await attempts.take('for good')).toEqual({ allowed: false, until: null });
  });

  test('allow no more tries in parallel than one after the other', async () => {
    const { attempts } = counter();
    const takes = await Promise.all(Array.from({ length: 200 }, () => attempts.take('parallel')));
    expect(takes.filter(({ allowed }) => allowed)).toHaveLength(5);
  });

  test('are reset by a success, for that key only', async () => {
    const { attempts } = counter();
    for (let i = 0; i < 5; i += 1) await Promise.all([attempts.take('one'), attempts.take('other')]);
    await attempts.succeed('one');
    expect(await attempts.take('one')).toEqual({ allowed: true, failures: 1 });
    expect((await attempts.take('other')).allowed).toBe(false);
  });

  test('are purged after 30 days without a try', async () => {
    const { clock, attempts } = counter();
    await attempts.take('old');
    clock.advance(29 * DAY);
    await attempts.purge();
    expect(await attempts.take('old')).toMatchObject({ failures: 2 });
    clock.advance(31 * DAY);
    expect(await attempts.purge()).toBeGreaterThan(0);
    expect(await attempts.take('old')).toMatchObject({ failures: 1 });
  });
});
