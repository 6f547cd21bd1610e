/**
 * access: roles, groups, and the permissions of users.
 *
 * Owns    the tables role, role_parent, user_group, user_group_member, user_group_parent and role_assignment; the permissions; which
 *         of them a user or a machine client has on the instance and in an organization.
 * Leaves  further demands on a user to the slice that checks the permission, scopes of APIs to apis.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import { AccessBulk } from './bulk/access-bulk.ts';
import { EffectivePermissions } from './effective-permissions.ts';
import { EndedAssignments } from './ended-assignments.ts';
import { FollowedRoles } from './followed-roles.ts';
import { PermissionHolders } from './permission-holders.ts';
import { OrganizationRoles } from './organization-roles.ts';
import { lockOwned, onlyOwnedBy } from './owners.ts';

export type Dependencies = {
  clock: Clock;
  audit: Pick<AuditLog, 'record' | 'recordAll'>;
  database: Database;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
};

/** Creates the permissions of users, and the roles of members of organizations. */
export function createPermissions({ clock, database, audit, invalidation }: Dependencies) {
  const effective = new EffectivePermissions({ clock, database, invalidation });
  return {
    effective,
    organizationRoles: new OrganizationRoles({ clock, database, effective }),
    followedRoles: new FollowedRoles({ clock, database, audit }),
    permissionHolders: new PermissionHolders(clock, database),
    endedAssignments: new EndedAssignments(clock, database),
    accessBulk: new AccessBulk(clock, audit),
    owners: { lockOwned, onlyOwnedBy },
  };
}

export type { AccessBulk, Grantable } from './bulk/access-bulk.ts';
export { holdersOf } from './permission-holders.ts';
export type { EffectivePermissions } from './effective-permissions.ts';
export {
  access,
  apiScopes,
  isOfOrganizations,
  isOwn,
  type OwnPermission,
  type Permission,
  permissions,
} from './permission.ts';
export { Role, RoleParent } from './role.ts';
export { RoleAssignment } from './role-assignment.ts';
export { UserGroup, UserGroupMember, UserGroupParent } from './user-group.ts';
