import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { ROLE_COLUMNS, type RoleHolder, roleHolderOf, type RoleRow } from './role.ts';
import { User, type UserId } from './user.ts';

/** The user as the transaction sees them now. */
export async function readUser(em: EntityManager, id: UserId): Promise<User | null> {
  return em.findOne(User, { id }, { refresh: true });
}

/** Locks a user until the transaction ends, so that with two acts on one account the second one sees the first. */
export async function lockUser(em: EntityManager, id: UserId): Promise<RoleHolder | null> {
  const [row] = await em.execute<RoleRow[]>(`select ${ROLE_COLUMNS} from users u where u.id = ? for update`, [
    toUuid(id),
  ]);
  return row ? roleHolderOf(row) : null;
}
