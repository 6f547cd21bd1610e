import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { createThrottle } from '#kernel/throttle.ts';
import { ClientFailures } from '../../src/oidc/client-failures.ts';

const POINTS = 5;
const limited = (): ClientFailures =>
  new ClientFailures(systemClock, createThrottle({ redis: null, processes: 1 }), () => POINTS);

/** Many tries at once; answers with how many were judged, and how many of them at the same time. */
async function burst(failures: ClientFailures, tries: number, isProven: boolean, takes = 5) {
  let [judged, underWay, most] = [0, 0, 0];
  await Promise.all(
    Array.from({ length: tries }, async () => {
      const outcome = await failures.begin('client', '203.0.113.7');
      if (!('attempt' in outcome)) return;
      judged += 1;
      underWay += 1;
      most = Math.max(most, underWay);
      await sleep(takes);
      underWay -= 1;
      await outcome.attempt.settle(isProven);
    }),
  );
  return { judged, most };
}

describe('tries of one client from one address at once', () => {
  test('are all judged when they are right, a few at a time', async () => {
    expect(await burst(limited(), 200, true)).toEqual({ judged: 200, most: POINTS });
  });

  test('are judged as often as the limit says when they are wrong', async () => {
    const { judged } = await burst(limited(), 200, false);
    expect(judged).toBeLessThanOrEqual(2 * POINTS);
    expect(judged).toBeGreaterThanOrEqual(POINTS);
  });

  test('wait two seconds and no longer', async () => {
    const failures = limited();
    for (let i = 0; i < POINTS; i += 1) await failures.begin('client', '203.0.113.7');
    const start = performance.now();
    expect(await failures.begin('client', '203.0.113.7')).toEqual({ retryAfter: 1 });
    expect(performance.now() - start).toBeGreaterThan(1900);
    expect(await failures.begin('other', '203.0.113.7')).toHaveProperty('attempt');
  });
});
