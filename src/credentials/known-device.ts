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

/**
 * Browsers in which a person signed in before. Their wrong passwords are counted apart, so that somebody
 * who guesses from elsewhere cannot lock the owner out.
 */
export class KnownDevices {
  readonly #clock: Clock;
  readonly #database: Database;

  constructor(clock: Clock, database: Database) {
    this.#clock = clock;
    this.#database = database;
  }

  async isKnown(userId: UserId, deviceSecret: string | undefined): Promise<boolean> {
    if (!deviceSecret) return false;
    const rows = await this.#database.sql(
      'select 1 from known_device where secret_hash = $1 and user_id = $2 and seen_at > $3',
      [sha256(deviceSecret), toUuid(userId), fromNow(this.#clock, -FORGET_AFTER)],
    );
    return rows.length > 0;
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
