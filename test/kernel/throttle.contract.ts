import { describe, expect, test, vi } from 'vitest';
import { SECOND } from '#kernel/clock.ts';
import type { Throttle, ThrottlePolicy } from '#kernel/throttle.ts';

export type ThrottleBackend = { name: string; runs: boolean; create(): Promise<Throttle> };

export const policyOf = (points: number, duration = 60 * SECOND): ThrottlePolicy => ({
  name: `test-${crypto.randomUUID()}`,
  points,
  duration,
});

export async function countAllowed(
  throttle: Throttle,
  policy: ThrottlePolicy,
  key: string,
  attempts: number,
): Promise<number> {
  const outcomes = await Promise.all(Array.from({ length: attempts }, () => throttle.consume(policy, key)));
  return outcomes.filter(({ allowed }) => allowed).length;
}

/** Requirements for a limit on every backend. */
export function describeThrottle({ name, runs, create }: ThrottleBackend): void {
  describe.runIf(runs)(`a limit ${name}`, () => {
    test('exactly as many of 200 attempts at once pass as it has points', async () => {
      expect(await countAllowed(await create(), policyOf(20), 'address', 200)).toBe(20);
    });

    test.each([
      [20, 10, 20],
      [20, 6, 18],
      [20, 30, 0],
    ])('of %d points that are taken %d at once allows %d, and never more', async (points, lot, expected) => {
      expect(await countAllowed(await create(), { ...policyOf(points), lot }, 'address', points + lot)).toBe(expected);
    });

    test('says after how many seconds to retry', async () => {
      const throttle = await create();
      const policy = policyOf(1, 90 * SECOND);
      expect(await throttle.consume(policy, 'a')).toEqual({ allowed: true });
      const refused = await throttle.consume(policy, 'a');
      if (refused.allowed) throw new Error('it was allowed');
      expect(Number.isInteger(refused.retryAfter)).toBe(true);
      expect(refused.retryAfter).toBeGreaterThan(80);
      expect(refused.retryAfter).toBeLessThanOrEqual(90);
    });

    test.each([1, 5])('taken %d at once says how much is left, and for how long', async (lot) => {
      const throttle = await create();
      const policy = { ...policyOf(10, 90 * SECOND), lot };
      for (const remaining of [9, 8, 7, 6, 5, 4])
        expect(await throttle.spend(policy, 'a')).toMatchObject({ allowed: true, remaining });
      await countAllowed(throttle, policy, 'a', 4);
      const refused = await throttle.spend(policy, 'a');
      expect(refused).toMatchObject({ allowed: false, remaining: 0 });
      expect(refused.resetAfter).toBeGreaterThan(80);
    });

    test('opens again after its time, whatever was tried in between', async () => {
      const throttle = await create();
      const policy = policyOf(2, SECOND);
      expect(await countAllowed(throttle, policy, 'a', 5)).toBe(2);
      await vi.waitFor(async () => expect(await throttle.consume(policy, 'a')).toEqual({ allowed: true }), {
        timeout: 60_000,
      });
    });

    test('counts keys and policies apart', async () => {
      const throttle = await create();
      const [first, second] = [policyOf(1), policyOf(1)];
      for (const [policy, key] of [
        [first, 'a'],
        [first, 'b'],
        [second, 'a'],
      ] as const) {
        expect(await countAllowed(throttle, policy, key, 3)).toBe(1);
      }
    });

    test.each(['', 'a\r\nDEL x', 'x'.repeat(100_000), '🔑', '__proto__', '*'])(
      'a key may be any text (%#)',
      async (key) => {
        const throttle = await create();
        const policy = policyOf(2);
        expect(await countAllowed(throttle, policy, key, 5)).toBe(2);
        expect(await throttle.consume(policy, `${key}.`)).toEqual({ allowed: true });
      },
    );

    test('an attempt that was taken back does not count', async () => {
      const throttle = await create();
      const policy = policyOf(2);
      for (let i = 0; i < 10; i += 1) {
        expect(await throttle.consume(policy, 'a')).toEqual({ allowed: true });
        await throttle.refund(policy, 'a');
      }
      expect(await countAllowed(throttle, policy, 'a', 5)).toBe(2);
    });

    test('resets one key only', async () => {
      const throttle = await create();
      const policy = policyOf(1);
      await countAllowed(throttle, policy, 'a', 2);
      await countAllowed(throttle, policy, 'b', 2);
      await throttle.reset(policy, 'a');
      expect(await throttle.consume(policy, 'a')).toEqual({ allowed: true });
      expect((await throttle.consume(policy, 'b')).allowed).toBe(false);
    });
  });
}
