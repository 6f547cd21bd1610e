import { type Cache, createCache, UNTOLD_CHANGE_SEEN_AFTER } from '../cache.ts';
import type { WrittenPage } from './written.ts';
import type { WrittenCache } from './written-objects.ts';

/**
 * Pages of a list whose answer depends on nothing but the request, kept until any of the objects changes: a page is asked for again and
 * again by those who look for news. Every commit on this node and every message of a topic forgets all of them.
 */
export class WrittenPages {
  readonly #cache: Cache<WrittenPage>;

  constructor({
    topics,
    database,
    ...cache
  }: WrittenCache & { name: string; maxEntries: number; topics: readonly string[] }) {
    const pages = createCache<WrittenPage>({ ...cache, ttl: UNTOLD_CHANGE_SEEN_AFTER });
    this.#cache = pages;
    for (const topic of topics) cache.invalidation.subscribe(topic, { changed: pages.clear, resync: pages.clear });
    database.onCommit(pages.clear);
  }

  /** `asked`: all that decides what the page shows. */
  async get(asked: object, read: () => Promise<WrittenPage>): Promise<WrittenPage> {
    return this.#cache.get(JSON.stringify(asked), read);
  }
}
