import type { z } from 'zod';
import { type Cache, createCache, keptWhenFound } from '../cache.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Invalidation } from '../invalidation.ts';
import type { WrittenObject } from './written.ts';

/** The parts of the process that a cache needs. */
export type WrittenCache = {
  clock: Clock;
  database: Pick<Database, 'onCommit'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
};

type Options = WrittenCache & {
  /** Of the cache; the other topics name the same keys. */
  name: string;
  topics: readonly string[];
  maxEntries: number;
  /** Checks each object once, when it is written: members that it does not declare never get into memory. */
  schema: z.ZodType;
  /** Reads the objects of these keys that exist. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, unknown>>;
};

/**
 * Objects as an operation shows them, kept as JSON until they change. Every commit on this node forgets them all, so what an answer said
 * is followed by the next one; changes of other nodes arrive as messages.
 */
export class WrittenObjects {
  readonly #cache: Cache<WrittenObject | null>;
  readonly #schema: z.ZodType;
  readonly #read: Options['read'];

  constructor({ schema, read, database, ...cache }: Options) {
    this.#schema = schema;
    this.#read = read;
    this.#cache = createCache<WrittenObject | null>({ ...cache, ttl: keptWhenFound });
    database.onCommit(() => this.#cache.clear());
  }

  /** Null where there is none. */
  async find(key: string): Promise<WrittenObject | null> {
    return this.#cache.get(key, async () => (await this.#write([key])).get(key) ?? null);
  }

  /** Those that exist as one JSON array, in the order of their keys. The missing ones are read together. */
  async among(keys: readonly string[]): Promise<Buffer> {
    const kept = keys.map((key) => this.#cache.peek(key));
    const missing = keys.filter((_, at) => kept[at] === undefined);
    let writing: Promise<Map<string, WrittenObject>> | undefined;
    const write = async (key: string) => (await (writing ??= this.#write(missing))).get(key) ?? null;
    const found =
      missing.length === 0
        ? kept
        : await Promise.all(keys.map(async (key, at) => kept[at] ?? this.#cache.get(key, () => write(key))));
    return Buffer.from(`[${found.flatMap((object) => object?.json ?? []).join(',')}]`);
  }

  async #write(keys: readonly string[]): Promise<Map<string, WrittenObject>> {
    const found = await this.#read(keys);
    return new Map([...found].map(([key, object]) => [key, { json: JSON.stringify(this.#schema.parse(object)) }]));
  }
}
