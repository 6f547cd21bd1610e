/**
 * organizations: organizations and their members.
 *
 * Owns    the tables organization, organization_slug and organization_member; slugs, metadata and status of organizations;
 *         who belongs to which.
 * Leaves  roles and groups to access, invitations and domains to slices of their own, tokens to oidc.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { UserService } from '#directory/users/module.ts';
import type { Database } from '#kernel/database.ts';
import type { Policies, TighteningService } from '#settings/module.ts';
import { OrganizationCreators } from './creators.ts';
import type { MemberRoles } from './member-roles.ts';
import { MemberService } from './member-service.ts';
import { OrganizationClosing } from './organization-closing.ts';
import { OrganizationService } from './organization-service.ts';

export type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'organizations'>;
  tightenings: Pick<TighteningService, 'end' | 'tell'>;
  users: Pick<UserService, 'findById'>;
  roles: MemberRoles;
};

/** Creates the services of organizations and of their members. */
export function createOrganizations({ clock, database, audit, policies, tightenings, users, roles }: Dependencies) {
  const members = new MemberService({ clock, database, audit, roles });
  const creators = new OrganizationCreators({ database, policies, users });
  return {
    members,
    creators,
    organizations: new OrganizationService({ clock, database, audit, members, creators }),
    closing: new OrganizationClosing({ clock, database, policies, audit, tightenings }),
  };
}

export { KnownOrganizations } from './known-organizations.ts';
export type { MemberRoles } from './member-roles.ts';
export { membersOf, Memberships } from './memberships.ts';
export { PolicyService } from './policy-service.ts';
export type { OrganizationCreators } from './creators.ts';
export type { MemberService } from './member-service.ts';
export type { OrganizationService } from './organization-service.ts';
export { lockOrganization } from './organization-lock.ts';
export { Organization, type OrganizationId, OrganizationMember, OrganizationSlug } from './organization.ts';
export type { OrganizationStatus } from './statuses.ts';
