import { describe, expect, test } from 'vitest';
import { DemoVisits } from '#trial/demo/demo-visits.ts';
import { HOUR, MINUTE } from '#kernel/clock.ts';
import { testClock } from '../../support/clock.ts';

const pending = { verifier: 'v', nonce: 'n' };

describe('visits to the demo', () => {
  test('end an hour after the last request', () => {
    const clock = testClock();
    const visits = new DemoVisits(clock);
    const { secret, visit } = visits.open();
    clock.advance(HOUR - 1);
    expect(visits.find(secret)).toBe(visit);
    clock.advance(HOUR - 1);
    expect(visits.find(secret)).toBe(visit);
    clock.advance(HOUR);
    expect(visits.find(secret)).toBeNull();
  });

  test('begin a sign-in that is valid once, for 15 minutes', () => {
    const clock = testClock();
    const visits = new DemoVisits(clock);
    const { visit } = visits.open();
    visits.begin(visit, 'a', pending);
    visits.begin(visit, 'b', pending);
    expect(visits.take(visit, 'a')).toMatchObject(pending);
    expect(visits.take(visit, 'a')).toBeNull();
    clock.advance(15 * MINUTE);
    expect(visits.take(visit, 'b')).toBeNull();
    expect(visits.take(null, 'b')).toBeNull();
  });

  test('use a bounded amount of memory: the oldest unused ones are dropped first', () => {
    const visits = new DemoVisits(testClock());
    const [first, second] = [visits.open(), visits.open()];
    for (let others = 0; others < 998; others += 1) visits.open();
    expect(visits.find(first.secret)).toBe(first.visit);
    visits.open();
    expect(visits.find(first.secret)).toBe(first.visit);
    expect(visits.find(second.secret)).toBeNull();
    for (let tabs = 0; tabs < 20; tabs += 1) visits.begin(first.visit, `state-${tabs}`, pending);
    expect([...first.visit.pending.keys()]).toEqual(Array.from({ length: 8 }, (_, at) => `state-${at + 12}`));
  });

  test('continue under another secret after a sign-in, and end', () => {
    const visits = new DemoVisits(testClock());
    const { secret, visit } = visits.open();
    const renewed = visits.renew(secret, visit);
    expect(visits.find(secret)).toBeNull();
    expect(visits.find(renewed)).toBe(visit);
    visits.end(renewed);
    expect(visits.find(renewed)).toBeNull();
    expect(visits.find(undefined)).toBeNull();
  });
});
