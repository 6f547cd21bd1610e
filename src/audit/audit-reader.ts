import type { Database } from '#kernel/database.ts';
import { fromUuid, type Id, toUuid } from '#kernel/ids.ts';

/** An event about one user, as its readers see it. */
export type PastEvent = {
  id: Id<'evt'>;
  at: Date;
  type: string;
  actorType: string;
  clientId: string | null;
  ip: string | null;
  userAgent: string | null;
  outcome: string;
  details: Readonly<Record<string, unknown>>;
};

type Row = {
  id: string;
  at: Date;
  type: string;
  actor_type: string;
  client_id: string | null;
  ip: string | null;
  user_agent: string | null;
  outcome: string;
  details: Record<string, unknown>;
};

type Page = { types?: readonly string[]; before?: Id<'evt'> | null; limit: number };

/** Reads events of the audit log for pages. */
export class AuditReader {
  readonly #database: Pick<Database, 'sql'>;

  constructor(database: Pick<Database, 'sql'>) {
    this.#database = database;
  }

  /** Newest first; `before` is the last one of the page before. */
  async listOfUser(userId: string, { types, before = null, limit }: Page): Promise<PastEvent[]> {
    const rows = await this.#database.sql<Row>(
      `select id, at, type, actor_type, client_id, ip, user_agent, outcome, details from audit_record
       where subject_type = 'user' and subject_id = $1 and ($2::text[] is null or type = any($2::text[]))
         and ($3::uuid is null or (at, id) < (select e.at, e.id from audit_event e where e.id = $3 and e.subject_id = $1))
       order by at desc, id desc limit $4`,
      [userId, types === undefined ? null : `{${types.join(',')}}`, before && toUuid(before), limit],
    );
    return rows.map((row) => ({
      id: fromUuid('evt', row.id),
      at: row.at,
      type: row.type,
      actorType: row.actor_type,
      clientId: row.client_id,
      ip: row.ip,
      userAgent: row.user_agent,
      outcome: row.outcome,
      details: row.details,
    }));
  }
}
