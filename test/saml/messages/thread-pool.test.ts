import { afterAll, expect, test } from 'vitest';
import { ThreadPool } from '#saml/messages/thread-pool.ts';

const pool = new ThreadPool(new URL('../../support/endless-thread.ts', import.meta.url));
afterAll(() => pool.close());

const read = (opened: string) => pool.read({ name: 'metadata', opened, demands: { now: new Date(0) } });

test('a message that takes too long ends its thread, and the messages after it are read by others', async () => {
  const answers = await Promise.all([read('endless'), read('first'), read('endless'), read('second'), read('third')]);
  expect(answers).toEqual([
    { kind: 'refused', reason: 'too_slow' },
    { kind: 'verified', value: 'first' },
    { kind: 'refused', reason: 'too_slow' },
    { kind: 'verified', value: 'second' },
    { kind: 'verified', value: 'third' },
  ]);
});

test('a thread that dies refuses its message alone', async () => {
  expect(await Promise.all([read('death'), read('fourth')])).toEqual([
    { kind: 'refused', reason: 'failed' },
    { kind: 'verified', value: 'fourth' },
  ]);
});

test('threads end with the pool, and refuse what they still read', async () => {
  const reading = read('endless');
  await pool.close();
  expect(await reading).toEqual({ kind: 'refused', reason: 'busy' });
  expect(await read('fifth')).toEqual({ kind: 'refused', reason: 'busy' });
});
