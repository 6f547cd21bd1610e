import type { UserId } from '#directory/users/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { memberNotFound } from './errors.ts';
import type { OrganizationId } from './organization.ts';

/** In a transaction that holds the lock of the organization, so that the user stays a member. Throws organizations.member_not_found. */
export async function requireMembership(em: EntityManager, id: OrganizationId, userId: UserId): Promise<void> {
  const rows = await em.execute<unknown[]>(
    'select 1 from organization_member where organization_id = ? and user_id = ?',
    [toUuid(id), toUuid(userId)],
  );
  if (rows.length === 0) throw memberNotFound();
}

/** The organizations of a user, without those that are closing. */
export async function lastingMemberships(em: EntityManager, userId: UserId): Promise<OrganizationId[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select o.id from organization_member m join organization o on o.id = m.organization_id
     where m.user_id = ? and o.status <> 'closing'`,
    [toUuid(userId)],
  );
  return rows.map(({ id }) => fromUuid('org', id));
}
