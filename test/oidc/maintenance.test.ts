import { describe, expect, test } from 'vitest';
import type { Job } from '#kernel/jobs.ts';
import { type Purgeable, purgeExpired } from '../../src/oidc/artifacts/maintenance.ts';

const job = (signal = new AbortController().signal): Job => ({
  id: '1',
  data: {},
  createdAt: new Date(0),
  attempt: 1,
  isLastAttempt: false,
  signal,
});

/** Something with `left` rows that are over. */
function pile(left: number): { purge: Purgeable['purge']; batches: number[] } {
  const batches: number[] = [];
  let rest = left;
  const purge: Purgeable['purge'] = async (batch) => {
    const removed = Math.min(batch, rest);
    rest -= removed;
    batches.push(removed);
    return removed;
  };
  return { purge, batches };
}

describe('cleaning up', () => {
  test.each([
    [0, [0]],
    [4999, [4999]],
    [5000, [5000, 0]],
    [12_001, [5000, 5000, 2001]],
  ])('%d rows are deleted in batches of five thousand, while batches are full', async (rows, expected) => {
    const { purge, batches } = pile(rows);
    await purgeExpired([{ purge }]).handler(job());
    expect(batches).toEqual(expected);
  });

  test('a failure does not stop other clean-ups, and is logged', async () => {
    const { purge, batches } = pile(3);
    const broken: Purgeable['purge'] = async () => {
      throw new Error('table is locked');
    };
    await expect(purgeExpired([{ purge: broken }, { purge }]).handler(job())).rejects.toThrow('table is locked');
    expect(batches).toEqual([3]);
  });

  test('ends between two batches when the process stops', async () => {
    const stopping = new AbortController();
    let batches = 0;
    const purge: Purgeable['purge'] = async (batch) => {
      batches += 1;
      if (batches === 2) stopping.abort();
      return batch;
    };
    await purgeExpired([{ purge }]).handler(job(stopping.signal));
    expect(batches).toBe(2);
  });
});
