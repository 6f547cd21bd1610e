import type { AuditLog, By } from '#audit/module.ts';
import { lockOrganization, type MemberRoles, type OrganizationId } from '#directory/organizations/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { randomSecret } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { unreachable } from '#kernel/errors.ts';
import { newId } from '#kernel/ids.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import { containing, type Page, pageFind, pageOf, type PageRequest } from '#kernel/operations/list-operation.ts';
import { readDomain } from './domain-name.ts';
import { type DomainId, type DomainSignIn, type Joining, OrganizationDomain } from './domain.ts';
import {
  connectionMissing,
  connectionNotOwned,
  domainExists,
  domainInvalid,
  domainIsFreeMail,
  domainIsPublicSuffix,
  domainNotFound,
  tooManyDomains,
} from './errors.ts';
import { organizationDomainAdded, organizationDomainChanged, organizationDomainRemoved } from './events.ts';
import { MOST_DOMAINS, ROLE_OF_JOINED } from './limits.ts';
import { DOMAINS_TOPIC } from './known-domains.ts';

export type DomainDependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  invalidation: Pick<Invalidation, 'publish'>;
  roles: Pick<MemberRoles, 'requireGivable'>;
  /** The connections of the organization to identity providers, by their slugs. */
  connectionsOf(organizationId: OrganizationId): Promise<readonly OwnConnection[]>;
};

/** `isOffered`: users can sign in with it now. */
type OwnConnection = { slug: string; isOffered: boolean };
/** `search`: a part of the domain. */
type DomainFilters = { status?: 'pending' | 'verified' | undefined; search?: string | undefined };
type DomainSettings = { joining: Joining; signIn: DomainSignIn; connections: readonly string[] };

/** The domains of organizations: adds, lists, changes and removes them. */
export class DomainService {
  readonly #deps: DomainDependencies;

  constructor(dependencies: DomainDependencies) {
    this.#deps = dependencies;
  }

  /** A page of those that match. */
  async page(
    organizationId: OrganizationId,
    { status, search }: DomainFilters,
    page: PageRequest<'domain' | 'created_at'>,
  ): Promise<Page<OrganizationDomain>> {
    const matching = {
      organizationId,
      ...(status === undefined ? {} : { verifiedAt: status === 'verified' ? { $ne: null } : null }),
      ...(search === undefined ? {} : { domain: { $ilike: containing(search) } }),
    };
    const { where, options } = pageFind(page, [page.sort === 'domain' ? 'domain' : 'id']);
    const em = this.#deps.database.em();
    const [rows, total] = await Promise.all([
      em.find(OrganizationDomain, { $and: [matching, where] }, options),
      page.wantsTotal ? em.count(OrganizationDomain, matching) : undefined,
    ]);
    const positionOf = ({ domain, id }: OrganizationDomain) => [page.sort === 'domain' ? domain : id];
    return { ...pageOf(rows, page, { show: (row) => row, positionOf }), total };
  }

  /** Throws domains.not_found. */
  async require(organizationId: OrganizationId, id: DomainId): Promise<OrganizationDomain> {
    const found = await this.#deps.database.em().findOne(OrganizationDomain, { id, organizationId });
    if (found === null) throw domainNotFound();
    return found;
  }

