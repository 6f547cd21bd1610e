import { readUser, lockUser, type UserId, type UserService } from '#directory/users/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Policies } from '#settings/module.ts';
import { creationRefused, tooManyCreated } from './errors.ts';

type Dependencies = {
  database: Pick<Database, 'sql'>;
  policies: Policies<'organizations'>;
  users: Pick<UserService, 'findById'>;
};

const COUNT = 'select count(*)::int as made from organization o where o.created_by =';

/** Which users may create organizations by themselves. */
export class OrganizationCreators {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Whether the setting and the user's right allow one more. */
  async mayCreate(userId: UserId): Promise<boolean> {
    const { creation, createdPerUser } = this.#policyOf(userId);
    if (creation === 'off') return false;
    const user = await this.#deps.users.findById(userId);
    if (user?.status !== 'active' || (creation === 'permitted' && !user.canCreateOrganizations)) return false;
    const [row] = await this.#deps.database.sql<{ made: number }>(`${COUNT} $1`, [toUuid(userId)]);
    return row!.made < createdPerUser;
  }

  /**
   * To be asked in the transaction that creates an organization. It locks the user's row, so that two creations at
   * once count each other. Throws organizations.creation_refused, organizations.too_many.
   */
  async requireMayCreate(em: EntityManager, userId: UserId): Promise<void> {
    const { creation, createdPerUser } = this.#policyOf(userId);
    if (creation === 'off') throw creationRefused();
    await lockUser(em, userId);
    const user = await readUser(em, userId);
    if (user?.status !== 'active' || (creation === 'permitted' && !user.canCreateOrganizations))
      throw creationRefused();
    const [row] = await em.execute<{ made: number }[]>(`${COUNT} ?`, [toUuid(userId)]);
    if (row!.made >= createdPerUser) throw tooManyCreated();
  }

  #policyOf(user: UserId) {
    return this.#deps.policies.for({ user }).organizations;
  }
}
