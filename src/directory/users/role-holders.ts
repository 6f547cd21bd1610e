import type { EntityManager } from '#kernel/database.ts';
import { fromUuid } from '#kernel/ids.ts';
import type { Role } from './role.ts';
import type { UserId } from './user.ts';

const FLAGS = { administrator: 'is_administrator' } as const satisfies Record<Role, string>;

/** Which users hold a role, for rules about all of them together. */
export class RoleHolders {
  /** Whether any user holds it, in whatever state. */
  async exist(em: EntityManager, role: Role): Promise<boolean> {
    return (await em.execute<unknown[]>(`select 1 from users where ${FLAGS[role]} limit 1`)).length > 0;
  }

  /** Active users with the role. Their rows are locked, so that only one of the last two can give it up. */
  async lock(em: EntityManager, role: Role): Promise<readonly UserId[]> {
    const rows = await em.execute<{ id: string }[]>(
      `select id from users where ${FLAGS[role]} and status = 'active' and deletes_at is null order by id for update`,
    );
    return rows.map(({ id }) => fromUuid('usr', id));
  }
}
