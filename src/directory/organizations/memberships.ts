import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, parseId, toUuid } from '#kernel/ids.ts';
import type { OrganizationId } from './organization.ts';

type Row = { id: string };

const ACTIVE = `select o.id from organization_member m join organization o on o.id = m.organization_id
  where o.status = 'active' and m.user_id =`;

/** A query for the users (`user_id`) who belong to an organization. */
export const membersOf = (bind: (value: unknown) => string, organization: string): string =>
  `select user_id from organization_member where organization_id = ${bind(organization)}::uuid`;

/** The organizations that count for users: those whose demands a policy must meet. Needs no other service. */
export class Memberships {
  readonly #database: Pick<Database, 'sql'>;

  constructor(database: Pick<Database, 'sql'>) {
    this.#database = database;
  }

  /** The ids of the active organizations of a user; none for a text that is no id of a user. */
  async activeOf(user: string, em?: EntityManager): Promise<OrganizationId[]> {
    const userId = parseId('usr', user);
    if (userId === null) return [];
    const rows = em
      ? await em.execute<Row[]>(`${ACTIVE} ?`, [toUuid(userId)])
      : await this.#database.sql<Row>(`${ACTIVE} $1`, [toUuid(userId)]);
    return rows.map(({ id }) => fromUuid('org', id));
  }

  /** Whether a user belongs to any organization that can help them. */
  async hasActive(user: string): Promise<boolean> {
    return (await this.activeOf(user)).length > 0;
  }
}
