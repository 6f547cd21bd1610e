import type { AuditLog, By } from '#audit/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, type Id, newId, toUuid } from '#kernel/ids.ts';
import { containing, type Page, type PageRequest } from '#kernel/operations/list-operation.ts';
import { readSqlPage, sqlFilters } from '#kernel/operations/sql-page.ts';
import { lockPlace, type Place, placeUuid, requireHeld } from './access-scope.ts';
import { groupCycle, groupNameTaken, groupNotFound, tooManyGroups } from './errors.ts';
import { groupChanged, groupCreated, groupDeleted } from './events.ts';
import { MOST_GROUPS } from './limits.ts';
import { keepingOwners } from './owners.ts';
import { circleThrough, grantsOfGroups, uuids } from './role-graph.ts';

export type GroupId = Id<'grp'>;
/** A group as it is shown; its members are also members of the groups in `parents`. */
export type ShownGroup = {
  id: GroupId;
  organizationId: Id<'org'> | null;
  name: string;
  description: string;
  parents: readonly GroupId[];
  createdAt: Date;
};
type NewGroup = {
  name: string;
  description?: string | undefined;
  parents?: readonly GroupId[] | undefined;
};
/** `search`: a part of the name or the description. `parent`, `member`: a group that it is in directly, a user who is in it directly. */
type GroupFilters = { search?: string | undefined; parent?: GroupId | undefined; member?: UserId | undefined };

type GroupChange = { [Member in keyof NewGroup]?: NewGroup[Member] | undefined };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
};

const COLUMNS = `g.id, g.organization_id as "organizationId", g.name, g.description, g.created_at as "createdAt",
  array(select l.parent_id from user_group_parent l where l.group_id = g.id order by l.parent_id) as parents`;
type Row = Omit<ShownGroup, 'id' | 'organizationId' | 'parents'> & {
  id: string;
  organizationId: string | null;
  parents: readonly string[];
};

/** Groups of the instance, and of organizations. A group and the groups that it is in belong to one place. */
export class GroupService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** A page of the groups of a place that match. */
  async page(
    place: Place,
    { search, parent, member }: GroupFilters,
    page: PageRequest<'created_at' | 'name'>,
  ): Promise<Page<ShownGroup>> {
    const { condition, values } = sqlFilters(
      [placeUuid(place)],
      [(named) => `(g.name ilike ${named} or g.description ilike ${named})`, search && containing(search)],
      [
        (named) => `exists (select 1 from user_group_parent l where l.group_id = g.id and l.parent_id = ${named})`,
        parent && toUuid(parent),
      ],
      [
        (named) => `exists (select 1 from user_group_member m where m.group_id = g.id and m.user_id = ${named})`,
        member && toUuid(member),
      ],
    );
    return readSqlPage<Row, ShownGroup>(this.#deps.database, page, {
      statement: (what) =>
        `select ${what} from user_group g
         where (g.organization_id = $1 or ($1::uuid is null and g.organization_id is null)) and ${condition}`,
      values,
      columns: COLUMNS,
      order: page.sort === 'name' ? ['lower(g.name)', 'g.id'] : ['g.id'],
      show: shown,
    });
  }

  /** Throws groups.not_found. */
  async require(place: Place, id: GroupId): Promise<ShownGroup> {
    const [row] = await this.#deps.database.sql<Row>(
      `select ${COLUMNS} from user_group g where g.id = $1 and g.organization_id is not distinct from $2::uuid`,
      [toUuid(id), placeUuid(place)],
    );
    if (!row) throw groupNotFound();
    return shown(row);
  }

  /** Throws groups.name_taken, groups.not_found, groups.too_many, access.permissions_not_held, organizations.not_found. */
  async create(place: Place, input: NewGroup, by: By): Promise<ShownGroup> {
    const { clock, database, audit } = this.#deps;
    const id = newId('grp');
    const now = clock.now();
    await database.transaction(async (em) => {
      await lockPlace(em, place);
      const [{ many } = { many: 0 }] = await em.execute<{ many: number }[]>(
        'select count(*)::int as many from user_group where organization_id is not distinct from ?::uuid',
        [placeUuid(place)],
      );
      if (many >= MOST_GROUPS) throw tooManyGroups();
      await requireFreeName(em, place, input.name);
      const parents = await this.#requireParents(em, place, input.parents ?? [], by);
      await em.execute(
        `insert into user_group (id, organization_id, name, description, created_at, updated_at) values (?, ?, ?, ?, ?, ?)`,
        [toUuid(id), placeUuid(place), input.name, input.description ?? '', now, now],
      );
      await setParents(em, id, parents);
      const after = { name: input.name, description: input.description ?? '', parents };
      await audit.record(em, groupCreated({ ...about(id, place, by), details: { after } }));
    });
    return this.require(place, id);
  }

  /** Throws groups.not_found, groups.name_taken, groups.cycle, access.permissions_not_held, organizations.last_owner. */
  async change(place: Place, id: GroupId, change: GroupChange, by: By): Promise<ShownGroup> {
    const { clock, database, audit } = this.#deps;
    await database.transaction(async (em) => {
      await lockPlace(em, place);
      const before = shown(await takeGroup(em, place, id));
      const name = change.name ?? before.name;
      if (name !== before.name) await requireFreeName(em, place, name);
      const parents = change.parents && (await this.#requireParents(em, place, change.parents, by));
      await requireGrantable(em, [id], clock.now(), by);
      const circle = parents && (await circleThrough(em, 'group', toUuid(id), parents.map(toUuid)));
      if (circle) throw groupCycle(circle);
      const after = { name, description: change.description ?? before.description, parents: parents ?? before.parents };
      await em.execute(
        `update user_group set name = ?, description = ?, updated_at = ?
         where id = ? and organization_id is not distinct from ?::uuid`,
        [name, after.description, clock.now(), toUuid(id), placeUuid(place)],
      );
      if (parents) await keepingOwners(em, place, { group: toUuid(id) }, () => setParents(em, id, parents));
      await audit.record(em, groupChanged({ ...about(id, place, by), details: { before: changeable(before), after } }));
    });
    return this.require(place, id);
  }

  /** With all its assignments. Throws groups.not_found, access.permissions_not_held, organizations.last_owner. */
  async delete(place: Place, id: GroupId, by: By): Promise<void> {
    const { clock, database, audit } = this.#deps;
    await database.transaction(async (em) => {
      await lockPlace(em, place);
      const before = shown(await takeGroup(em, place, id));
      await requireGrantable(em, [id], clock.now(), by);
      await keepingOwners(em, place, { group: toUuid(id) }, () =>
        em.execute('delete from user_group where id = ? and organization_id is not distinct from ?::uuid', [
          toUuid(id),
          placeUuid(place),
        ]),
      );
      await audit.record(em, groupDeleted({ ...about(id, place, by), details: { before: changeable(before) } }));
    });
  }

  async #requireParents(em: EntityManager, place: Place, ids: readonly GroupId[], by: By): Promise<GroupId[]> {
    const parents = [...new Set(ids)];
    for (const parent of parents) await takeGroup(em, place, parent);
    await requireGrantable(em, parents, this.#deps.clock.now(), by);
    return parents;
  }
}

