/** Organizations: their members and policy, the domains by which users join, and the machine clients that act for them. */
import { createDomains } from '#directory/domains/module.ts';
import { OrganizationClientService } from '#directory/organization-clients/module.ts';
import { createOrganizations, KnownOrganizations } from '#directory/organizations/module.ts';
import type { Kernel } from './kernel.ts';

type OrganizationsNeed = Parameters<typeof createOrganizations>[0];

type Needs = Omit<OrganizationsNeed, 'clock' | 'database'> &
  Pick<Parameters<typeof createDomains>[0], 'managers' | 'letters' | 'connectionsOf'> &
  Pick<ConstructorParameters<typeof OrganizationClientService>[0], 'clients'>;

/** Creates organizations with their domains and machine clients. */
export function createOrganizationNouns(kernel: Kernel, needs: Needs) {
  const { config, clock, database, invalidation, throttle, findTxt } = kernel;
  const { audit, policies, tightenings, roles, users, managers, letters, clients, connectionsOf } = needs;
  const organizations = createOrganizations({ clock, database, audit, policies, tightenings, users, roles });
  return {
    organizations,
    knownOrganizations: new KnownOrganizations({ clock, database, invalidation }),
    organizationClients: new OrganizationClientService({ clock, database, audit, clients }),
    domains: createDomains({
      clock,
      database,
      audit,
      invalidation,
      throttle,
      findTxt,
      members: organizations.members,
      roles,
      organizations: organizations.organizations,
      users,
      managers,
      letters,
      connectionsOf,
      issuer: config.issuer,
    }),
  };
}