  /**
   * Claims a domain for an organization. Any number of organizations may; one can own it.
   * Throws organizations.not_found, domains.invalid, domains.public_suffix, domains.free_mail, domains.exists, domains.too_many,
   * access.permissions_not_held, domains.connection_missing, domains.connection_unknown.
   */
  async add(
    organizationId: OrganizationId,
    {
      domain: typed,
      connections = [],
      ...settings
    }: { domain: string } & Omit<DomainSettings, 'connections'> & Partial<DomainSettings>,
    by: By,
  ): Promise<OrganizationDomain> {
    const domain = required(typed);
    await this.#requireGivable(organizationId, settings, by);
    requireConnections({ ...settings, connections }, connections, await this.#deps.connectionsOf(organizationId));
    return this.#deps.database.transaction(async (em) => {
      await lockOrganization(em, organizationId);
      const present = await em.find(OrganizationDomain, { organizationId });
      if (present.some((each) => each.domain === domain)) throw domainExists();
      if (present.length >= MOST_DOMAINS) throw tooManyDomains(MOST_DOMAINS);
      const added = em.create(OrganizationDomain, {
        id: newId('odm'),
        organizationId,
        domain,
        token: randomSecret(),
        ...settings,
        connections: [...connections],
        verifiedAt: null,
        provedAt: null,
        checkedAt: null,
        problem: null,
        dueAt: null,
        createdAt: this.#deps.clock.now(),
      });
      await em.flush();
      await this.#deps.audit.record(em, organizationDomainAdded(eventAbout(added, by)));
      return added;
    });
  }

  /** Throws domains.not_found, access.permissions_not_held, domains.connection_missing, domains.connection_unknown. */
  async change(
    organizationId: OrganizationId,
    id: DomainId,
    settings: Partial<DomainSettings>,
    by: By,
  ): Promise<OrganizationDomain> {
    await this.#requireGivable(organizationId, settings, by);
    const own = await this.#deps.connectionsOf(organizationId);
    return this.#act(organizationId, id, async (em, domain) => {
      const { joining, signIn, connections } = domain;
      Object.assign(domain, settings);
      if (settings.signIn !== undefined || settings.connections !== undefined)
        requireConnections(domain, settings.connections ?? [], own);
      await em.flush();
      const { details, ...event } = eventAbout(domain, by);
      for (const [member, before, after] of [
        ['joining', joining, domain.joining],
        ['sign_in', signIn, domain.signIn],
        ['connections', connections.join(' '), domain.connections.join(' ')],
      ] as const)
        if (before !== after)
          await this.#deps.audit.record(
            em,
            organizationDomainChanged({ ...event, details: { ...details, member, before, after } }),
          );
    });
  }

  /** Its members stay. Throws domains.not_found. */
  async remove(organizationId: OrganizationId, id: DomainId, by: By): Promise<OrganizationDomain> {
    return this.#act(organizationId, id, async (em, domain) => {
      await em.nativeDelete(OrganizationDomain, { id, organizationId });
      await this.#deps.audit.record(em, organizationDomainRemoved(eventAbout(domain, by)));
    });
  }

  /** Users who join at a sign-in get a role: from the actor who lets them join. */
  async #requireGivable(organizationId: OrganizationId, { joining }: Partial<DomainSettings>, by: By): Promise<void> {
    if (joining === 'join') await this.#deps.roles.requireGivable([ROLE_OF_JOINED], organizationId, by);
  }

  async #act(
    organizationId: OrganizationId,
    id: DomainId,
    work: (em: EntityManager, domain: OrganizationDomain) => Promise<void>,
  ): Promise<OrganizationDomain> {
    const { database, invalidation } = this.#deps;
    const domain = await database.transaction(async (em) => {
      await lockOrganization(em, organizationId);
      const found = await em.findOne(OrganizationDomain, { id, organizationId });
      if (found === null) throw domainNotFound();
      await work(em, found);
      return found;
    });
    await invalidation.publish(DOMAINS_TOPIC, domain.domain);
    return domain;
  }
}

/** A demand that no user can meet locks them out. Connections of others are none; one that was deleted since may stay named. */
function requireConnections(
  { signIn, connections }: Pick<DomainSettings, 'signIn' | 'connections'>,
  given: readonly string[],
  own: readonly OwnConnection[],
): void {
  const unknown = given.find((slug) => own.every((each) => each.slug !== slug));
  if (unknown !== undefined) throw connectionNotOwned(unknown);
  const isUsed = ({ slug }: OwnConnection): boolean => connections.length === 0 || connections.includes(slug);
  if (signIn !== 'any' && !own.some((each) => each.isOffered && isUsed(each))) throw connectionMissing();
}

function required(typed: string): string {
  const reading = readDomain(typed);
  switch (reading.kind) {
    case 'domain':
      return reading.domain;
    case 'invalid':
      throw domainInvalid();
    case 'public_suffix':
      throw domainIsPublicSuffix();
    case 'free_mail':
      throw domainIsFreeMail();
    default:
      return unreachable(reading);
  }
}

/** Members of events about a domain. */
export function eventAbout({ id, organizationId, domain }: OrganizationDomain, by: By) {
  return {
    ...by,
    subject: { type: 'organization', id: organizationId },
    organizationId,
    details: { domain, domain_id: id },
  };
}
