import { setTimeout as delay } from 'node:timers/promises';
import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { randomSecret } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { objectBusy } from '../errors.ts';
import { FIRST_TURN_DELAY, LONGEST_TURN, LONGEST_TURN_DELAY, LONGEST_TURN_WAIT } from '../limits.ts';

const ObjectTurnSchema = defineEntity({
  name: 'ObjectTurn',
  tableName: 'api_object_turn',
  properties: {
    /** The path of the object. */
    object: p.text().primary(),
    holder: p.text(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('api_object_turn_expires_at_index'),
  },
});
/** Mapped for the drift test alone; it is written by conditional statements. */
export class ObjectTurn extends ObjectTurnSchema.class {}
ObjectTurnSchema.setClass(ObjectTurn);

type Dependencies = { clock: Clock; database: Pick<Database, 'sql'> };

/**
 * Turns to change an object through the API, one at a time on all nodes: between the comparison of an entity tag and the change no
 * other call changes the object. A service opens its own transaction, within which nothing else can run, so a row stands for the turn.
 */
export class ObjectTurns {
  readonly #clock: Clock;
  readonly #database: Dependencies['database'];

  constructor({ clock, database }: Dependencies) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Runs the work in a turn of its own. Throws api.object_busy when others take too long. */
  async take<T>(object: string, work: () => Promise<T>): Promise<T> {
    const holder = randomSecret(16);
    await this.#await(object, holder);
    try {
      return await work();
    } finally {
      // A turn that cannot be given back ends by itself.
      await this.#database
        .sql('delete from api_object_turn where object = $1 and holder = $2', [object, holder])
        .catch(() => undefined);
    }
  }

  async #await(object: string, holder: string): Promise<void> {
    const end = performance.now() + LONGEST_TURN_WAIT;
    for (let wait = FIRST_TURN_DELAY; ; wait = Math.min(2 * wait, LONGEST_TURN_DELAY)) {
      const taken = await this.#database.sql(
        `insert into api_object_turn (object, holder, expires_at) values ($1, $2, $3)
         on conflict (object) do update set holder = excluded.holder, expires_at = excluded.expires_at
         where api_object_turn.expires_at <= $4 returning 1`,
        [object, holder, fromNow(this.#clock, LONGEST_TURN), this.#clock.now()],
      );
      if (taken.length > 0) return;
      if (performance.now() > end) throw objectBusy(1);
      await delay(wait * (0.5 + Math.random() / 2));
    }
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from api_object_turn where object in (select object from api_object_turn where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
