import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { type UserId, User } from '#directory/users/module.ts';
import { defineEntity, p } from '@mikro-orm/core';

/** Since when users are asked to add a second factor, and whose were taken away. SecondFactorOverviews reads it. */
export class SecondFactorRequests {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Remembers the first time; answers with it. */
  async ask(userId: UserId): Promise<Date> {
    const [row] = await this.#database.sql<{ asked_at: Date }>(
      `insert into second_factor_request as r (user_id, asked_at) values ($1, $2)
       on conflict (user_id) do update set asked_at = coalesce(r.asked_at, excluded.asked_at) returning asked_at`,
      [toUuid(userId), this.#clock.now()],
    );
    return row?.asked_at ?? this.#clock.now();
  }

  /** The days of grace restart: a user who lost a factor was not asked yet. */
  async reset(em: EntityManager, userId: UserId): Promise<void> {
    await em.execute(
      `insert into second_factor_request (user_id, asked_at, reset_at) values (?, null, ?)
       on conflict (user_id) do update set asked_at = null, reset_at = excluded.reset_at`,
      [toUuid(userId), this.#clock.now()],
    );
  }

  /** A sign-in after a reset came to its end, so both the first factor and the mailbox were proved. */
  async settle(userId: UserId): Promise<void> {
    await this.#database.sql(
      'update second_factor_request set reset_at = null where user_id = $1 and reset_at is not null',
      [toUuid(userId)],
    );
  }
}

const SecondFactorRequestSchema = defineEntity({
  name: 'SecondFactorRequest',
  tableName: 'second_factor_request',
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    /** When this user was first asked to add a second factor: the days of grace count from here. */
    askedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
    /** When an operator took all second factors away; null again when the user proved who they are. */
    resetAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** Mapped for the drift test alone; it is written by conditional statements. */
export class SecondFactorRequest extends SecondFactorRequestSchema.class {}
SecondFactorRequestSchema.setClass(SecondFactorRequest);
