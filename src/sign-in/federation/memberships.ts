import type { By } from '#audit/module.ts';
import type { Profile, UserId } from '#directory/users/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import type { Id } from '#kernel/ids.ts';
import type { Upstream } from '#sign-in/interaction/module.ts';

type Asserted = NonNullable<Upstream['membership']>;
type Source = { organizationId: Id<'org'>; userId: UserId; giver: string };

export type MembershipDependencies = {
  /** Active members alone. */
  isMember(organizationId: Id<'org'>, userId: UserId): Promise<boolean>;
  members: {
    /** Throws organizations.already_member, roles.not_found. */
    addIn(
      em: EntityManager,
      organizationId: Id<'org'>,
      userId: UserId,
      roles: readonly string[],
      source: 'connection',
      by: By,
    ): Promise<void>;
  };
  followedRoles: {
    givenBy(source: Source): Promise<readonly string[]>;
    follow(em: EntityManager, source: Source, roles: readonly string[], by: By): Promise<void>;
  };
  details: { changeOwn(id: UserId, change: { profile: Profile }, by: By): Promise<void> };
};

/** Members of an organization by its connection: they join at a sign-in, and their roles and names follow the provider. */
export class FollowedMemberships {
  readonly #deps: MembershipDependencies;

  constructor(dependencies: MembershipDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Whether a sign-in changes nothing. To be asked before a transaction: of most sign-ins nothing is written, and the row of the organization
   * is not locked.
   */
  async isSettled(userId: UserId, asserted: Asserted | null): Promise<boolean> {
    if (!asserted) return true;
    const { organizationId, giver, followsProvider, mappedRoles } = asserted;
    if (!(await this.#deps.isMember(organizationId, userId))) return false;
    if (!followsProvider) return true;
    const given = await this.#deps.followedRoles.givenBy({ organizationId, userId, giver });
    return given.length === mappedRoles.length && given.every((role) => mappedRoles.includes(role));
  }

  /** In the transaction of the sign-in, ahead of its other writes. */
  async settle(em: EntityManager, userId: UserId, asserted: Asserted | null, by: By): Promise<void> {
    if (!asserted) return;
    const { organizationId, giver, mayJoin, defaultRoles, mappedRoles, followsProvider } = asserted;
    const isNew = mayJoin && (await this.#join(em, userId, organizationId, defaultRoles, by));
    if (isNew || followsProvider)
      await this.#deps.followedRoles.follow(em, { organizationId, userId, giver }, mappedRoles, by);
  }

  /** After a sign-in that was not the first one: names are those at the provider. */
  async rename(
    user: { id: UserId; profile: Profile },
    asserted: Asserted | null,
    names: Upstream['profile'],
    by: By,
  ): Promise<void> {
    if (!asserted?.followsProvider) return;
    const entries = Object.entries(names).filter(([claim, value]) => user.profile[claim as keyof Profile] !== value);
    if (entries.length > 0) await this.#deps.details.changeOwn(user.id, { profile: Object.fromEntries(entries) }, by);
  }

  async #join(
    em: EntityManager,
    userId: UserId,
    organizationId: Id<'org'>,
    roles: readonly string[],
    by: By,
  ): Promise<boolean> {
    try {
      await this.#deps.members.addIn(em, organizationId, userId, roles, 'connection', by);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.code === 'organizations.already_member') return false;
      throw error;
    }
  }
}
