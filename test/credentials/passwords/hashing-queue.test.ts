import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HashingQueue } from '../../../src/credentials/passwords/hashing-queue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Work that ends when it is told to. */
function work() {
  const { promise, resolve } = Promise.withResolvers<void>();
  let started = false;
  return { resolve, isStarted: () => started, run: () => ((started = true), promise) };
}

describe('the hashing queue', () => {
  test('runs as many hashes at once as there are cores, and the next one when one ends', async () => {
    const queue = new HashingQueue();
    const all = Array.from({ length: availableParallelism() + 1 }, work);
    const runs = all.map(({ run }) => queue.run(run));
    await vi.advanceTimersByTimeAsync(0);
    expect(all.map(({ isStarted }) => isStarted())).toEqual([...all.slice(1).map(() => true), false]);
    all[0]?.resolve();
    await runs[0];
    await vi.advanceTimersByTimeAsync(0);
    expect(all.at(-1)?.isStarted()).toBe(true);
    for (const { resolve } of all) resolve();
    await Promise.all(runs);
    expect(queue.depth).toBe(0);
  });

  test('refuses a hash that waited two seconds, and the 201st in the queue', async () => {
    const queue = new HashingQueue();
    const running = Array.from({ length: availableParallelism() }, work);
    const runs = running.map(({ run }) => queue.run(run));
    const waiting = Array.from({ length: 200 }, () =>
      queue.run(async () => undefined).catch((error: { code: string }) => error.code),
    );
    await expect(queue.run(async () => undefined)).rejects.toMatchObject({
      code: 'credentials.busy',
      status: 503,
      details: { retryAfter: 5 },
    });
    await vi.advanceTimersByTimeAsync(2000);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['credentials.busy']));
    for (const { resolve } of running) resolve();
    await Promise.all(runs);
  });

  test('continues after a failed hash', async () => {
    const queue = new HashingQueue();
    await expect(queue.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await queue.run(async () => 'next')).toBe('next');
  });
});
