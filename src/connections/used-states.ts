import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { TRANSACTION_LIFETIME } from './limits.ts';

const UsedUpstreamStateSchema = defineEntity({
  name: 'UsedUpstreamState',
  tableName: 'used_upstream_state',
  properties: {
    stateHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('used_upstream_state_expires_at_index'),
  },
});
/** A state, an assertion or a logout request that was used, until none like it is taken any more (table `used_upstream_state`). */
export class UsedUpstreamState extends UsedUpstreamStateSchema.class {}
UsedUpstreamStateSchema.setClass(UsedUpstreamState);

/** Answers of providers count once, on all nodes. */
export class UsedStates {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Whether this is the first answer with the state. `until`: later, no answer with it is taken any more. */
  async use(state: string, until = fromNow(this.#clock, 2 * TRANSACTION_LIFETIME)): Promise<boolean> {
    const rows = await this.#database.sql(
      'insert into used_upstream_state (state_hash, expires_at) values ($1, $2) on conflict do nothing returning 1',
      [sha256(state), until],
    );
    return rows.length > 0;
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      `delete from used_upstream_state where state_hash in
         (select state_hash from used_upstream_state where expires_at < $1 limit $2) returning 1`,
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
