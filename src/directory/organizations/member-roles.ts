import type { By } from '#audit/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { OrganizationId } from './organization.ts';

/** The tasks of roles in memberships; the slice access performs them. Roles are given by their names. */
export type MemberRoles = {
  /** Gives the creator of an organization the role that owns it. */
  grantOnCreate(em: EntityManager, organizationId: OrganizationId, userId: UserId): Promise<void>;
  /** Gives a member these roles in the organization. Throws for a name that no role has there. */
  grant(
    em: EntityManager,
    organizationId: OrganizationId,
    userId: UserId,
    roles: readonly string[],
    by: By,
  ): Promise<void>;
  /**
   * Makes these the roles of a member, without inherited roles and roles of groups. A role that the member keeps stays as it was given.
   * The caller holds the lock of the organization's row. Throws where a role is not there, where the actor does not have all that is
   * given or taken, and where no owner would be left.
   */
  set(
    em: EntityManager,
    organizationId: OrganizationId,
    userId: UserId,
    roles: readonly string[],
    by: By,
  ): Promise<{ before: readonly string[]; after: readonly string[] }>;
  /**
   * The condition of a statement, whose `$1` is the organization, that the user in this column has the role of this name there at this
   * time, without inherited roles and roles of groups.
   */
  holding(userColumn: string, role: string, time: string): string;
  /**
   * Performs an act, and throws where it leaves the organization without an owner. The caller holds the lock of the organization's
   * row, so that simultaneous acts follow one another.
   */
  keepingOwner<T>(em: EntityManager, organizationId: OrganizationId, act: () => Promise<T>): Promise<T>;
  /** Takes every role away that the user has in the organization, and every membership in its groups. */
  removeAll(em: EntityManager, organizationId: OrganizationId, userId: UserId): Promise<void>;
  /** The names of the roles that these users have there, without inherited roles and roles of groups. */
  namesOf(organizationId: OrganizationId, userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly string[]>>;
  /** Throws where one of these roles brings a permission that the actor does not have there. */
  requireGivable(roles: readonly string[], organizationId: OrganizationId, by: By): Promise<void>;
  /** Throws where the member has a permission there that the actor does not have. */
  requireRightsOver(organizationId: OrganizationId, userId: UserId, by: By): Promise<void>;
};