/** In a transaction. Throws groups.not_found. */
export async function takeGroup(em: EntityManager, place: Place, id: GroupId): Promise<Row> {
  const [row] = await em.execute<Row[]>(
    `select ${COLUMNS} from user_group g where g.id = ? and g.organization_id is not distinct from ?::uuid`,
    [toUuid(id), placeUuid(place)],
  );
  if (!row) throw groupNotFound();
  return row;
}

/** The actor has all that membership in these groups gives, wherever it gives it. Throws access.permissions_not_held. */
export async function requireGrantable(em: EntityManager, ids: readonly GroupId[], now: Date, by: By): Promise<void> {
  for (const { organizationId, permission } of await grantsOfGroups(em, ids.map(toUuid), now))
    requireHeld([permission], organizationId === null ? null : fromUuid('org', organizationId), by);
}

async function setParents(em: EntityManager, id: GroupId, parents: readonly GroupId[]): Promise<void> {
  const ids = uuids(parents.map(toUuid));
  await em.execute('delete from user_group_parent where group_id = ? and not (parent_id = any(?::uuid[]))', [
    toUuid(id),
    ids,
  ]);
  await em.execute(
    'insert into user_group_parent (group_id, parent_id) select ?, unnest(?::uuid[]) on conflict do nothing',
    [toUuid(id), ids],
  );
}

async function requireFreeName(em: EntityManager, place: Place, name: string): Promise<void> {
  const taken = await em.execute<unknown[]>(
    'select 1 from user_group where name = ? and organization_id is not distinct from ?::uuid',
    [name, placeUuid(place)],
  );
  if (taken.length > 0) throw groupNameTaken();
}

const changeable = ({ name, description, parents }: ShownGroup) => ({ name, description, parents });
const shown = (row: Row): ShownGroup => ({
  ...row,
  id: fromUuid('grp', row.id),
  organizationId: row.organizationId === null ? null : fromUuid('org', row.organizationId),
  parents: row.parents.map((parent) => fromUuid('grp', parent)),
});
const about = (id: GroupId, place: Place, by: By) => ({
  ...by,
  subject: { type: 'group', id },
  ...(place === null ? {} : { organizationId: place }),
});
