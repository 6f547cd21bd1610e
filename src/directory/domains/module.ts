/**
 * domains: the email domains of organizations.
 *
 * Owns    the tables organization_domain and organization_join: proof of a domain by a DNS record, its one owner, joining an
 *         organization by a verified email address, requests to join and the mails about them.
 * Leaves  members to organizations, roles to access, email addresses and their proof to users and contacts.
 * URLs    none.
 */
import type { MemberService } from '#directory/organizations/module.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import { type CheckDependencies, DomainChecks } from './domain-checks.ts';
import { DomainService } from './domain-service.ts';
import { JoiningService } from './joining.ts';
import { JoinNotices, type JoinNoticesDependencies } from './join-notices.ts';
import { KnownDomains } from './known-domains.ts';

export type Dependencies = Omit<CheckDependencies, 'invalidation'> & {
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
  members: Pick<MemberService, 'addIn' | 'isMember'>;
} & JoinNoticesDependencies;

/** Creates the services of domains, of their DNS records and of users who join by them. */
export function createDomains(dependencies: Dependencies) {
  const known = new KnownDomains(dependencies);
  return {
    known,
    domains: new DomainService(dependencies),
    checks: new DomainChecks(dependencies),
    joining: new JoiningService({
      ...dependencies,
      known,
      notices: new JoinNotices(dependencies),
    }),
  };
}

export type { JoiningService } from './joining.ts';
export { domainOf } from './domain-name.ts';
export { type DomainSignIn, OrganizationDomain, OrganizationJoin } from './domain.ts';
export type { KnownDomains } from './known-domains.ts';
