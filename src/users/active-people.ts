import { type Cache, createCache, UNTOLD_CHANGE_SEEN_AFTER } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { parseId, toUuid } from '#kernel/ids.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { UserId } from './user.ts';

const MAXIMUM_KEPT = 50_000;

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
};

/** Who may use what was issued to them, from memory: it is asked with every token that is introspected. */
export class ActivePeople {
  readonly #database: Pick<Database, 'sql'>;
  readonly #cache: Cache<true | null>;

  constructor({ clock, database, invalidation }: Dependencies) {
    this.#database = database;
    this.#cache = createCache({
      name: 'active-people',
      clock,
      invalidation,
      maxEntries: MAXIMUM_KEPT,
      ttl: (isActive) => (isActive ? UNTOLD_CHANGE_SEEN_AFTER : 0),
    });
  }

  async isActive(accountId: string): Promise<boolean> {
    const id = parseId('usr', accountId);
    if (!id) return false;
    const active = await this.#cache.get(id, async () => {
      const rows = await this.#database.sql(`select 1 from users where id = $1 and status = 'active'`, [toUuid(id)]);
      return rows.length > 0 ? true : null;
    });
    return active === true;
  }

  /** To be called after a change was committed. */
  async changed(id: UserId): Promise<void> {
    await this.#cache.drop(id);
  }
}
