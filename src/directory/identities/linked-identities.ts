import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { identityTaken } from './errors.ts';
import { userIdentityLinked, userIdentityUnlinked } from './events.ts';
import type { UserId } from '#directory/users/module.ts';

/** The identity of a user at an upstream provider. */
export type UpstreamSubject = {
  /** The slug of the connection. */
  connection: string;
  issuer: string;
  /** Exact bytes: two subjects that look alike are two users. */
  subject: string;
};

export type LinkedIdentity = UpstreamSubject & {
  /** The email address or the name of the user at the provider. */
  name: string | null;
  linkedAt: Date;
  lastUsedAt: Date | null;
};

type Dependencies = { clock: Clock; database: Pick<Database, 'sql'>; audit: Pick<AuditLog, 'record'> };

const COLUMNS = 'connection, issuer, subject, name, created_at as "linkedAt", last_used_at as "lastUsedAt"';
/** Characters that are kept: a provider can call a user anything. */
const LONGEST_NAME = 254;
const cut = (name: string | null): string | null => name?.slice(0, LONGEST_NAME) ?? null;

/**
 * The identities of users at other providers. An identity belongs to one user, whatever email address the provider gives.
 *
 * Files of users name a connection, and maybe no issuer. Such an identity is the one of the connection with that slug: it is found by
 * slug and subject, and gets its issuer when it is used for the first time. This is the only place that knows it.
 */
export class LinkedIdentities {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #audit: Pick<AuditLog, 'record'>;

  constructor({ clock, database, audit }: Dependencies) {
    this.#clock = clock;
    this.#database = database;
    this.#audit = audit;
  }

  /** Null for an identity that no user has linked. */
  async findUser({ connection, issuer, subject }: UpstreamSubject): Promise<UserId | null> {
    const [row] = await this.#database.sql<{ user_id: string }>(
      `select user_id from user_identity where connection = $1 and subject = $3 and issuer in ($2, '')
       order by issuer = '' limit 1`,
      [connection, issuer, subject],
    );
    return row ? fromUuid('usr', row.user_id) : null;
  }

  /** The latest at the end. */
  async list(userId: UserId): Promise<LinkedIdentity[]> {
    return this.#database.sql<LinkedIdentity>(
      `select ${COLUMNS} from user_identity where user_id = $1 order by created_at, connection, subject`,
      [toUuid(userId)],
    );
  }

  /** The connections of the identities of a user, as the transaction sees them. */
  async connectionsOf(em: EntityManager, userId: UserId): Promise<string[]> {
    const rows = await em.execute<{ connection: string }[]>(
      'select distinct connection from user_identity where user_id = ?',
      [toUuid(userId)],
    );
    return rows.map(({ connection }) => connection);
  }

  /** Users with an identity at a connection and with none at these other ones, in the order of their ids, after one of them. */
  async ownersOnlyAt(
    em: EntityManager,
    connection: string,
    { others, after, limit }: { others: readonly string[]; after: UserId | null; limit: number },
  ): Promise<UserId[]> {
    const rows = await em.execute<{ id: string }[]>(
      `select distinct i.user_id as id from user_identity i where i.connection = ? and (?::uuid is null or i.user_id > ?::uuid)
       and not exists (select 1 from user_identity o where o.user_id = i.user_id and o.connection = any(?::text[]))
       order by 1 limit ?`,
      [connection, after && toUuid(after), after && toUuid(after), `{${others.join(',')}}`, limit],
    );
    return rows.map(({ id }) => fromUuid('usr', id));
  }

  /** False where this user has linked it before. Throws identities.taken. */
  async link(
    em: EntityManager,
    userId: UserId,
    { connection, issuer, subject }: UpstreamSubject,
    name: string | null,
    by: By,
  ): Promise<boolean> {
    const shown = cut(name);
    const [imported] = await em.execute<{ user_id: string }[]>(
      `select user_id from user_identity where connection = ? and issuer = '' and subject = ?`,
      [connection, subject],
    );
    const added = imported
      ? []
      : await em.execute<unknown[]>(
          `insert into user_identity (connection, issuer, subject, user_id, created_at, name) values (?, ?, ?, ?, ?, ?)
           on conflict do nothing returning 1`,
          [connection, issuer, subject, toUuid(userId), this.#clock.now(), shown],
        );
    if (added.length === 0) {
      const [owner] = await em.execute<{ user_id: string }[]>(
        `select user_id from user_identity where connection = ? and subject = ? and issuer in (?, '')`,
        [connection, subject, issuer],
      );
      if (owner === undefined || fromUuid('usr', owner.user_id) !== userId) throw identityTaken();
      return false;
    }
    await this.#audit.record(
      em,
      userIdentityLinked({
        ...by,
        subject: { type: 'user', id: userId },
        details: { connection, issuer, subject, name: shown },
      }),
    );
    return true;
  }

  /** After a sign-in with it: when, and what the provider calls the user today. False when it was unlinked meanwhile. */
  async used(
    em: EntityManager,
    userId: UserId,
    { connection, issuer, subject }: UpstreamSubject,
    name: string | null,
  ): Promise<boolean> {
    const rows = await em.execute<unknown[]>(
      `update user_identity set issuer = ?, last_used_at = ?, name = coalesce(?, name)
       where connection = ? and subject = ? and user_id = ? and issuer = (
         select issuer from user_identity where connection = ? and subject = ? and issuer in (?, '') order by issuer = '' limit 1
       ) returning 1`,
      [issuer, this.#clock.now(), cut(name), connection, subject, toUuid(userId), connection, subject, issuer],
    );
    return rows.length > 0;
  }

  /** Null where this user has no such identity. Whether another way in is left is the caller's question. */
  async unlink(
    em: EntityManager,
    userId: UserId,
    { connection, issuer, subject }: UpstreamSubject,
    by: By,
  ): Promise<{ name: string | null } | null> {
    const [gone] = await em.execute<{ name: string | null }[]>(
      'delete from user_identity where connection = ? and issuer = ? and subject = ? and user_id = ? returning name',
      [connection, issuer, subject, toUuid(userId)],
    );
    if (gone === undefined) return null;
    const details = { connection, issuer, subject, name: gone.name };
    await this.#audit.record(em, userIdentityUnlinked({ ...by, subject: { type: 'user', id: userId }, details }));
    return gone;
  }
}
