import { beforeEach, describe, expect, test } from 'vitest';
import { createCache } from '#kernel/cache.ts';
import { createInvalidation, type Invalidation, type InvalidationHandler } from '#kernel/invalidation.ts';

let time = 0;
const clock = { now: () => new Date(time) };
const oneProcess = (): Invalidation =>
  createInvalidation({
    redis: null,
    database: { sql: async () => [] },
    databaseUrl: undefined,
    log: { warn: () => undefined },
  });

/** The end of a bus that belongs to a node, whose messages and health the test decides. */
function bus() {
  const handlers: InvalidationHandler[] = [];
  let healthy = true;
  return {
    publish: async (_topic: string, key: string) => handlers.forEach((handler) => handler.changed(key)),
    subscribe: (_topic: string, handler: InvalidationHandler) => void handlers.push(handler),
    isHealthy: () => healthy,
    lose: () => void (healthy = false),
    find: () => {
      healthy = true;
      handlers.forEach((handler) => handler.resync());
    },
  };
}

function source(value = 'value') {
  const reads: string[] = [];
  return { reads, read: async () => (reads.push(value), `${value} ${reads.length}`) };
}

beforeEach(() => void (time = 1_000_000));

describe('a cache', () => {
  const create = (invalidation: Parameters<typeof createCache>[0]['invalidation'] = oneProcess(), maxEntries = 3) =>
    createCache<string>({ name: 'things', maxEntries, ttl: 1000, clock, invalidation });

  test('reads once and keeps the value until its time is up', async () => {
    const cache = create();
    const { reads, read } = source();
    expect(cache.peek('a')).toBeUndefined();
    expect(await cache.get('a', read)).toBe('value 1');
    time += 999;
    expect(await cache.get('a', read)).toBe('value 1');
    expect(cache.peek('a')).toBe('value 1');
    time += 1;
    expect(cache.peek('a')).toBeUndefined();
    expect(await cache.get('a', read)).toBe('value 2');
    expect(reads.length).toBe(2);
  });

  test('twenty calls at once share one read', async () => {
    const cache = create();
    const { reads, read } = source();
    const values = await Promise.all(Array.from({ length: 20 }, () => cache.get('a', read)));
    expect(new Set(values)).toEqual(new Set(['value 1']));
    expect(reads.length).toBe(1);
  });

  test.each<
    [title: string, during: (cache: ReturnType<typeof create>) => Promise<void> | void, kept: string | undefined]
  >([
    ['is kept', () => undefined, 'new'],
    ['is kept when another key changes meanwhile', (cache) => cache.drop('b'), 'new'],
    ['is not kept when its key changes meanwhile', (cache) => cache.drop('a'), undefined],
    ['is not kept when all is forgotten meanwhile', (cache) => cache.clear(), undefined],
  ])('a value whose key its read finds out %s', async (_title, during, kept) => {
    const cache = create();
    const found = await cache.learn(async () => {
      await during(cache);
      return { key: 'a', value: 'new' };
    });
    expect([found, cache.peek('a')]).toEqual(['new', kept]);
    expect(await cache.learn(async () => null)).toBeNull();
  });

  test('a failed read is reported to all callers that waited, and is not cached', async () => {
    const cache = create();
    const failing = () => Promise.reject(new Error('no database'));
    const outcomes = await Promise.allSettled([cache.get('a', failing), cache.get('a', failing)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await cache.get('a', source().read)).toBe('value 1');
  });

  test('forgets an invalidated key only', async () => {
    const cache = create();
    await cache.get('a', source('a').read);
    await cache.get('b', source('b').read);
    await cache.drop('a');
    expect([cache.peek('a'), cache.peek('b')]).toEqual([undefined, 'b 1']);
  });

  test('a value that was being read while its key was invalidated is not cached', async () => {
    const cache = create();
    let finish!: (value: string) => void;
    const early = cache.get('a', () => new Promise<string>((resolve) => (finish = resolve)));
    await cache.drop('a');
    const late = cache.get('a', async () => 'new');
    finish('old');
    expect([await early, await late]).toEqual(['old', 'new']);
    expect(cache.peek('a')).toBe('new');
  });

  test('stays within its bound and drops the least recently used', async () => {
    const cache = create();
    for (const key of ['a', 'b', 'c']) await cache.get(key, source(key).read);
    cache.peek('a');
    await cache.get('d', source('d').read);
    expect(['a', 'b', 'c', 'd'].map((key) => cache.peek(key) !== undefined)).toEqual([true, false, true, true]);
  });

  test('keeps a value as long as its kind says, and not at all for zero', async () => {
    const cache = createCache<string>({
      name: 'kinds',
      maxEntries: 9,
      ttl: (value) => (value === 'missing' ? 0 : 5000),
      clock,
      invalidation: oneProcess(),
    });
    await cache.get('a', async () => 'missing');
    await cache.get('b', async () => 'there');
    time += 4999;
    expect([cache.peek('a'), cache.peek('b')]).toEqual([undefined, 'there']);
  });

  test('two caches of one process do not mix their keys', async () => {
    const invalidation = oneProcess();
    const [first, second] = ['first', 'second'].map((name) =>
      createCache<string>({ name, maxEntries: 9, ttl: 1000, clock, invalidation }),
    );
    await first!.get('a', source('first').read);
    await second!.get('a', source('second').read);
    await first!.drop('a');
    expect([first!.peek('a'), second!.peek('a')]).toEqual([undefined, 'second 1']);
  });
});

describe('while messages of other nodes may be missed', () => {
  test('no cached value is used and none is stored; afterwards the cache starts empty', async () => {
    const way = bus();
    const cache = createCache<string>({ name: 'things', maxEntries: 9, ttl: 1000, clock, invalidation: way });
    const { reads, read } = source();
    await cache.get('a', read);
    way.lose();
    expect(cache.peek('a')).toBeUndefined();
    expect(await cache.get('a', read)).toBe('value 2');
    expect(await cache.get('a', read)).toBe('value 3');
    way.find();
    expect(cache.peek('a')).toBeUndefined();
    expect(await cache.get('a', read)).toBe('value 4');
    expect(await cache.get('a', read)).toBe('value 4');
    expect(reads.length).toBe(4);
  });

  test('a value that was read before messages returned is not stored', async () => {
    const way = bus();
    const cache = createCache<string>({ name: 'things', maxEntries: 9, ttl: 1000, clock, invalidation: way });
    way.lose();
    let finish!: (value: string) => void;
    const early = cache.get('a', () => new Promise<string>((resolve) => (finish = resolve)));
    way.find();
    finish('old');
    expect(await early).toBe('old');
    expect(cache.peek('a')).toBeUndefined();
  });
});
