import { defineEntity, p } from '@mikro-orm/core';
import { User, type UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, type Id, toUuid } from '#kernel/ids.ts';
import type { NameId } from './name-id.ts';
import { ServiceProvider } from './service-provider.ts';

const SamlSessionSchema = defineEntity({
  name: 'SamlSession',
  tableName: 'saml_session',
  properties: {
    client: () => p.manyToOne(ServiceProvider).mapToPk().primary().fieldName('client').deleteRule('cascade'),
    /** The name of our session for this application alone. */
    sessionIndex: p.text().primary(),
    nameId: p.text().primary(),
    userId: () =>
      p.manyToOne(User).mapToPk().fieldName('user_id').deleteRule('cascade').index('saml_session_user_id_index'),
    /** Of our session; it opens nothing. */
    sessionId: p.text().index('saml_session_session_id_index'),
    /** The whole identifier, as the application was told it. */
    name: p.json<NameId>(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('saml_session_expires_at_index'),
  },
});
/** A session of a user at an application, begun by an assertion (table `saml_session`). Mapped for the drift test alone. */
export class SamlSession extends SamlSessionSchema.class {}
SamlSessionSchema.setClass(SamlSession);

type NewSession = {
  client: Id<'client'>;
  userId: UserId;
  sessionId: string;
  sessionIndex: string;
  name: NameId;
  expiresAt: Date;
};

/** A session at an application. */
export type KnownSession = { clientId: string; userId: UserId; sessionId: string; sessionIndex: string; name: NameId };
type Row = { client_id: string; user_id: string; session_id: string; session_index: string; name: NameId };

const COLUMNS = 'p.client_id, s.user_id, s.session_id, s.session_index, s.name';
const JOINED = 'saml_session s join saml_service_provider p on p.client = s.client';

const read = (row: Row): KnownSession => ({
  clientId: row.client_id,
  userId: fromUuid('usr', row.user_id),
  sessionId: row.session_id,
  sessionIndex: row.session_index,
  name: row.name,
});

/** Applications that were told no format in particular may say none, or the unspecified one (SAML Core §8.3.1). */
const isSameFormat = (said: string, told: string): boolean => said === told || said.endsWith(':unspecified');

/** Which applications were told of a session, and under which name: what a logout needs. */
export class SamlSessions {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor({ clock, database }: { clock: Clock; database: Pick<Database, 'sql'> }) {
    this.#clock = clock;
    this.#database = database;
  }

  async note({ client, userId, sessionId, sessionIndex, name, expiresAt }: NewSession): Promise<void> {
    await this.#database.sql(
      `insert into saml_session (client, session_index, name_id, user_id, session_id, name, expires_at)
       values ($1, $2, $3, $4, $5, $6::jsonb, $7)
       on conflict (client, session_index, name_id) do update set expires_at = excluded.expires_at`,
      [toUuid(client), sessionIndex, name.value, toUuid(userId), sessionId, JSON.stringify(name), expiresAt],
    );
  }

  /** The sessions that a request to sign out names: of one application alone. No index means every session of the user there. */
  async named(
    client: Id<'client'>,
    { nameId, sessionIndexes }: { nameId: { value: string; format: string | null }; sessionIndexes: readonly string[] },
  ): Promise<readonly KnownSession[]> {
    const rows = await this.#database.sql<Row>(
      `select ${COLUMNS} from ${JOINED} where s.client = $1 and s.name_id = $2 and (cardinality($3::text[]) = 0 or s.session_index = any($3::text[]))`,
      [toUuid(client), nameId.value, [...sessionIndexes]],
    );
    return rows.map(read).filter(({ name }) => nameId.format === null || isSameFormat(nameId.format, name.format));
  }

  /** At all applications, for one session of ours. */
  async ofSession(sessionId: string): Promise<readonly KnownSession[]> {
    const rows = await this.#database.sql<Row>(`select ${COLUMNS} from ${JOINED} where s.session_id = $1`, [sessionId]);
    return rows.map(read);
  }

  /** At one application, for the name that our session has there. */
  async ofIndex(clientId: string, sessionIndex: string): Promise<readonly KnownSession[]> {
    const rows = await this.#database.sql<Row>(
      `select ${COLUMNS} from ${JOINED} where p.client_id = $1 and s.session_index = $2`,
      [clientId, sessionIndex],
    );
    return rows.map(read);
  }

  /** The application knows that they ended. */
  async forget(clientId: string, sessionIndex: string): Promise<void> {
    await this.#database.sql(
      'delete from saml_session s using saml_service_provider p where p.client = s.client and p.client_id = $1 and s.session_index = $2',
      [clientId, sessionIndex],
    );
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from saml_session where ctid in (select ctid from saml_session where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}
