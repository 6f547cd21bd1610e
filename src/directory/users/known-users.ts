import { type Cache, createCache, UNTOLD_CHANGE_SEEN_AFTER } from '#kernel/cache.ts';
import { type Clock, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { parseId, toUuid } from '#kernel/ids.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import { MOST_KEPT_USERS } from './limits.ts';
import type { UserId, User } from './user.ts';
import type { Property } from '#settings/module.ts';
import { ROLE_COLUMNS, type RoleHolder, type RoleRow, withRoles } from './role.ts';
import { shownProperties } from './property-fields.ts';

/** The data of claims, and whether the user may have any. */
export type ClaimSource = Pick<
  User,
  | 'status'
  | 'roles'
  | 'username'
  | 'email'
  | 'emailVerified'
  | 'phoneNumber'
  | 'phoneNumberVerified'
  | 'profile'
  | 'properties'
  | 'updatedAt'
> &
  Pick<RoleHolder, 'permissions'>;

/**
 * Everything that OpenID Connect Core §5.1 lets us say about a user, and what the operator's schema of properties shows to
 * relying parties; the engine keeps what scopes and claims ask for.
 */
export function claimsOf(
  user: Omit<ClaimSource, 'status' | 'roles' | 'permissions'>,
  schema: readonly Property[] = [],
): Record<string, unknown> {
  return {
    ...shownProperties(schema, user.properties),
    ...user.profile,
    ...(user.username === null ? {} : { preferred_username: user.username }),
    ...(user.email ? { email: user.email, email_verified: user.emailVerified } : {}),
    ...(user.phoneNumber ? { phone_number: user.phoneNumber, phone_number_verified: user.phoneNumberVerified } : {}),
    updated_at: Math.floor(user.updatedAt.getTime() / SECOND),
  };
}

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'onCommit'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
};

/**
 * Users as tokens and claims need them, from memory: they are asked with every token. Users change in transactions, after each of
 * which this process forgets all of them; other processes learn of every change by a trigger of the table, which no writer
 * can forget.
 */
export class KnownUsers {
  readonly #database: Pick<Database, 'sql'>;
  readonly #cache: Cache<ClaimSource | null>;

  constructor({ clock, database, invalidation }: Dependencies) {
    this.#database = database;
    this.#cache = createCache({
      // The trigger names it too.
      name: 'users',
      clock,
      invalidation,
      maxEntries: MOST_KEPT_USERS,
      ttl: (user) => (user === null ? 0 : UNTOLD_CHANGE_SEEN_AFTER),
    });
    database.onCommit(() => this.#cache.clear());
  }

  async find(id: UserId): Promise<ClaimSource | null> {
    const uuid = toUuid(id);
    return this.#cache.get(uuid, async () => {
      const [row] = await this.#database.sql<Omit<ClaimSource, 'roles' | 'permissions'> & RoleRow>(
        `select ${ROLE_COLUMNS}, username, email, email_verified as "emailVerified", phone_number as "phoneNumber",
           phone_number_verified as "phoneNumberVerified", profile, properties, updated_at as "updatedAt"
         from users u where u.id = $1`,
        [uuid],
      );
      return row ? withRoles(row) : null;
    });
  }

  /** A user who must be read now, for a sign-in: its tokens ask next. */
  async reread<Read extends ClaimSource>(id: UserId, read: () => Promise<Read | null>): Promise<Read | null> {
    return this.#cache.refresh(toUuid(id), read);
  }

  /** The same for a user who is found by something else than the id. */
  async learn<Read extends ClaimSource & { id: UserId }>(read: () => Promise<Read | null>): Promise<Read | null> {
    return this.#cache.learn(async () => {
      const value = await read();
      return value === null ? null : { key: toUuid(value.id), value };
    });
  }

  async isActive(accountId: string): Promise<boolean> {
    const id = parseId('usr', accountId);
    return id !== null && (await this.find(id))?.status === 'active';
  }

  /** To be called after a change was committed: at once on every node, whichever way to it is open. */
  async changed(id: UserId): Promise<void> {
    await this.#cache.drop(toUuid(id));
  }
}
