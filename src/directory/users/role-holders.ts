import type { By } from '#audit/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { lastAdministrator, rightsMissing, roleNotHeld } from './errors.ts';
import { type Role, ROLE_COLUMNS, type RoleHolder, roleHolderOf, type RoleRow } from './role.ts';
import type { UserId } from './user.ts';

const FLAGS = { administrator: 'is_administrator' } as const satisfies Record<Role, string>;

/** Which permissions roles and other permissions bring; the slice access says it. */
export type Rights = {
  broughtBy(roles: readonly Role[]): readonly string[];
  expanded(permissions: readonly string[]): Iterable<string>;
};

/** The users who hold roles: which acts on them are refused, whatever page, operation or job performs the act. */
export class RoleHolders {
  readonly #database: Pick<Database, 'sql'>;
  readonly #rights: Rights;

  constructor(database: Pick<Database, 'sql'>, rights: Rights) {
    this.#database = database;
    this.#rights = rights;
  }

  /** Whether any user holds it, in whatever state. */
  async exist(em: EntityManager, role: Role): Promise<boolean> {
    return (await em.execute<unknown[]>(`select 1 from users where ${FLAGS[role]} limit 1`)).length > 0;
  }

  /**
   * To be asked before an act on another user: the actor has every permission on the instance that the user has, also when this
   * user is disabled. Nothing is refused for a user without a role, or one who does not exist.
   * @throws AppError users.rights_missing.
   */
  async requireRightsOver(id: UserId, by: By): Promise<void> {
    const [row] = await this.#database.sql<RoleRow>(`select ${ROLE_COLUMNS} from users u where u.id = $1`, [
      toUuid(id),
    ]);
    if (row && !this.#mayAll(row.permissions, by)) throw rightsMissing();
  }

  /** @throws AppError users.role_not_held, where the actor lacks a permission that one of these roles brings. */
  requireGivable(roles: readonly Role[], by: By): void {
    if (!this.#mayAll(this.#rights.broughtBy(roles), by)) throw roleNotHeld();
  }

  /**
   * To be asked in the transaction in which a user can no longer act by a role: disabled, closed, erased, or without the role.
   * Another user must be left who can. All of them are locked, always in the same order and before the user's own row, so that
   * of two acts at once the second one sees the first.
   * @throws AppError users.last_administrator.
   */
  async requireAnother(em: EntityManager, id: UserId): Promise<void> {
    if (await this.isLastActing(em, id)) throw lastAdministrator();
  }

  /** The same as a question: whether no other active user has a role of this one. */
  async isLastActing(em: EntityManager, id: UserId): Promise<boolean> {
    const holder = await readHolder(em, id);
    if (holder?.status !== 'active') return false;
    for (const role of holder.roles) {
      const acting = await lockActing(em, role);
      if (acting.every((other) => other === id)) return true;
    }
    return false;
  }

  #mayAll(permissions: readonly string[], { may }: By): boolean {
    return [...this.#rights.expanded(permissions)].every((permission) => may?.(permission) === true);
  }
}

async function readHolder(em: EntityManager, id: UserId): Promise<RoleHolder | null> {
  const [row] = await em.execute<RoleRow[]>(`select ${ROLE_COLUMNS} from users u where u.id = ?`, [toUuid(id)]);
  return row ? roleHolderOf(row) : null;
}

/** Those who can act by the role. An account that its owner has closed cannot: it may be gone before its owner calls that off. */
async function lockActing(em: EntityManager, role: Role): Promise<readonly UserId[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select id from users where ${FLAGS[role]} and status = 'active' and deletes_at is null order by id for update`,
  );
  return rows.map(({ id }) => fromUuid('usr', id));
}
