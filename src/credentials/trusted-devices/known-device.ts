import { defineEntity, p } from '@mikro-orm/core';
import { sha256 } from '#kernel/crypto.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import { User, type UserId } from '#directory/users/module.ts';
import { DEVICE_KNOWN_FOR } from '../lifetimes.ts';

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
/** A browser in which a user signed in before; only the hash of its cookie is stored (table `known_device`). */
export class KnownDevice extends KnownDeviceSchema.class {}
KnownDeviceSchema.setClass(KnownDevice);

const NO_USER = '00000000-0000-0000-0000-000000000000';

/** The counter of one known browser of an account. */
export const ownCounter = (userId: UserId, deviceSecret: string): string => `${userId}:${deviceSecret}`;

/**
 * Browsers in which a user signed in before. Their tries are counted apart, so that a stranger who guesses from
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
    em?: Pick<EntityManager, 'execute'>,
  ): Promise<boolean> {
    const text = (at: readonly string[]) =>
      `select 1 from known_device where secret_hash = ${at[0]} and user_id = ${at[1]} and seen_at > ${at[2]}`;
    const values = [
      sha256(deviceSecret ?? ''),
      userId === null ? NO_USER : toUuid(userId),
      fromNow(this.#clock, -DEVICE_KNOWN_FOR),
    ];
    const rows = em
      ? await em.execute<unknown[]>(text(['?', '?', '?']), values)
      : await this.#database.sql(text(['$1', '$2', '$3']), values);
    return rows.length > 0 && deviceSecret !== undefined && deviceSecret !== '';
  }

  /** Whether an account knows a browser, as a condition: of the hash of its secret, the account and the earliest time. */
  knowing(deviceSecret: string | undefined): {
    values: readonly unknown[];
    text(at: (place: number) => string, userId: string): string;
  } {
    return {
      values: [deviceSecret ? sha256(deviceSecret) : null, fromNow(this.#clock, -DEVICE_KNOWN_FOR)],
      text: (at, userId) =>
        `exists (select 1 from known_device where secret_hash = ${at(0)}::bytea and user_id = ${userId} and seen_at > ${at(1)}::timestamptz)`,
    };
  }

  /** Names the counter that takes a try: the browser's own where the account knows it, else the one of all other browsers. */
  async counterOf(userId: UserId, deviceSecret: string | undefined): Promise<string> {
    return deviceSecret !== undefined && (await this.isKnown(userId, deviceSecret))
      ? ownCounter(userId, deviceSecret)
      : userId;
  }

  /**
   * Remembers the browser in which a sign-in ends. One row a browser and user: a browser that two users share is known to both.
   * A row that another act holds at this moment is left alone.
   */
  remembering(userId: UserId, deviceSecret: string, userAgent: string): Part {
    return {
      name: 'new_device',
      values: [sha256(deviceSecret), toUuid(userId), userAgent.slice(0, 256), this.#clock.now()],
      text(at, only) {
        const own = `secret_hash = ${at(0)}::bytea and user_id = ${at(1)}::uuid`;
        return `
          known as (update known_device k set seen_at = ${at(3)}::timestamptz, user_agent = ${at(2)}::text
            from (select ctid from known_device where ${own} and ${only} for update skip locked) free where k.ctid = free.ctid),
          new_device as (insert into known_device (secret_hash, user_id, user_agent, created_at, seen_at)
            select ${at(0)}::bytea, ${at(1)}::uuid, ${at(2)}::text, ${at(3)}::timestamptz, ${at(3)}::timestamptz
            where ${only} and not exists (select 1 from known_device where ${own}) on conflict do nothing returning 1)`;
      },
    };
  }

  /** Every browser is a stranger again. */
  async forgetAll(em: EntityManager, userId: UserId): Promise<void> {
    await em.execute('delete from known_device where user_id = ?', [toUuid(userId)]);
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from known_device where ctid in (select ctid from known_device where seen_at < $1 limit $2) returning 1',
      [fromNow(this.#clock, -DEVICE_KNOWN_FOR), batch],
    );
    return rows.length;
  }
}
