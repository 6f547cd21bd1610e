import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import { defineEntity, p } from '@mikro-orm/core';

type Take = { allowed: true; failures: number } | { allowed: false; until: Date | null };

/** A counter that was forgotten: whether it allowed no try, and until when; null for ever, or where it allowed one. */
export type Released = { failures: number; isHeld: boolean; until: Date | null };

/** How a counter forgives. */
export type AttemptPolicy = {
  /** Failures in a row after which each further try must wait. */
  free: number;
  /** Failures in a row after which no try is allowed any more. */
  maximum: number;
  /** Waits after the last free failure, the next one ..., in seconds; the last one stays. */
  delays: readonly number[];
};

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
    const part = this.taking();
    const [row] = await this.#database.sql<{ failures: number }>(
      part.text((place) => `$${place + 2}`, 'select $1::bytea'),
      [sha256(key), ...part.values],
    );
    return row ? { allowed: true, failures: row.failures } : this.blocked(key);
  }

  /** A try that is counted inside a larger statement; `key` selects the counter, as a query. No row when no try is allowed. */
  taking(): { values: readonly unknown[]; text(at: (place: number) => string, key: string): string } {
    const { free, maximum, delays } = this.#policy();
    return {
      values: [this.#clock.now(), delays, free, maximum],
      text(at, key) {
        const [now, waits, least, most] = [
          `${at(0)}::timestamptz`,
          `${at(1)}::int[]`,
          `${at(2)}::int`,
          `${at(3)}::int`,
        ];
        return `
          insert into attempt_counter as c (key, failures, blocked_until, changed_at)
          select (${key}), 1, case when ${least} <= 1 then ${now} + make_interval(secs => (${waits})[1]) end, ${now}
          on conflict (key) do update set failures = c.failures + 1, changed_at = ${now},
            blocked_until = case when c.failures + 1 >= ${least} then ${now} + make_interval(secs => (${waits})[least(c.failures + 2 - ${least}, array_length(${waits}, 1))]) end
          where (c.blocked_until is null or c.blocked_until <= ${now}) and c.failures < ${most}
          returning failures`;
      },
    };
  }

  /** Until when a counter allows no try. */
  async blocked(key: string): Promise<Take> {
    const { maximum } = this.#policy();
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

  /**
   * The same as part of an act that writes more, also when another request was first to act: of a form that is sent twice, neither is a
   * failure. A counter that another act holds at this moment is left alone.
   */
  succeeding(key: string): Part {
    return {
      name: 'forgiven',
      values: [sha256(key)],
      text: (at) => `
        forgiven as (delete from attempt_counter where key in
          (select key from attempt_counter where key = ${at(0)}::bytea for update skip locked))`,
    };
  }

  /** Forgets the failures in the transaction of what makes up for them. */
  async forget(em: EntityManager, keys: readonly string[]): Promise<void> {
    await em.execute(`delete from attempt_counter where key in (${keys.map(() => '?').join(', ')})`, keys.map(sha256));
  }

  /** The same, and says what it was; null where nothing was counted. */
  async release(em: EntityManager, key: string): Promise<Released | null> {
    const [row] = await em.execute<{ failures: number; blocked_until: Date | null }[]>(
      'delete from attempt_counter where key = ? returning failures, blocked_until',
      [sha256(key)],
    );
    if (!row) return null;
    const isOver = row.failures >= this.#policy().maximum;
    const isWaiting = row.blocked_until !== null && row.blocked_until > this.#clock.now();
    return {
      failures: row.failures,
      isHeld: isOver || isWaiting,
      until: isOver || !isWaiting ? null : row.blocked_until,
    };
  }

  /** Deletes counters without a try for 30 days, in bounded batches. */
  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      `delete from attempt_counter where key in (select key from attempt_counter where changed_at < $1::timestamptz - interval '30 days' limit $2) returning 1`,
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}

/** Mapped for the drift test alone; attempts.ts writes it by conditional statements. */
const AttemptCounterRowSchema = defineEntity({
  name: 'AttemptCounterRow',
  tableName: 'attempt_counter',
  properties: {
    key: p.blob().columnType('bytea').primary().$type<Buffer>(),
    failures: p.integer(),
    blockedUntil: p.datetime(3).columnType('timestamptz(3)').nullable(),
    changedAt: p.datetime(3).columnType('timestamptz(3)').index('attempt_counter_changed_at_index'),
  },
});
/** A counter of wrong tries under one key (table `attempt_counter`). */
export class AttemptCounterRow extends AttemptCounterRowSchema.class {}
AttemptCounterRowSchema.setClass(AttemptCounterRow);
