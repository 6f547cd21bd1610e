import type { OrganizationId } from '#directory/organizations/module.ts';
import { type Cache, createCache } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { DomainSignIn, Joining } from './domain.ts';
import { KNOWN_DOMAIN_KEPT_FOR, MOST_KNOWN_DOMAINS } from './limits.ts';

/** The organization that owns a domain, and what users with an address there may do and must do. */
type DomainOwner = {
  organizationId: OrganizationId;
  joining: Joining;
  signIn: DomainSignIn;
  /** The slugs of the connections that the domain names; none where it takes all of the organization. */
  connections: readonly string[];
};

/** Changes of a domain are told to every node under it, by the name of the domain. */
export const DOMAINS_TOPIC = 'organization-domains';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
};

/** Owners of domains, from memory: every sign-in asks, and most domains have none. */
export class KnownDomains {
  readonly #database: Pick<Database, 'sql'>;
  readonly #cache: Cache<DomainOwner | null>;

  constructor({ clock, database, invalidation }: Dependencies) {
    this.#database = database;
    this.#cache = createCache({
      name: DOMAINS_TOPIC,
      clock,
      invalidation,
      maxEntries: MOST_KNOWN_DOMAINS,
      ttl: KNOWN_DOMAIN_KEPT_FOR,
    });
  }

  /** The domains of an organization that demand a connection and take none of these (slugs), as a transaction sees them. */
  async demandingOtherThan(
    em: EntityManager,
    organizationId: OrganizationId,
    connections: readonly string[],
  ): Promise<string[]> {
    const rows = await em.execute<{ domain: string }[]>(
      `select domain from organization_domain d
       where organization_id = ? and sign_in <> 'any' and verified_at is not null and not exists (
         select 1 from jsonb_array_elements_text(?::jsonb) slug where d.connections = '{}' or slug = any(d.connections))
       order by domain`,
      [toUuid(organizationId), JSON.stringify(connections)],
    );
    return rows.map(({ domain }) => domain);
  }

  /** Null for a domain that no organization has verified. A writer checks it again. */
  async ownerOf(domain: string): Promise<DomainOwner | null> {
    return this.#cache.get(domain, async () => {
      const [row] = await this.#database.sql<Omit<DomainOwner, 'organizationId'> & { organizationId: string }>(
        `select organization_id as "organizationId", joining, sign_in as "signIn", connections from organization_domain
         where domain = $1 and verified_at is not null`,
        [domain],
      );
      return row ? { ...row, organizationId: fromUuid('org', row.organizationId) } : null;
    });
  }
}
