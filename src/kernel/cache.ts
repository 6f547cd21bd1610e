/** Things that were read a moment ago, until they change or their time is up, on this node; changes arrive from all. */
import { type Clock, SECOND } from './clock.ts';
import type { Invalidation } from './invalidation.ts';

/** Nodes notify each other of changes; a change without a message, such as a restored backup, is seen after this time at the latest. */
export const UNTOLD_CHANGE_SEEN_AFTER = 4 * SECOND;

/** The `ttl` of a cache of records: a missing one is not kept, so unknown names use no memory and a new record is found at once. */
export const keptWhenFound = (value: object | string | null): number => (value === null ? 0 : UNTOLD_CHANGE_SEEN_AFTER);

export type Cache<Value> = {
  /** The value kept, else what `load` brings. Calls for one key that come while it loads share one load. */
  get(key: string, load: () => Promise<Value>): Promise<Value>;
  /** The value kept, without waiting; undefined when there is none. */
  peek(key: string): Value | undefined;
  /** Calls `load` even if a value is cached, and caches its result. */
  refresh<Loaded extends Value>(key: string, load: () => Promise<Loaded>): Promise<Loaded>;
  /** The same for a load that finds out the key itself: `null` for nothing. A value that changed meanwhile is not kept. */
  learn<Loaded extends Value>(load: () => Promise<{ key: string; value: Loaded } | null>): Promise<Loaded | null>;
  /** Forgets everything here. */
  clear(): void;
  /** To be called after a change was committed: forgets the key here and on every node. */
  drop(key: string): Promise<void>;
};

type Options<Value> = {
  /** Unique in the process and the same on every node. */
  name: string;
  /** More topics of messages that drop keys: of other tables that the values are made from. */
  topics?: readonly string[];
  /** The least recently used go first. */
  maxEntries: number;
  /** Milliseconds that a value is kept at most; by value where they differ, 0 to keep none. */
  ttl: number | ((value: Value) => number);
  clock: Clock;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
};

/**
 * Creates a cache in memory with at most `maxEntries` values, each for `ttl` milliseconds. Messages of `invalidation`
 * drop keys on every node.
 */
export function createCache<Value>({
  name,
  topics = [],
  maxEntries,
  ttl,
  clock,
  invalidation,
}: Options<Value>): Cache<Value> {
  const kept = new Map<string, { value: Value; until: number }>();
  const loading = new Map<string, Promise<Value>>();
  /** The changes during each load that has no key yet; null where everything was forgotten. */
  const learning = new Set<{ changed: Set<string> | null }>();
  const now = (): number => clock.now().getTime();

  // A load in progress may have read the old value, so its callers get it and the cache does not keep it.
  for (const topic of [name, ...topics])
    invalidation.subscribe(topic, {
      changed(key) {
        kept.delete(key);
        loading.delete(key);
        for (const { changed } of learning) changed?.add(key);
      },
      resync: forget,
    });

  function forget(): void {
    kept.clear();
    loading.clear();
    for (const each of learning) each.changed = null;
  }

  function peek(key: string): Value | undefined {
    const entry = kept.get(key);
    if (!entry || !invalidation.isHealthy()) return undefined;
    kept.delete(key);
    if (entry.until <= now()) return undefined;
    kept.set(key, entry);
    return entry.value;
  }

  function keep(key: string, value: Value): void {
    const milliseconds = typeof ttl === 'function' ? ttl(value) : ttl;
    if (milliseconds <= 0 || !invalidation.isHealthy()) return;
    kept.delete(key);
    kept.set(key, { value, until: now() + milliseconds });
    if (kept.size > maxEntries) kept.delete(kept.keys().next().value!);
  }

  function load<Loaded extends Value>(key: string, read: () => Promise<Loaded>): Promise<Loaded> {
    const work = read().then(
      (value) => {
        if (loading.get(key) === work) {
          loading.delete(key);
          keep(key, value);
        }
        return value;
      },
      (error: unknown) => {
        if (loading.get(key) === work) loading.delete(key);
        throw error;
      },
    );
    loading.set(key, work);
    return work;
  }

  return {
    peek,
    get: (key, read) => {
      const entry = peek(key);
      return entry === undefined ? (loading.get(key) ?? load(key, read)) : Promise.resolve(entry);
    },
    refresh: (key, read) => load(key, read),
    async learn(read) {
      const since: { changed: Set<string> | null } = { changed: new Set() };
      learning.add(since);
      try {
        const found = await read();
        if (found !== null && since.changed !== null && !since.changed.has(found.key)) keep(found.key, found.value);
        return found?.value ?? null;
      } finally {
        learning.delete(since);
      }
    },
    clear: forget,
    drop: (key) => invalidation.publish(name, key),
  };
}
