import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { sha256 } from '#kernel/crypto.ts';

type Take = { allowed: true; failures: number } | { allowed: false; until: Date | null };

/** How a counter forgives. */
export type AttemptPolicy = {
  /** Failures in a row after which each further try must wait. */
  free: number;
  /** Failures in a row after which no try is allowed any more. */
  maximum: number;
  /** Waits after the last free failure, the next one ..., in seconds; the last one stays. */
  delays: readonly number[];
};

/** For what a person types by heart, and mistypes. */
export const PASSWORD_DELAYS = [30, 60, 120, 240, 480, 900] as const;

/**
 * Failures in a row, by key, in PostgreSQL: a restart, another node or a lost cache refills nothing.
 * `take` counts a try before it is made, in one conditional write, so that parallel guesses cannot pass together.
 */
export class AttemptCounter {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #policy: () => AttemptPolicy;

  constructor(clock: Clock, database: Pick<Database, 'sql'>, policy: () => AttemptPolicy) {
    this.#clock = clock;
    this.#database = database;
    this.#policy = policy;
  }

  async take(key: string): Promise<Take> {
    const { free, maximum, delays } = this.#policy();
    const now = this.#clock.now();
    const [row] = await this.#database.sql<{ failures: number }>(
      `insert into attempt_counter as c (key, failures, blocked_until, changed_at)
       values ($1, 1, case when $4 <= 1 then $2::timestamptz + make_interval(secs => ($3::int[])[1]) end, $2)
       on conflict (key) do update set failures = c.failures + 1, changed_at = $2,
         blocked_until = case when c.failures + 1 >= $4 then $2::timestamptz + make_interval(secs => ($3::int[])[least(c.failures + 2 - $4, array_length($3::int[], 1))]) end
       where (c.blocked_until is null or c.blocked_until <= $2) and c.failures < $5
       returning failures`,
      [sha256(key), now, delays, free, maximum],
    );
    if (row) return { allowed: true, failures: row.failures };
    const [blocked] = await this.#database.sql<{ blocked_until: Date | null; failures: number }>(
      'select blocked_until, failures from attempt_counter where key = $1',
      [sha256(key)],
    );
    if (!blocked || blocked.failures >= maximum || blocked.blocked_until === null)
      return { allowed: false, until: null };
    return { allowed: false, until: blocked.blocked_until };
  }

  /** A success of the same factor forgets the failures. */
  async succeed(key: string): Promise<void> {
    await this.#database.sql('delete from attempt_counter where key = $1', [sha256(key)]);
  }

  /** Forgets the failures in the transaction of what makes up for them. */
  async forget(em: EntityManager, keys: readonly string[]): Promise<void> {
    await em.execute(`delete from attempt_counter where key in (${keys.map(() => '?').join(', ')})`, keys.map(sha256));
  }

  /** Forgets counters that nobody touched for 30 days, in bounded batches. */
  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      `delete from attempt_counter where key in (select key from attempt_counter where changed_at < $1::timestamptz - interval '30 days' limit $2) returning 1`,
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
