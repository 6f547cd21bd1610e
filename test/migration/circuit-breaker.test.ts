import { describe, expect, test } from 'vitest';
import { SECOND } from '#kernel/clock.ts';
import { CircuitBreaker } from '#migration/circuit-breaker.ts';

function breaker() {
  let now = 0;
  let asked = 0;
  const circuit = new CircuitBreaker({ now: () => new Date(now) });
  const run = (work: () => Promise<string>) =>
    circuit.run(() => {
      asked += 1;
      return work();
    });
  return {
    pass: (milliseconds: number) => void (now += milliseconds),
    asked: () => asked,
    run,
    right: () => run(async () => 'right'),
    fail: () => run(() => Promise.reject(new Error('503'))).catch(() => 'failed'),
  };
}

describe('another system', () => {
  test('is asked as long as it answers, with occasional failures', async () => {
    const { fail, right, asked } = breaker();
    for (let round = 0; round < 5; round += 1) {
      for (let i = 0; i < 4; i += 1) await fail();
      expect(await right()).toBe('right');
    }
    expect(asked()).toBe(25);
  });

  test('is not asked for half a minute after five failures in a row, and again when it still fails', async () => {
    const { fail, right, asked, pass } = breaker();
    for (let i = 0; i < 5; i += 1) expect(await fail()).toBe('failed');
    expect(await right()).toBeNull();
    pass(29 * SECOND);
    expect(await right()).toBeNull();
    pass(2 * SECOND);
    expect(await fail()).toBe('failed');
    expect(await right()).toBeNull();
    expect(asked()).toBe(6);
    pass(31 * SECOND);
    expect(await right()).toBe('right');
    expect(await right()).toBe('right');
  });

  test('receives one trial request, however many wait', async () => {
    const { fail, run, asked, pass } = breaker();
    for (let i = 0; i < 5; i += 1) await fail();
    pass(31 * SECOND);
    const answers = await Promise.all(Array.from({ length: 50 }, () => run(async () => 'right')));
    expect(answers.filter((answer) => answer === 'right')).toHaveLength(1);
    expect(asked()).toBe(6);
  });

  test('receives at most sixteen requests at once', async () => {
    const { run, asked } = breaker();
    const gate = Promise.withResolvers<string>();
    const answers = Array.from({ length: 40 }, () => run(() => gate.promise));
    expect(asked()).toBe(16);
    gate.resolve('right');
    expect((await Promise.all(answers)).filter((answer) => answer === null)).toHaveLength(24);
    expect(await run(async () => 'right')).toBe('right');
  });
});
