import { defineEntity, p } from '@mikro-orm/core';
import { sha256 } from '#kernel/crypto.ts';
import { DAY, type Clock, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { User, type UserId } from '#users/module.ts';

const KnownDeviceSchema = defineEntity({
  name: 'KnownDevice',
  tableName: 'known_device',
  properties: {
    secretHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    userId: () =>
      p
        .manyToOne(User)
        .mapToPk()
        .primary()
        .fieldName('user_id')
        .deleteRule('cascade')
        .index('known_device_user_id_index'),
    userAgent: p.text(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    seenAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
export class KnownDevice extends KnownDeviceSchema.class {}
KnownDeviceSchema.setClass(KnownDevice);

/** A device that is not seen for this long is a stranger again. */
const FORGET_AFTER = 180 * DAY;
const NO_USER = '00000000-0000-0000-0000-000000000000';

/** The counter of one known browser of an account. */
export const ownCounter = (userId: UserId, deviceSecret: string): string => `${userId}:${deviceSecret}`;

/**
 * Browsers in which a person signed in before. Their tries are counted apart, so that a stranger who guesses from
 * elsewhere cannot lock the owner out.
 */
export class KnownDevices {
  readonly #clock: Clock;
  readonly #database: Database;

  constructor(clock: Clock, database: Database) {
    this.#clock = clock;
    this.#database = database;
  }

  /** `userId` is null for an address without an account: the query runs all the same, and takes the same time. */
  async isKnown(
    userId: UserId | null,
    deviceSecret: string | undefined,
    em: Pick<EntityManager, 'execute'> = this.#database.em(),
  ): Promise<boolean> {
    const rows = await em.execute<unknown[]>(
      'select 1 from known_device where secret_hash = ? and user_id = ? and seen_at > ?',
      [sha256(deviceSecret ?? ''), userId === null ? NO_USER : toUuid(userId), fromNow(this.#clock, -FORGET_AFTER)],
    );
    return rows.length > 0 && deviceSecret !== undefined && deviceSecret !== '';
  }

  /** Names the counter that takes a try: the browser's own where the account knows it, else the one of all other browsers. */
  async counterOf(userId: UserId, deviceSecret: string | undefined): Promise<string> {
    return deviceSecret !== undefined && (await this.isKnown(userId, deviceSecret))
      ? ownCounter(userId, deviceSecret)
      : userId;
  }

  async remember(userId: UserId, deviceSecret: string, userAgent: string): Promise<void> {
    // One row a browser and person: a browser that two people share is known to both.
    await this.#database.sql(
      `insert into known_device (secret_hash, user_id, user_agent, created_at, seen_at) values ($1, $2, $3, $4, $4)
       on conflict (secret_hash, user_id) do update set seen_at = excluded.seen_at, user_agent = excluded.user_agent`,
      [sha256(deviceSecret), toUuid(userId), userAgent.slice(0, 256), this.#clock.now()],
    );
  }

  /** Every browser is a stranger again. */
  async forgetAll(em: EntityManager, userId: UserId): Promise<void> {
    await em.execute('delete from known_device where user_id = ?', [toUuid(userId)]);
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from known_device where ctid in (select ctid from known_device where seen_at < $1 limit $2) returning 1',
      [fromNow(this.#clock, -FORGET_AFTER), batch],
    );
    return rows.length;
  }
}
