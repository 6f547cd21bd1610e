import type { By } from '#audit/module.ts';
import { lockOrganization } from '#directory/organizations/organization-lock.ts';
import type { OrganizationId } from '#directory/organizations/organization.ts';
import { permissionsNotHeld } from '#directory/organizations/errors.ts';
import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { SUPER_ADMIN_ID } from './built-in-roles.ts';

/** Where a role, a group or an assignment is: one organization, or the instance (null). */
export type Place = OrganizationId | null;

/** For statements: null is the instance. */
export const placeUuid = (place: Place): string | null => (place === null ? null : toUuid(place));

/**
 * To be called first in a transaction that changes roles, groups or assignments of a place: such acts come one after the other, so
 * that each sees the links and the owners that the one before left. Throws organizations.not_found.
 */
export async function lockPlace(em: EntityManager, place: Place): Promise<void> {
  if (place !== null) await lockOrganization(em, place);
  // The row of a role that is always there stands for the instance.
  else
    await em.execute('select 1 from role where id = ? and organization_id is null for no key update', [SUPER_ADMIN_ID]);
}

/** The permission to define APIs, which includes that to say who may use them. */
const DEFINES_APIS = 'apis.manage';

/**
 * An actor gives to others, or takes from them, only what the actor holds in this place. Throws access.permissions_not_held.
 */
export function requireHeld(permissions: Iterable<string>, place: Place, { may }: By): void {
  const isHeld = (permission: string): boolean =>
    may?.(permission, place ?? undefined) === true || (permission.includes(' ') && may?.(DEFINES_APIS) === true);
  for (const permission of permissions) if (!isHeld(permission)) throw permissionsNotHeld();
}

/**
 * An actor changes only users who have no permission in this place that the actor lacks. Scopes of APIs are work, not rank: an owner
 * removes a member who has some. Throws access.permissions_not_held.
 */
export function requireRank(permissions: Iterable<string>, place: Place, by: By): void {
  requireHeld(
    [...permissions].filter((permission) => !permission.includes(' ')),
    place,
    by,
  );
}
