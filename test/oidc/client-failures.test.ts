import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { createThrottle } from '#kernel/throttle.ts';
import { type Attempt, ClientFailures } from '#oidc/client-authentication/client-failures.ts';
import { policiesWith } from '../support/policies.ts';

const POINTS = 5;
const limited = (): ClientFailures =>
  new ClientFailures(
    systemClock,
    createThrottle({ redis: null, processes: 1 }),
    policiesWith({ limits: { clientFailuresPerAddress: POINTS } }),
  );

/** Many tries at once; answers with how many were judged, and how many of them at the same time. */
async function burst(failures: ClientFailures, tries: number, isProven: boolean) {
  let [judged, underWay, most] = [0, 0, 0];
  await Promise.all(
    Array.from({ length: tries }, async () => {
      const outcome = await failures.begin('client', '203.0.113.7');
      if (!('attempt' in outcome)) return;
      judged += 1;
      underWay += 1;
      most = Math.max(most, underWay);
      await nextTurn();
      underWay -= 1;
      await outcome.attempt.settle(isProven);
    }),
  );
  return { judged, most };
}

describe('parallel tries of one client from one address', () => {
  test('are all checked when they are right, a few at a time', async () => {
    expect(await burst(limited(), 200, true)).toEqual({ judged: 200, most: POINTS });
  });

  test('are checked as often as the limit says when they are wrong', async () => {
    expect((await burst(limited(), 200, false)).judged).toBe(POINTS);
  });

  test('wait two seconds and no longer', async () => {
    const failures = limited();
    for (let i = 0; i < POINTS; i += 1) await failures.begin('client', '203.0.113.7');
    vi.useFakeTimers();
    const answered = vi.fn<(outcome: unknown) => void>();
    const waiting = failures.begin('client', '203.0.113.7').then(answered);
    await vi.advanceTimersByTimeAsync(1999);
    expect(answered).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    expect(answered).toHaveBeenCalledWith({ retryAfter: 1 });
    vi.useRealTimers();
    expect(await failures.begin('other', '203.0.113.7')).toHaveProperty('attempt');
  });
});

const throttle = () => createThrottle({ redis: null, processes: 1 });
const counting = (points = 3, shared = throttle()) =>
  new ClientFailures(systemClock, shared, policiesWith({ limits: { clientFailuresPerAddress: points } }));

async function tried(
  failures: ClientFailures,
  isProven: boolean,
  client: string | null = 'a',
  ip = '192.0.2.1',
): Promise<boolean> {
  const outcome = await failures.begin(client, ip);
  if ('retryAfter' in outcome) return false;
  await outcome.attempt.settle(isProven);
  return true;
}
async function open(failures: ClientFailures, count: number): Promise<Attempt[]> {
  const outcomes = await Promise.all(Array.from({ length: count }, () => failures.begin('a', '192.0.2.1')));
  return outcomes.flatMap((outcome) => ('attempt' in outcome ? [outcome.attempt] : []));
}

describe('wrong secrets', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());

  test('are counted by client and address, IPv6 by /64', async () => {
    const failures = counting(1);
    expect(await tried(failures, false, 'a', '2001:db8::1')).toBe(true);
    expect(await tried(failures, true, 'a', '2001:db8::2')).toBe(false);
    expect(await tried(failures, true, 'a', '2001:db8:0:1::1')).toBe(true);
    expect(await tried(failures, true, 'b', '2001:db8::1')).toBe(true);
  });

  test('of unknown clients are counted together', async () => {
    const failures = counting(2);
    expect([
      await tried(failures, false, null),
      await tried(failures, false, null),
      await tried(failures, false, null),
    ]).toEqual([true, true, false]);
  });

  test('are forgotten after five minutes', async () => {
    const failures = counting(1);
    await tried(failures, false);
    expect(await tried(failures, true)).toBe(false);
    vi.setSystemTime(Date.now() + 302_000);
    expect(await tried(failures, true)).toBe(true);
  });

  test('count on every node', async () => {
    const shared = throttle();
    const [first, second] = [counting(2, shared), counting(2, shared)];
    await tried(first, false);
    await tried(second, false);
    expect([await tried(first, true), await tried(second, true)]).toEqual([false, false]);
  });

  test('do not count right secrets', async () => {
    const failures = counting(2);
    await tried(failures, false);
    for (let i = 0; i < 10; i += 1) expect(await tried(failures, true)).toBe(true);
  });
});

describe('a burst of tries', () => {
  test('that begins to fail counts as a whole before any other is admitted', async () => {
    const failures = counting(3);
    const attempts = await open(failures, 3);
    await attempts[0]?.settle(false);
    await attempts[1]?.settle(true);
    expect(await open(failures, 5)).toHaveLength(1);
  });

  test('with right secrets leaves no count', async () => {
    const failures = counting(3);
    for (const attempt of await open(failures, 3)) await attempt.settle(true);
    expect(await open(failures, 3)).toHaveLength(3);
  });
});

test('a wait is given in seconds', async () => {
  const failures = counting(1);
  await tried(failures, false);
  expect(await failures.begin('a', '192.0.2.1')).toEqual({ retryAfter: expect.any(Number) as number });
});
