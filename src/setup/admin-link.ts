import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow, HOUR } from '#kernel/clock.ts';
import { randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';

const AdminLinkSchema = defineEntity({
  name: 'AdminLink',
  tableName: 'admin_link',
  properties: {
    secretHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)'),
    usedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** The one-time link of the first administrator; only the hash of its secret is stored (table `admin_link`). */
export class AdminLink extends AdminLinkSchema.class {}
AdminLinkSchema.setClass(AdminLink);

/** Long enough to find the link in the log of a first start and to open it. */
const LIFETIME = HOUR;

/** Links that make the first administrator: printed once, used once, dead within the hour. */
export class AdminLinks {
  readonly #clock: Clock;
  readonly #database: Database;

  constructor(clock: Clock, database: Database) {
    this.#clock = clock;
    this.#database = database;
  }

  /** A new secret; earlier ones die. */
  async create(): Promise<string> {
    const secret = randomSecret();
    await this.#database.transaction(async (em) => {
      await em.execute('delete from admin_link');
      await em.execute('insert into admin_link (secret_hash, expires_at) values (?, ?)', [
        sha256(secret),
        fromNow(this.#clock, LIFETIME),
      ]);
    });
    return secret;
  }

  async isUsable(secret: string): Promise<boolean> {
    const rows = await this.#database.sql(
      'select 1 from admin_link where secret_hash = $1 and used_at is null and expires_at > $2',
      [sha256(secret), this.#clock.now()],
    );
    return rows.length > 0;
  }

  /** True for the one caller that may make the administrator; the transaction's end decides for good. */
  async consume(em: EntityManager, secret: string): Promise<boolean> {
    const now = this.#clock.now();
    const rows = await em.execute<unknown[]>(
      'update admin_link set used_at = ? where secret_hash = ? and used_at is null and expires_at > ? returning 1',
      [now, sha256(secret), now],
    );
    return rows.length > 0;
  }
}
