import type { By } from '#audit/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { lastAdministrator, lastOwner, rightsMissing, roleNotHeld, userNotFound } from './errors.ts';
import { type Role, ROLE_COLUMNS, type RoleHolder, roleHolderOf, type RoleRow } from './role.ts';
import type { UserId } from './user.ts';

const FLAGS = { administrator: 'is_administrator' } as const satisfies Record<Role, string>;

/** Which permissions roles and other permissions bring; the slice access says it. */
export type Rights = {
  broughtBy(roles: readonly Role[]): readonly string[];
  expanded(permissions: readonly string[]): Iterable<string>;
};

type OwnedOrganization = { id: string; name: string };
/** The organizations of owners; the slice access knows them. */
export type Owners = {
  /** Locks the organizations of the user, so that simultaneous acts see one another. */
  lockOwned(em: EntityManager, id: UserId): Promise<void>;
  /** The organizations that have no other active owner than this user. Locks the user, after `lockOwned`. */
  onlyOwnedBy(em: EntityManager, id: UserId): Promise<readonly OwnedOrganization[]>;
};

/** The users who hold roles: which acts on them are refused, whatever page, operation or job performs the act. */
export class RoleHolders {
  readonly #database: Pick<Database, 'sql'>;
  readonly #rights: Rights;
  readonly #owners: Owners;

  constructor(database: Pick<Database, 'sql'>, rights: Rights, owners: Owners) {
    this.#database = database;
    this.#rights = rights;
    this.#owners = owners;
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

  /** The same as a question about many users: which of them have a permission that the actor lacks. */
  async outranking(em: EntityManager, ids: readonly UserId[], by: By): Promise<ReadonlySet<UserId>> {
    const rows = await em.execute<(RoleRow & { id: string })[]>(
      `select u.id, ${ROLE_COLUMNS} from users u where u.id = any(?::uuid[])`,
      [`{${ids.map(toUuid).join(',')}}`],
    );
    return new Set(rows.filter((row) => !this.#mayAll(row.permissions, by)).map(({ id }) => fromUuid('usr', id)));
  }

  /** @throws AppError users.role_not_held, where the actor lacks a permission that one of these roles brings. */
  requireGivable(roles: readonly Role[], by: By): void {
    if (!this.#mayAll(this.#rights.broughtBy(roles), by)) throw roleNotHeld();
  }

  /**
   * To be asked in the transaction in which a user can no longer act: disabled, or closed by its owner. An administrator of the instance
   * is left, and an owner in each organization of the user; `isForced` leaves organizations without one, and answers which.
   * @throws AppError users.last_administrator, users.last_owner.
   */
  async requireAnother(
    em: EntityManager,
    id: UserId,
    { isForced = false } = {},
  ): Promise<readonly OwnedOrganization[]> {
    // In every act the same order: organizations, administrators, users.
    await this.#owners.lockOwned(em, id);
    await this.requireAnotherAdministrator(em, id);
    const owned = await this.#owners.onlyOwnedBy(em, id);
    if (owned.length > 0 && !isForced) throw lastOwner(owned);
    return owned;
  }

  /**
   * The same for the administrators alone, where the role is taken. All of them are locked, always in the same order, so that
   * simultaneous acts see one another.
   * @throws AppError users.last_administrator.
   */
  async requireAnotherAdministrator(em: EntityManager, id: UserId): Promise<void> {
    if (await this.isLastActing(em, id)) throw lastAdministrator();
  }

  /** The same as a question: whether no other active user has a role of this one on the instance. */
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

/** The user of an operation on a part of a user, such as a session or a passkey. */
export class ManagedUsers {
  readonly #users: { findById(id: UserId): Promise<object | null> };
  readonly #roleHolders: Pick<RoleHolders, 'requireRightsOver'>;

  constructor({
    users,
    roleHolders,
  }: {
    users: { findById(id: UserId): Promise<object | null> };
    roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
  }) {
    this.#users = users;
    this.#roleHolders = roleHolders;
  }

  /** To be asked before a part is shown. Throws users.not_found. */
  async requireKnown(id: UserId): Promise<void> {
    if ((await this.#users.findById(id)) === null) throw userNotFound();
  }

  /** To be asked before a part is changed. Throws users.not_found, users.rights_missing. */
  async requireChangeable(id: UserId, by: By): Promise<void> {
    await this.requireKnown(id);
    await this.#roleHolders.requireRightsOver(id, by);
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
