import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';

/** Assignments whose date is over. They give nothing from that moment on, and are removed later. */
export class EndedAssignments {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  async purge(batch: number): Promise<number> {
    const gone = await this.#database.sql(
      `delete from role_assignment where id in (
         select id from role_assignment where expires_at <= $1 order by expires_at limit $2 for update skip locked) returning 1`,
      [this.#clock.now(), batch],
    );
    return gone.length;
  }
}
