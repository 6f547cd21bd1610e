import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, DAY, fromNow, MINUTE } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Purpose } from './one-time-secret.ts';

const OneTimeBudgetSchema = defineEntity({
  name: 'OneTimeBudgetRow',
  tableName: 'one_time_budget',
  properties: {
    key: p.blob().columnType('bytea').primary().$type<Buffer>(),
    /** Tries of the code that was sent last. */
    codeTries: p.integer(),
    dayTries: p.integer(),
    dayCodes: p.integer(),
    dayStartedAt: p.datetime(3).columnType('timestamptz(3)'),
    recentCodes: p.integer(),
    recentStartedAt: p.datetime(3).columnType('timestamptz(3)'),
    changedAt: p.datetime(3).columnType('timestamptz(3)').index('one_time_budget_changed_at_index'),
  },
});
export class OneTimeBudgetRow extends OneTimeBudgetSchema.class {}
OneTimeBudgetSchema.setClass(OneTimeBudgetRow);

const TRIES_PER_CODE = 5;
const TRIES_PER_DAY = 50;
const CODES_PER_DAY = 10;
const CODES_IN_A_ROW = 3;
const ROW = 15 * MINUTE;

/**
 * How often codes of six digits may be sent and tried, by person and purpose: five tries a code, three codes in fifteen
 * minutes, ten codes and fifty tries a day. Counted in PostgreSQL before the work, whatever browser, sign-in or node asks.
 */
export class OneTimeBudget {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Counts a code to be sent, in the transaction that makes it; false when there were too many. A new code brings its own tries. */
  async takeCode(em: EntityManager, purpose: Purpose, subject: string): Promise<boolean> {
    const [now, dayAgo, rowAgo] = this.#times();
    const rows = await em.execute<unknown[]>(
      `insert into one_time_budget as b (key, code_tries, day_tries, day_codes, day_started_at, recent_codes, recent_started_at, changed_at)
       values (?, 0, 0, 1, ?, 1, ?, ?)
       on conflict (key) do update set
         code_tries = 0,
         day_tries = case when b.day_started_at <= ? then 0 else b.day_tries end,
         day_codes = case when b.day_started_at <= ? then 1 else b.day_codes + 1 end,
         day_started_at = case when b.day_started_at <= ? then excluded.changed_at else b.day_started_at end,
         recent_codes = case when b.recent_started_at <= ? then 1 else b.recent_codes + 1 end,
         recent_started_at = case when b.recent_started_at <= ? then excluded.changed_at else b.recent_started_at end,
         changed_at = excluded.changed_at
       where (b.day_started_at <= ? or b.day_codes < ?) and (b.recent_started_at <= ? or b.recent_codes < ?)
       returning 1`,
      [
        key(purpose, subject),
        now,
        now,
        now,
        dayAgo,
        dayAgo,
        dayAgo,
        rowAgo,
        rowAgo,
        dayAgo,
        CODES_PER_DAY,
        rowAgo,
        CODES_IN_A_ROW,
      ],
    );
    return rows.length > 0;
  }

  /** Counts a try; false when there were too many. */
  async takeTry(purpose: Purpose, subject: string): Promise<boolean> {
    const rows = await this.#database.sql(
      `insert into one_time_budget as b (key, code_tries, day_tries, day_codes, day_started_at, recent_codes, recent_started_at, changed_at)
       values ($1, 1, 1, 0, $2, 0, $4, $2)
       on conflict (key) do update set
         code_tries = b.code_tries + 1,
         day_tries = case when b.day_started_at <= $3 then 1 else b.day_tries + 1 end,
         day_codes = case when b.day_started_at <= $3 then 0 else b.day_codes end,
         day_started_at = case when b.day_started_at <= $3 then $2 else b.day_started_at end,
         changed_at = $2
       where b.code_tries < $5 and (b.day_started_at <= $3 or b.day_tries < $6)
       returning 1`,
      [key(purpose, subject), ...this.#times(), TRIES_PER_CODE, TRIES_PER_DAY],
    );
    return rows.length > 0;
  }

  /** Forgets whom nobody asked about for two days. */
  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from one_time_budget where key in (select key from one_time_budget where changed_at < $1 limit $2) returning 1',
      [fromNow(this.#clock, -2 * DAY), batch],
    );
    return rows.length;
  }

  #times(): [Date, Date, Date] {
    return [this.#clock.now(), fromNow(this.#clock, -DAY), fromNow(this.#clock, -ROW)];
  }
}

const key = (purpose: Purpose, subject: string) => sha256(`one-time:${purpose}:${subject}`);
