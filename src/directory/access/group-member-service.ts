import type { AuditLog, By } from '#audit/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { type Page, type PageRequest } from '#kernel/operations/list-operation.ts';
import { readSqlPage } from '#kernel/operations/sql-page.ts';
import { lockPlace, type Place } from './access-scope.ts';
import { groupMemberNotFound } from './errors.ts';
import { groupMemberAdded, groupMemberRemoved } from './events.ts';
import { type GroupId, requireGrantable, takeGroup } from './group-service.ts';
import { keepingOwners } from './owners.ts';
import type { Rights } from './rights.ts';
import { requirePerson } from './rights.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  rights: Pick<Rights, 'requireOver'>;
};
type GroupMember = { userId: UserId; createdAt: Date };
type Row = { userId: string; createdAt: Date };
const COLUMNS = 'm.user_id as "userId", m.created_at as "createdAt"';
const shown = (row: Row): GroupMember => ({ ...row, userId: fromUuid('usr', row.userId) });

/** The members of groups. Members of a group of an organization are members of the organization. */
export class GroupMemberService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** A page of the direct members. The caller has found the group. */
  async page(id: GroupId, page: PageRequest<'user_id' | 'added_at'>): Promise<Page<GroupMember>> {
    return readSqlPage<Row, GroupMember>(this.#deps.database, page, {
      statement: (what) => `select ${what} from user_group_member m where m.group_id = $1`,
      values: [toUuid(id)],
      columns: COLUMNS,
      order: page.sort === 'user_id' ? ['m.user_id'] : ['m.created_at', 'm.user_id'],
      show: shown,
    });
  }

  /** A direct member. The caller has found the group. Throws groups.member_not_found. */
  async require(id: GroupId, userId: UserId): Promise<GroupMember> {
    const [row] = await this.#deps.database.sql<Row>(
      `select ${COLUMNS} from user_group_member m where m.group_id = $1 and m.user_id = $2`,
      [toUuid(id), toUuid(userId)],
    );
    if (!row) throw groupMemberNotFound();
    return shown(row);
  }

  /**
   * Changes nothing for a user who is in the group.
   * Throws groups.not_found, users.not_found, organizations.member_not_found, access.permissions_not_held.
   */
  async add(place: Place, id: GroupId, userId: UserId, by: By): Promise<void> {
    const { clock, database, audit, rights } = this.#deps;
    await rights.requireOver(userId, place, by);
    await database.transaction(async (em) => {
      await lockPlace(em, place);
      const group = await takeGroup(em, place, id);
      await requirePerson(em, place, userId);
      await requireGrantable(em, [id], clock.now(), by);
      const added = await em.execute<unknown[]>(
        `insert into user_group_member (group_id, user_id, created_at) values (?, ?, ?)
         on conflict (group_id, user_id) do nothing returning 1`,
        [toUuid(id), toUuid(userId), clock.now()],
      );
      if (added.length > 0) await audit.record(em, groupMemberAdded(of(userId, place, group.name, id, by)));
    });
  }

  /** Throws groups.not_found, groups.member_not_found, access.permissions_not_held, organizations.last_owner. */
  async remove(place: Place, id: GroupId, userId: UserId, by: By): Promise<void> {
    const { clock, database, audit, rights } = this.#deps;
    await rights.requireOver(userId, place, by);
    await database.transaction(async (em) => {
      await lockPlace(em, place);
      const group = await takeGroup(em, place, id);
      await requireGrantable(em, [id], clock.now(), by);
      const removed = await keepingOwners(em, place, { group: toUuid(id) }, () =>
        em.execute<unknown[]>('delete from user_group_member where group_id = ? and user_id = ? returning 1', [
          toUuid(id),
          toUuid(userId),
        ]),
      );
      if (removed.length === 0) throw groupMemberNotFound();
      await audit.record(em, groupMemberRemoved(of(userId, place, group.name, id, by)));
    });
  }
}

const of = (userId: UserId, place: Place, group: string, id: GroupId, by: By) => ({
  ...by,
  subject: { type: 'user', id: userId },
  ...(place === null ? {} : { organizationId: place }),
  details: { group_id: id, group },
});
