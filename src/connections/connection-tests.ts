import { defineEntity, p } from '@mikro-orm/core';
import type { AuditLog, By } from '#audit/module.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { Connection } from './connection.ts';
import { connectionTestCreated } from './events.ts';
import { TEST_LIFETIME } from './limits.ts';

const ConnectionTestSchema = defineEntity({
  name: 'ConnectionTest',
  tableName: 'connection_test',
  properties: {
    secretHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    connectionId: () =>
      p
        .manyToOne(Connection)
        .mapToPk()
        .fieldName('connection_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('connection_test_connection_id_index'),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('connection_test_expires_at_index'),
  },
});
/** A link with which a connection is tested (table `connection_test`). Mapped for the drift test alone. */
export class ConnectionTest extends ConnectionTestSchema.class {}
ConnectionTestSchema.setClass(ConnectionTest);

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  issuer: string;
};

/** Links with which a connection is tested: each shows one result, and signs no user in. */
export class ConnectionTests {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql' | 'transaction'>;
  readonly #audit: Pick<AuditLog, 'record'>;
  readonly #issuer: string;

  constructor({ clock, database, audit, issuer }: Dependencies) {
    this.#clock = clock;
    this.#database = database;
    this.#audit = audit;
    this.#issuer = issuer;
  }

  async create(
    { id, slug, provider, organizationId = null }: Connection,
    by: By,
  ): Promise<{ url: string; expiresAt: Date }> {
    const secret = randomSecret();
    const expiresAt = fromNow(this.#clock, TEST_LIFETIME);
    await this.#database.transaction(async (em) => {
      await em.execute('insert into connection_test (secret_hash, connection_id, expires_at) values (?, ?, ?)', [
        sha256(secret),
        toUuid(id),
        expiresAt,
      ]);
      await this.#audit.record(
        em,
        connectionTestCreated({
          ...by,
          subject: { type: 'connection', id },
          ...(organizationId === null ? {} : { organizationId }),
          details: { connection: slug, connection_id: id, provider },
        }),
      );
    });
    return { url: `${this.#issuer}/federation/${slug}/test/${secret}`, expiresAt };
  }

  /** The connection that a link tests; null for a link that is used or too old. */
  async find(secret: string): Promise<{ slug: string; name: string } | null> {
    const [row] = await this.#database.sql<{ slug: string; name: string }>(
      `select c.slug, c.name from connection_test t join connection c on c.id = t.connection_id
       where t.secret_hash = $1 and t.expires_at > $2`,
      [sha256(secret), this.#clock.now()],
    );
    return row ?? null;
  }

  /** Whether the link showed no result yet; it shows none from now on. */
  async use(secret: string): Promise<boolean> {
    const rows = await this.#database.sql('delete from connection_test where secret_hash = $1 returning 1', [
      sha256(secret),
    ]);
    return rows.length > 0;
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from connection_test where secret_hash in (select secret_hash from connection_test where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
