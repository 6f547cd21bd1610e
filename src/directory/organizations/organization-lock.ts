import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { organizationNotFound } from './errors.ts';
import { Organization, type OrganizationId, type OrganizationStatus } from './organization.ts';

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

/** The same with the whole row, to change it. */
export async function takeOrganization(em: EntityManager, id: OrganizationId): Promise<Organization> {
  await lockOrganization(em, id);
  return em.findOneOrFail(Organization, { id }, { refresh: true });
}
