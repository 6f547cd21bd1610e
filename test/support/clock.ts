import type { Clock } from '#kernel/clock.ts';

/** A clock that stands still until it is told to go on. */
export function testClock(start = '2030-01-01T00:00:00Z'): Clock & { advance(milliseconds: number): void } {
  let now = new Date(start).getTime();
  return {
    now: () => new Date(now),
    advance(milliseconds) {
      now += milliseconds;
    },
  };
}
