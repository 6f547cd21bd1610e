import { type Clock, fromNow } from '#kernel/clock.ts';
import { randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, type Id, toUuid } from '#kernel/ids.ts';
import { containing, type Page, type PageRequest } from '#kernel/operations/list-operation.ts';
import { readSqlPage, sqlFilters } from '#kernel/operations/sql-page.ts';
import { subjectOf } from './one-time-budget.ts';
import { secretLifetimes } from './one-time-secret.ts';

export type InvitationId = Id<'ots'>;
/** A mailed link to create an account that was not used: it works, or it is too old. */
export type OpenInvitation = {
  id: InvitationId;
  address: string;
  data: Readonly<Record<string, unknown>>;
  createdAt: Date;
  expiresAt: Date;
};
export type InvitationFilters = { status?: 'open' | 'expired' | undefined; search?: string | undefined };

type Row = Omit<OpenInvitation, 'id'> & { id: string };

const COLUMNS = 's.id, s.address, s.data, s.created_at as "createdAt", s.expires_at as "expiresAt"';
/** Of an address without an account: invitations to organizations have links of the same purpose. */
const INVITATIONS = `s.purpose = 'invitation' and s.subject like 'email:%' and s.used_at is null and s.link_hash is not null`;

/** Links by which the operator invites users, as long as they were not used: lists, renews and ends them. */
export class OpenInvitations {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql' | 'em'>;

  constructor(clock: Clock, database: Pick<Database, 'sql' | 'em'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** A page of those that match. */
  async page(
    { status, search }: InvitationFilters,
    page: PageRequest<'created_at' | 'email'>,
  ): Promise<Page<OpenInvitation>> {
    const { condition, values } = sqlFilters(
      [],
      [`s.expires_at ${status === 'open' ? '>' : '<='}`, status && this.#clock.now()],
      ['s.address ilike', search && containing(search)],
    );
    return readSqlPage<Row, OpenInvitation>(this.#database, page, {
      statement: (what) => `select ${what} from one_time_secret s where ${INVITATIONS} and ${condition}`,
      values,
      columns: COLUMNS,
      order: page.sort === 'email' ? ['lower(s.address)', 's.id'] : ['s.id'],
      show: read,
    });
  }

  /** Null for one that was used or revoked, or that another one replaced. */
  async find(id: InvitationId, em = this.#database.em()): Promise<OpenInvitation | null> {
    const [row] = await em.execute<Row[]>(
      `select ${COLUMNS} from one_time_secret s where s.id = ? and ${INVITATIONS}`,
      [toUuid(id)],
    );
    return row ? read(row) : null;
  }

  /** The last one of an email address, in the transaction that made it. */
  async findLast(em: EntityManager, emailCanonical: string): Promise<OpenInvitation | null> {
    const [row] = await em.execute<Row[]>(
      `select ${COLUMNS} from one_time_secret s where s.subject = ? and ${INVITATIONS} order by s.id desc limit 1`,
      [subjectOf({ emailCanonical })],
    );
    return row ? read(row) : null;
  }

  /** A new link for the whole time from now on, in place of the earlier one. Null where it was used meanwhile. */
  async renew(em: EntityManager, id: InvitationId): Promise<{ link: string; expiresAt: Date } | null> {
    const link = randomSecret();
    const expiresAt = fromNow(this.#clock, secretLifetimes.invitation);
    const rows = await em.execute<unknown[]>(
      `update one_time_secret s set link_hash = ?, expires_at = ? where s.id = ? and ${INVITATIONS} returning 1`,
      [sha256(link), expiresAt, toUuid(id)],
    );
    return rows.length > 0 ? { link, expiresAt } : null;
  }

  /** Its link stops working. False where it was used meanwhile. */
  async end(em: EntityManager, id: InvitationId): Promise<boolean> {
    const rows = await em.execute<unknown[]>(
      `update one_time_secret s set used_at = ? where s.id = ? and ${INVITATIONS} returning 1`,
      [this.#clock.now(), toUuid(id)],
    );
    return rows.length > 0;
  }
}

const read = (row: Row): OpenInvitation => ({ ...row, id: fromUuid('ots', row.id) });
