import { describe, expect, test } from 'vitest';
import { RefusalLines } from '#kernel/http/refusal-lines.ts';
import { testClock } from '../../support/clock.ts';

const times = (lines: RefusalLines, count: number, refusal: Parameters<RefusalLines['admit']>[0]): number =>
  Array.from({ length: count }, () => lines.admit(refusal)).filter(Boolean).length;

describe('lines about refused requests', () => {
  test('are ten a minute for each client and reason', () => {
    const lines = new RefusalLines(testClock());
    expect(times(lines, 100, { reason: 'a', clientId: 'x' })).toBe(10);
    expect(times(lines, 100, { reason: 'b', clientId: 'x' })).toBe(10);
    expect(times(lines, 100, { reason: 'a', clientId: 'y' })).toBe(10);
    expect(times(lines, 100, { reason: 'a' })).toBe(10);
  });

  test('count all clients that do not exist as one', () => {
    const lines = new RefusalLines(testClock());
    const admitted = Array.from({ length: 100 }, (_, i) =>
      lines.admit({ reason: 'a', clientId: `ghost ${i}`, isKnownClient: false }),
    );
    expect(admitted.filter(Boolean)).toHaveLength(10);
  });

  test('are written again after the minute, and what was dropped is said once', () => {
    const clock = testClock();
    const lines = new RefusalLines(clock);
    times(lines, 25, { reason: 'a', clientId: 'x' });
    times(lines, 5, { reason: 'b', clientId: 'x' });
    times(lines, 12, { reason: 'c', clientId: 'ghost', isKnownClient: false });
    expect(lines.takeDropped()).toEqual([]);
    clock.advance(61_000);
    expect(lines.takeDropped()).toEqual([
      { clientId: 'x', refusal: 'a', dropped: 15, seconds: 61 },
      { refusal: 'c', dropped: 2, seconds: 61 },
    ]);
    expect(lines.takeDropped()).toEqual([]);
    expect(times(lines, 25, { reason: 'a', clientId: 'x' })).toBe(10);
  });

  test('remember a thousand clients and reasons; the oldest are said before they are forgotten', () => {
    const lines = new RefusalLines(testClock());
    times(lines, 11, { reason: 'a', clientId: 'first' });
    for (let i = 0; i < 1000; i += 1) lines.admit({ reason: 'a', clientId: String(i) });
    expect(lines.takeDropped()).toEqual([{ clientId: 'first', refusal: 'a', dropped: 1, seconds: 0 }]);
  });
});
