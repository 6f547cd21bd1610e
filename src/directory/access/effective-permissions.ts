import type { By } from '#audit/module.ts';
import type { OrganizationId } from '#directory/organizations/organization.ts';
import type { UserId } from '#directory/users/module.ts';
import { type Cache, createCache, UNTOLD_CHANGE_SEEN_AFTER } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import { MOST_KEPT_SUBJECTS } from './limits.ts';
import { expanded, isOfOrganizations, type Scope } from './permission.ts';

type Held = {
  permissions: ReadonlySet<string>;
  /** Names, with inherited ones. */
  roles: readonly string[];
  /** When one of the assignments ends. */
  endsAt: Date | null;
};
/** By place: the instance and each organization that was asked for. */
type HeldBySubject = Map<string, Promise<Held>>;
/** The columns `of_user` and `of_client` of the database function. */
type Subject = { user: string | null; client: string | null };
type Row = { name: string; permissions: string[]; isLocal: boolean; endsAt: Date | null };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'onCommit'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
};

const ON_INSTANCE = '';

/**
 * Answers which permissions users and machine clients have on the instance (null) or in an organization: their own assignments count,
 * the assignments of their groups, and inherited roles. Kept in memory; triggers of the tables tell every process of changes.
 */
export class EffectivePermissions {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #cache: Cache<HeldBySubject>;

  constructor({ clock, database, invalidation }: Dependencies) {
    this.#clock = clock;
    this.#database = database;
    this.#cache = createCache({
      // The triggers name it too.
      name: 'access',
      clock,
      invalidation,
      maxEntries: MOST_KEPT_SUBJECTS,
      ttl: UNTOLD_CHANGE_SEEN_AFTER,
    });
    // The embedded database tells nothing, and an act sees what the one before did in this process.
    database.onCommit(() => this.#cache.clear());
  }

  /**
   * A disabled user has none. In an organization the roles of a member count, and roles on the instance that name permissions of
   * organizations. The scope of an API is `<audience> <scope>`.
   */
  async permissionsOf(userId: UserId, organizationId: OrganizationId | null): Promise<ReadonlySet<string>> {
    return (await this.#heldBy(ofUser(userId), organizationId)).permissions;
  }

  /** The names of the roles there, inherited ones included. In an organization those on the instance do not count. */
  async rolesOf(userId: UserId, organizationId: OrganizationId | null): Promise<readonly string[]> {
    return (await this.#heldBy(ofUser(userId), organizationId)).roles;
  }

  async permissionsOfClient(clientId: string, organizationId: OrganizationId | null): Promise<ReadonlySet<string>> {
    return (await this.#heldBy({ user: null, client: clientId }, organizationId)).permissions;
  }

  async rolesOfClient(clientId: string, organizationId: OrganizationId | null): Promise<readonly string[]> {
    return (await this.#heldBy({ user: null, client: clientId }, organizationId)).roles;
  }

  async can(userId: UserId, permission: string, scope: Scope): Promise<boolean> {
    const organizationId = scope === 'instance' ? null : (scope.organization as OrganizationId);
    return (await this.permissionsOf(userId, organizationId)).has(permission);
  }

  /** The rights of the user now, as an actor has them: on the instance, and in the organization if one is given. */
  async mayOf(userId: UserId, organizationId: OrganizationId | null): Promise<NonNullable<By['may']>> {
    const onInstance = await this.permissionsOf(userId, null);
    return this.mayBy(userId, onInstance, organizationId);
  }

  /** The same where the permissions on the instance were read with the user. */
  async mayBy(
    userId: UserId,
    onInstance: ReadonlySet<string>,
    organizationId: OrganizationId | null,
  ): Promise<NonNullable<By['may']>> {
    const there = organizationId === null ? null : await this.permissionsOf(userId, organizationId);
    return (permission, organization) => {
      if (organization === undefined) return onInstance.has(permission);
      if (organization === organizationId) return there?.has(permission) === true;
      return permission.startsWith('organization.') && onInstance.has(permission);
    };
  }

  async #heldBy(subject: Subject, organizationId: OrganizationId | null): Promise<Held> {
    const places = await this.#cache.get(subject.user ?? subject.client ?? '', async () => new Map());
    // A client may be named like a user.
    const place = `${subject.user === null ? 'client' : 'user'} ${organizationId ?? ON_INSTANCE}`;
    const kept = places.get(place);
    if (kept !== undefined) {
      const held = await kept;
      if (held.endsAt === null || held.endsAt > this.#clock.now()) return held;
    }
    const read = this.#read(subject, organizationId);
    places.set(place, read);
    // A refused statement is not kept.
    read.catch(() => places.get(place) === read && places.delete(place));
    return read;
  }

  async #read({ user, client }: Subject, organizationId: OrganizationId | null): Promise<Held> {
    const rows = await this.#database.sql<Row>(
      `select held_name as name, held_permissions as permissions, is_local as "isLocal", ends_at as "endsAt"
       from access_roles($1, $2, $3, $4)
       where $1::uuid is null or exists (select 1 from users u where u.id = $1 and u.status = 'active')`,
      [user, client, organizationId === null ? null : toUuid(organizationId), this.#clock.now()],
    );
    const isLocal = organizationId !== null;
    const there = rows.filter((row) => row.isLocal === isLocal);
    return {
      permissions: isLocal ? inOrganization(rows) : new Set(expanded(there.flatMap((row) => row.permissions))),
      roles: [...new Set(there.map(({ name }) => name))].toSorted(),
      endsAt: rows[0]?.endsAt ?? null,
    };
  }
}

const ofUser = (userId: UserId): Subject => ({ user: toUuid(userId), client: null });

/** A role on the instance brings scopes of APIs there alone. */
function inOrganization(rows: readonly Row[]): ReadonlySet<string> {
  const everywhere = expanded(rows.filter(({ isLocal }) => !isLocal).flatMap(({ permissions }) => permissions));
  const local = rows.filter(({ isLocal }) => isLocal).flatMap(({ permissions }) => permissions);
  return new Set(
    [...[...everywhere].filter((name) => name.startsWith('organization.')), ...local].filter(isOfOrganizations),
  );
}
