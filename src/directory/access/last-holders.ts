import type { MemberRoles } from '#directory/organizations/member-roles.ts';
import type { RoleHolders, UserId } from '#directory/users/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { Place } from './access-scope.ts';
import { SUPER_ADMIN_ID, TENANT_OWNER_ID } from './built-in-roles.ts';

type Dependencies = {
  members: Pick<MemberRoles, 'requireAnotherOwner'>;
  administrators: Pick<RoleHolders, 'requireAnother'>;
};

/** The roles that always have a holder: owner of an organization, and administrator of the instance. */
export class LastHolders {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * To be asked in the transaction that takes a role from a user, before it is taken and with the place locked.
   * Throws organizations.last_owner, users.last_administrator.
   */
  async requireAnother(em: EntityManager, place: Place, userId: UserId, roleId: string): Promise<void> {
    const { members, administrators } = this.#deps;
    if (place !== null && roleId === TENANT_OWNER_ID) await members.requireAnotherOwner(em, place, userId);
    if (place === null && roleId === SUPER_ADMIN_ID) await administrators.requireAnother(em, userId);
  }
}
