import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';

export type BulkIdentity = { userId: UserId; connection: string; issuer: string; subject: string };

/** Identities by the hundred, for files of users. Rules and events are the caller's. */
export class IdentityBulk {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** The owners of existing identities. */
  async find(em: EntityManager, wanted: readonly Omit<BulkIdentity, 'userId'>[]): Promise<BulkIdentity[]> {
    if (wanted.length === 0) return [];
    const rows = await em.execute<BulkIdentity[]>(
      `select i.user_id as "userId", i.connection, i.issuer, i.subject from user_identity i
       join jsonb_to_recordset(?::jsonb) as r (connection text, issuer text, subject text) using (connection, issuer, subject)`,
      [JSON.stringify(wanted)],
    );
    return rows.map(readIdentity);
  }

  async listOf(ids: readonly UserId[]): Promise<BulkIdentity[]> {
    const rows = await this.#database.sql<BulkIdentity>(
      `select user_id as "userId", connection, issuer, subject from user_identity where user_id = any($1::uuid[])
       order by connection, issuer, subject`,
      [ids.map(toUuid)],
    );
    return rows.map(readIdentity);
  }

  /** Throws when another user took one meanwhile: it identifies one user for ever. */
  async insert(em: EntityManager, identities: readonly BulkIdentity[]): Promise<void> {
    if (identities.length === 0) return;
    await em.execute(
      `insert into user_identity (connection, issuer, subject, user_id, created_at)
       select connection, issuer, subject, "userId", ? from jsonb_to_recordset(?::jsonb) as r (connection text, issuer text, subject text, "userId" uuid)`,
      [
        this.#clock.now(),
        JSON.stringify(identities.map((identity) => ({ ...identity, userId: toUuid(identity.userId) }))),
      ],
    );
  }
}

function readIdentity(row: BulkIdentity): BulkIdentity {
  return { ...row, userId: fromUuid('usr', row.userId) };
}
