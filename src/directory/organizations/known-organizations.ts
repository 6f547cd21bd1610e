import { type Cache, createCache, keptWhenFound } from '#kernel/cache.ts';
import { type Clock, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, parseId, toUuid } from '#kernel/ids.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { UserId } from '#directory/users/module.ts';
import { MOST_KEPT_MEMBERSHIPS, MOST_KEPT_ORGANIZATIONS } from './limits.ts';
import type { Organization, OrganizationId } from './organization.ts';

/** An organization as tokens and pages need it. */
type KnownOrganization = Readonly<Pick<Organization, 'id' | 'slug' | 'name' | 'status' | 'publicMetadata'>>;

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'onCommit'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
};

/**
 * Organizations and memberships from memory: they are asked about with every token for an organization. After each transaction
 * this process forgets all of them; other processes learn of every change by triggers of the tables, which no writer can forget.
 */
export class KnownOrganizations {
  readonly #database: Pick<Database, 'sql'>;
  readonly #organizations: Cache<KnownOrganization | null>;
  readonly #memberships: Cache<{ since: number } | null>;

  constructor({ clock, database, invalidation }: Dependencies) {
    this.#database = database;
    // The triggers name both.
    const kept = { clock, invalidation, ttl: keptWhenFound };
    this.#organizations = createCache<KnownOrganization | null>({
      ...kept,
      name: 'organizations',
      maxEntries: MOST_KEPT_ORGANIZATIONS,
    });
    this.#memberships = createCache<{ since: number } | null>({
      ...kept,
      name: 'memberships',
      maxEntries: MOST_KEPT_MEMBERSHIPS,
    });
    database.onCommit(() => {
      this.#organizations.clear();
      this.#memberships.clear();
    });
  }

  /** By its id, or by a slug that it has or had; in whatever state. */
  async find(idOrSlug: string): Promise<KnownOrganization | null> {
    const id = parseId('org', idOrSlug);
    if (id !== null) return this.findById(id);
    const [row] = await this.#database.sql<{ id: string }>(
      'select organization_id as id from organization_slug where slug = $1',
      [idOrSlug],
    );
    return row ? this.findById(fromUuid('org', row.id)) : null;
  }

  async findById(id: OrganizationId): Promise<KnownOrganization | null> {
    const uuid = toUuid(id);
    return this.#organizations.get(uuid, async () => {
      const [row] = await this.#database.sql<Omit<KnownOrganization, 'id'>>(
        'select slug, name, status, public_metadata as "publicMetadata" from organization where id = $1',
        [uuid],
      );
      return row ? { ...row, id } : null;
    });
  }

  /** Since when a user belongs to the organization (NumericDate); null for a user who does not. */
  async memberSince(organizationId: OrganizationId, userId: UserId): Promise<number | null> {
    const [organization, user] = [toUuid(organizationId), toUuid(userId)];
    const found = await this.#memberships.get(`${organization} ${user}`, async () => {
      const [row] = await this.#database.sql<{ created_at: Date }>(
        'select created_at from organization_member where organization_id = $1 and user_id = $2',
        [organization, user],
      );
      return row ? { since: Math.floor(row.created_at.getTime() / SECOND) } : null;
    });
    return found?.since ?? null;
  }
}
