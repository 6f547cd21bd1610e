import type { OrganizationId } from '#directory/organizations/module.ts';
import { type Cache, createCache, UNTOLD_CHANGE_SEEN_AFTER } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import { Connection, type ConnectionId } from './connection.ts';
import { MOST_KNOWN_LISTS } from './limits.ts';
import type { ProviderName } from './providers/provider.ts';
import { isConfigured } from './connection-rules.ts';

/** A connection as pages show it. */
export type OfferedConnection = Readonly<{ id: ConnectionId; slug: string; name: string; provider: ProviderName }>;
type KnownConnection = OfferedConnection & { isOffered: boolean };

/** Changes are told to every node under it, by the organization or `instance`. */
export const CONNECTIONS_TOPIC = 'connections';
/** The list of one connection of any organization. */
export const OF_ORGANIZATIONS = 'organizations';
/** The name of the list in which a connection stands. */
export const listOf = (organizationId: OrganizationId | null): string => organizationId ?? 'instance';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
};

/** The connections of the instance and of organizations, from memory: every sign-in page shows some. */
export class KnownConnections {
  readonly #database: Pick<Database, 'em'>;
  readonly #cache: Cache<readonly KnownConnection[]>;

  constructor({ clock, database, invalidation }: Dependencies) {
    this.#database = database;
    this.#cache = createCache({
      name: CONNECTIONS_TOPIC,
      clock,
      invalidation,
      maxEntries: MOST_KNOWN_LISTS,
      ttl: UNTOLD_CHANGE_SEEN_AFTER,
    });
  }

  /** The enabled and configured connections of the instance, or of one organization, in their order. */
  async offered(organizationId: OrganizationId | null): Promise<readonly OfferedConnection[]> {
    return (await this.#listed(organizationId)).flatMap(({ isOffered, ...offered }) => (isOffered ? [offered] : []));
  }

  /** All of one organization, in whatever state. */
  ofOrganization(organizationId: OrganizationId): Promise<readonly KnownConnection[]> {
    return this.#listed(organizationId);
  }

  /** Whether any organization has a connection that is enabled. */
  async haveOrganizations(): Promise<boolean> {
    const some = await this.#cache.get(OF_ORGANIZATIONS, async () => {
      const where = { organizationId: { $ne: null }, enabled: true };
      return (await this.#database.em().find(Connection, where, { limit: 1 })).map(knownOf);
    });
    return some.length > 0;
  }

  #listed(organizationId: OrganizationId | null): Promise<readonly KnownConnection[]> {
    return this.#cache.get(listOf(organizationId), async () => {
      const order = { position: 'asc', id: 'asc' } as const;
      return (await this.#database.em().find(Connection, { organizationId }, { orderBy: order })).map(knownOf);
    });
  }

  /** In whatever state: users have identities of connections that are disabled. */
  async describe(ids: readonly ConnectionId[]): Promise<ReadonlyMap<ConnectionId, KnownConnection>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#database.em().find(Connection, { id: { $in: [...ids] } });
    return new Map(rows.map((row) => [row.id, knownOf(row)]));
  }
}

const knownOf = (row: Connection): KnownConnection => ({
  id: row.id,
  slug: row.slug,
  name: row.name,
  provider: row.provider,
  isOffered: row.enabled && isConfigured(row),
});
