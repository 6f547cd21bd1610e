import type { EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { organizationNotFound } from './errors.ts';
import { Organization, type OrganizationId } from './organization.ts';
import type { OrganizationStatus } from './statuses.ts';

/**
 * Locks an organization until the transaction ends, before any row of its members: acts on its owners come one after the other,
 * and no user joins one that is being closed. Throws organizations.not_found.
 */
export async function lockOrganization(em: EntityManager, id: OrganizationId): Promise<{ status: OrganizationStatus }> {
  const [row] = await em.execute<{ status: OrganizationStatus }[]>(
    'select status from organization where id = ? for no key update',
    [toUuid(id)],
  );
  if (!row) throw organizationNotFound();
  return row;
}

/** The same for many, in one order; those that are gone are left out. */
export async function lockOrganizations(
  em: EntityManager,
  ids: readonly OrganizationId[],
): Promise<{ id: OrganizationId; name: string }[]> {
  const rows = await em.execute<{ id: string; name: string }[]>(
    'select id, name from organization where id = any(?::uuid[]) order by id for no key update',
    [`{${ids.map(toUuid).join(',')}}`],
  );
  return rows.map(({ id, name }) => ({ id: fromUuid('org', id), name }));
}

/** The same with the whole row, to change it. */
export async function takeOrganization(em: EntityManager, id: OrganizationId): Promise<Organization> {
  await lockOrganization(em, id);
  return em.findOneOrFail(Organization, { id }, { refresh: true });
}
