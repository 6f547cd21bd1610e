import type { By } from '#audit/module.ts';
import { requireMembership } from '#directory/organizations/membership.ts';
import { lockUser, type UserId } from '#directory/users/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import type { EntityManager } from '#kernel/database.ts';
import { type Place, requireRank } from './access-scope.ts';

/** The effective permissions of a user in a place. */
type PermissionsOf = (userId: UserId, place: Place) => Promise<ReadonlySet<string>>;

/** Which users an actor may change in a place. */
export class Rights {
  readonly #permissionsOf: PermissionsOf;

  constructor(permissionsOf: PermissionsOf) {
    this.#permissionsOf = permissionsOf;
  }

  /** To be asked before a transaction: the actor has the rank of the user there. Throws access.permissions_not_held. */
  async requireOver(userId: UserId, place: Place, by: By): Promise<void> {
    requireRank(await this.#permissionsOf(userId, place), place, by);
  }
}

/** A user who can have roles in the place: a member of the organization. Throws users.not_found, organizations.member_not_found. */
export async function requirePerson(em: EntityManager, place: Place, userId: UserId): Promise<void> {
  if (place !== null) return requireMembership(em, place, userId);
  if (!(await lockUser(em, userId))) throw userNotFound();
}
