import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager, OwnerQuery } from '#kernel/database.ts';
import { randomSecret } from '#kernel/crypto.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import type { AuditEvent } from './event-type.ts';
import { GatheredWrites } from './gathered-writes.ts';

const SALT_BYTES = 16;

const COLUMNS = {
  id: 'uuid',
  at: 'timestamptz',
  type: 'text',
  actor_type: 'text',
  actor_id: 'text',
  subject_type: 'text',
  subject_id: 'text',
  organization_id: 'text',
  client_id: 'text',
  session_id: 'text',
  outcome: 'text',
  ip: 'text',
  user_agent: 'text',
  request_id: 'text',
  details: 'jsonb',
  salt: 'text',
} as const;
const NAMES = Object.keys(COLUMNS).join(', ');

type Row = Readonly<Record<keyof typeof COLUMNS, unknown>>;

const valuesOf = (row: Row): unknown[] => Object.values({ ...row, details: JSON.stringify(row.details) });

/** The members in the digest. The database writes the text, so that stored and computed text are equal. */
const REST = 'jsonb_build_array(salt, ip, user_agent, request_id, details)::text';

/** An event is three rows that nothing shared stands behind: no act waits for another one. */
const rowsOf = (given: string, only = 'true') => `
  given (${NAMES}) as (${given}), event as (
    insert into audit_event (id, at, type, actor_type, actor_id, subject_type, subject_id, organization_id, client_id, session_id, outcome, digest)
    select id, at, type, actor_type, actor_id, subject_type, subject_id, organization_id, client_id, session_id, outcome, encode(sha256(convert_to(${REST}, 'UTF8')), 'hex')
    from given where ${only}
  ), detail as (
    insert into audit_detail (event_id, at, ip, user_agent, request_id, details, salt)
    select id, at, ip, user_agent, request_id, details, salt from given where ${only}
  ), unsealed as (insert into audit_unsealed (place, event_id, at) select id, id, at from given where ${only})`;

const VALUES = (place: (position: number) => string) =>
  `values (${Object.values(COLUMNS)
    .map((type, position) => `${place(position)}::${type}`)
    .join(', ')})`;
const RECORD_PREPARED = `with ${rowsOf(VALUES((position) => `$${position + 1}`))} select 1`;
const RECORD_IN_TRANSACTION = `with ${rowsOf(VALUES(() => '?'))} select 1`;
const MANY = (place: string) =>
  `select ${NAMES} from jsonb_to_recordset(${place}::jsonb) as r (${Object.entries(COLUMNS)
    .map((column) => column.join(' '))
    .join(', ')})`;
const RECORD_ALL = `with ${rowsOf(MANY('?'))} select 1`;
const RECORD_GATHERED = `with ${rowsOf(MANY('$1'))} select 1`;

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'onCommit'>;
  /** Called when there is something to seal. */
  wake(): void;
};

/** Writes events of the audit log. Every write runs in the transaction of its act. */
export class AuditLog {
  readonly #deps: Dependencies;
  /** Something was recorded in a transaction of this process whose end is not known yet. */
  #isPending = false;
  readonly #notes: GatheredWrites<Row>;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    const { database } = dependencies;
    this.#notes = new GatheredWrites({
      writeOne: async (row) => void (await database.sql(RECORD_PREPARED, valuesOf(row))),
      writeMany: async (rows) => void (await database.sql(RECORD_GATHERED, [JSON.stringify(rows)])),
    });
    dependencies.database.onCommit(() => {
      if (!this.#isPending) return;
      this.#isPending = false;
      dependencies.wake();
    });
  }

  /** Writes one event in the transaction of the act: if it cannot be written, the act does not happen. */
  async record(em: EntityManager, event: AuditEvent): Promise<void> {
    await em.execute(RECORD_IN_TRANSACTION, this.#values(event));
    this.#isPending = true;
  }

  /**
   * Writes one event of an act that has no transaction of its own, such as a refused sign-in. Events that arrive while others are
   * being written share a statement and a commit. Resolves when this event is committed, throws when it could not be written.
   */
  async note(event: AuditEvent): Promise<void> {
    await this.#notes.write(this.#row(event));
    this.#deps.wake();
  }

  /** Waits for the events of `note` that are not written yet: before the database is closed. */
  async stop(): Promise<void> {
    await this.#notes.settled();
  }

  /** Writes one event in a transaction of the owner of the tables. */
  async recordBy(query: OwnerQuery, event: AuditEvent): Promise<void> {
    await query(RECORD_PREPARED, this.#values(event));
    this.#deps.wake();
  }

  /** The part of an act that is one statement: its event. */
  part(event: AuditEvent): Part {
    // By the time that the sealer looks, the statement has run; when it has not, the next look finds the event.
    this.#deps.wake();
    return {
      name: 'unsealed',
      values: this.#values(event),
      text: (at, only) => rowsOf(VALUES(at), only),
    };
  }

  /** Writes many events of one act in its transaction, with one statement. */
  async recordAll(em: EntityManager, events: readonly AuditEvent[]): Promise<void> {
    if (events.length === 0) return;
    await em.execute(RECORD_ALL, [JSON.stringify(events.map((event) => this.#row(event)))]);
    this.#isPending = true;
  }

  /**
   * Takes from the events of a user who was erased what is personal: addresses, browsers, details. That something happened,
   * and to which id, stays, and the chain holds: it covers these members by a digest alone, which tells nothing without its
   * salt. The caller records `user.erased` in the same transaction, without which a forgotten event counts as tampered with.
   */
  async forgetPerson(em: EntityManager, userId: string): Promise<void> {
    await em.execute(
      `update audit_detail d set ip = null, user_agent = null, request_id = null, details = '{}'::jsonb, salt = null
       from (select id, at from audit_event where subject_type = 'user' and subject_id = ?
             union select id, at from audit_event where actor_type = 'user' and actor_id = ?
               and (actor_type is distinct from subject_type or actor_id is distinct from subject_id)) e
       where d.event_id = e.id and d.at = e.at`,
      [userId, userId],
    );
  }

  #values(event: AuditEvent): unknown[] {
    return valuesOf(this.#row(event));
  }

  #row({ actor, subject, visitor, ...event }: AuditEvent): Row {
    return {
      id: toUuid(newId('evt')),
      at: this.#deps.clock.now().toISOString(),
      type: event.type.name,
      actor_type: actor.type,
      actor_id: actor.id ?? null,
      subject_type: subject?.type ?? null,
      subject_id: subject?.id ?? null,
      organization_id: event.organizationId ?? null,
      client_id: event.clientId ?? null,
      session_id: event.sessionId ?? null,
      outcome: event.outcome ?? 'success',
      ip: visitor?.ip ?? null,
      user_agent: visitor?.userAgent ?? null,
      request_id: visitor?.requestId ?? null,
      details: event.details ?? {},
      salt: randomSecret(SALT_BYTES),
    };
  }
}
