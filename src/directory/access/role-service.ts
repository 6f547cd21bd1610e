import { roleNotFound } from '#directory/organizations/errors.ts';
import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, type Id, newId, parseId, toUuid } from '#kernel/ids.ts';
import { containing, type Page, type PageRequest } from '#kernel/operations/list-operation.ts';
import { readSqlPage, sqlFilters } from '#kernel/operations/sql-page.ts';
import { lockPlace, type Place, placeUuid, requireHeld } from './access-scope.ts';
import { roleBuiltIn, roleCycle, roleInvalid, roleNameTaken, tooManyRoles } from './errors.ts';
import { roleChanged, roleCreated, roleDeleted } from './events.ts';
import { MOST_ROLES } from './limits.ts';
import { keepingOwners } from './owners.ts';
import type { PermissionNames } from './permission-names.ts';
import { circleThrough, permissionsOfRoles, texts, uuids } from './role-graph.ts';

export type RoleId = Id<'rol'>;
/** A role as it is shown: the names of the roles that it inherits directly, and its own permissions. */
export type ShownRole = {
  id: RoleId;
  organizationId: Id<'org'> | null;
  name: string;
  description: string;
  isBuiltIn: boolean;
  inherits: readonly string[];
  permissions: readonly string[];
  createdAt: Date;
};
/** `inherits` holds names or ids of roles. */
type NewRole = {
  name: string;
  description?: string | undefined;
  inherits?: readonly string[] | undefined;
  permissions?: readonly string[] | undefined;
};
type RoleChange = { [Member in keyof NewRole]?: NewRole[Member] | undefined };
/** `search`: a part of the name or the description. `permission`: one of its own. */
type RoleFilters = {
  search?: string | undefined;
  permission?: string | undefined;
  isBuiltIn?: boolean | undefined;
};
type Found = { id: string; name: string };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  permissionNames: Pick<PermissionNames, 'objectionTo'>;
};

const COLUMNS = `r.id, r.organization_id as "organizationId", r.name, r.description, r.is_built_in as "isBuiltIn", r.permissions,
  r.created_at as "createdAt",
  array(select p.name from role_parent l join role p on p.id = l.parent_id where l.role_id = r.id order by p.name) as inherits`;
type Row = Omit<ShownRole, 'id' | 'organizationId'> & { id: string; organizationId: string | null };

/** A role that can be given in the place. */
const FROM_NAMED = `from role r where (r.id = ?::uuid or r.name = ?)
  and (r.organization_id is null or r.organization_id = ?::uuid) order by r.organization_id nulls first limit 1`;

/** Roles of the instance, which every organization can use, and roles of one organization. */
export class RoleService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** A page of the roles that can be given in a place and match: in an organization also the roles of the instance. */
  async page(
    place: Place,
    { search, permission, isBuiltIn }: RoleFilters,
    page: PageRequest<'created_at' | 'name'>,
  ): Promise<Page<ShownRole>> {
    const { condition, values } = sqlFilters(
      [placeUuid(place)],
      [(named) => `(r.name ilike ${named} or r.description ilike ${named})`, search && containing(search)],
      [(named) => `${named} = any(r.permissions)`, permission],
      ['r.is_built_in =', isBuiltIn],
    );
    return readSqlPage<Row, ShownRole>(this.#deps.database, page, {
      statement: (what) =>
        `select ${what} from role r where (r.organization_id is null or r.organization_id = $1) and ${condition}`,
      values,
      columns: COLUMNS,
      order: page.sort === 'name' ? ['lower(r.name)', 'r.id'] : ['r.id'],
      show: shown,
    });
  }

  /** By its id or its name. Throws roles.not_found. */
  async require(place: Place, idOrName: string): Promise<ShownRole> {
    const [row] = await this.#deps.database
      .em()
      .execute<Row[]>(`select ${COLUMNS} ${FROM_NAMED}`, [...named(place, idOrName)]);
    if (!row) throw roleNotFound();
    return shown(row);
  }

  /** Throws roles.name_taken, roles.invalid, roles.too_many, access.permissions_not_held, organizations.not_found. */
  async create(place: Place, input: NewRole, by: By): Promise<ShownRole> {
    const { clock, database, audit } = this.#deps;
    const id = newId('rol');
    const now = clock.now();
    const wanted = await this.#checked(place, input);
    await database.transaction(async (em) => {
      await lockPlace(em, place);
      const [{ many } = { many: 0 }] = await em.execute<{ many: number }[]>(
        'select count(*)::int as many from role where organization_id is not distinct from ?::uuid',
        [placeUuid(place)],
      );
      if (many >= MOST_ROLES) throw tooManyRoles();
      await requireFreeName(em, place, input.name);
      const parents = await requireParents(em, place, input.inherits ?? []);
      requireHeld([...wanted, ...(await permissionsOfRoles(em, parents.map(idOf)))], place, by);
      await em.execute(
        `insert into role (id, organization_id, name, description, is_built_in, permissions, created_at, updated_at)
         values (?, ?, ?, ?, false, ?::text[], ?, ?)`,
        [toUuid(id), placeUuid(place), input.name, input.description ?? '', texts(wanted), now, now],
      );
      await setParents(em, toUuid(id), parents);
      const after = { name: input.name, inherits: parents.map(nameOf), permissions: wanted };
      await audit.record(em, roleCreated({ ...about(id, place, by), details: { after } }));
    });
    return this.require(place, id);
  }

  /**
   * Throws roles.not_found, roles.built_in, roles.name_taken, roles.invalid, roles.cycle, access.permissions_not_held,
   * organizations.last_owner.
   */
  async change(place: Place, id: RoleId, change: RoleChange, by: By): Promise<ShownRole> {
    const { clock, database, audit } = this.#deps;
    const wanted = change.permissions === undefined ? undefined : await this.#checked(place, change);
    await database.transaction(async (em) => {
      await lockPlace(em, place);
      const before = await takeOwn(em, place, id);
      const name = change.name ?? before.name;
      if (name !== before.name) await requireFreeName(em, place, name);
      const parents = change.inherits === undefined ? null : await requireParents(em, place, change.inherits);
      const own = await permissionsOfRoles(em, [toUuid(id)]);
      requireHeld([...own, ...(wanted ?? []), ...(await permissionsOfRoles(em, (parents ?? []).map(idOf)))], place, by);
      const circle = parents && (await circleThrough(em, 'role', toUuid(id), parents.map(idOf)));
      if (circle) throw roleCycle(circle);
      const after = {
        name,
        description: change.description ?? before.description,
        inherits: parents?.map(nameOf) ?? before.inherits,
        permissions: wanted ?? before.permissions,
      };
      await em.execute(
        `update role set name = ?, description = ?, permissions = ?::text[], updated_at = ?
         where id = ? and organization_id is not distinct from ?::uuid`,
        [name, after.description, texts(after.permissions), clock.now(), toUuid(id), placeUuid(place)],
      );
      if (parents) await keepingOwners(em, place, { role: toUuid(id) }, () => setParents(em, toUuid(id), parents));
      await audit.record(em, roleChanged({ ...about(id, place, by), details: { before: changeable(before), after } }));
    });
    return this.require(place, id);
  }

  /** With all its assignments. Throws roles.not_found, roles.built_in, access.permissions_not_held, organizations.last_owner. */
  async delete(place: Place, id: RoleId, by: By): Promise<void> {
    const { database, audit } = this.#deps;
    await database.transaction(async (em) => {
      await lockPlace(em, place);
      const before = await takeOwn(em, place, id);
      requireHeld(await permissionsOfRoles(em, [toUuid(id)]), place, by);
      await keepingOwners(em, place, { role: toUuid(id) }, () =>
        em.execute('delete from role where id = ? and organization_id is not distinct from ?::uuid', [
          toUuid(id),
          placeUuid(place),
        ]),
      );
      await audit.record(em, roleDeleted({ ...about(id, place, by), details: { before: changeable(before) } }));
    });
  }

  /** The permissions, each once and in one order. Throws roles.invalid. */
  async #checked(place: Place, { permissions = [] }: Pick<RoleChange, 'permissions'>): Promise<string[]> {
    const wanted = [...new Set(permissions)].toSorted();
    for (const permission of wanted) {
      const objection = await this.#deps.permissionNames.objectionTo(permission, place);
      if (objection !== null) throw roleInvalid({ permissions: objection });
    }
    return wanted;
  }
}

/**
 * A role that can be given in the place, in a transaction: its own, or one of the instance, which wins where two have the name.
 * Throws roles.not_found.
 */
export async function requireRole(em: EntityManager, place: Place, idOrName: string): Promise<Found> {
  const [row] = await em.execute<Found[]>(`select r.id, r.name ${FROM_NAMED}`, [...named(place, idOrName)]);
  if (!row) throw roleNotFound();
  return row;
}

function named(place: Place, idOrName: string): readonly [id: string | null, name: string, within: string | null] {
  const id = parseId('rol', idOrName);
  return [id && toUuid(id), idOrName, placeUuid(place)];
}

async function requireParents(em: EntityManager, place: Place, inherits: readonly string[]): Promise<Found[]> {
  const found: Found[] = [];
  for (const each of inherits) found.push(await requireRole(em, place, each));
  return found.filter(({ id }, at) => found.findIndex((other) => other.id === id) === at);
}

async function setParents(em: EntityManager, id: string, parents: readonly Found[]): Promise<void> {
  const ids = uuids(parents.map(idOf));
  await em.execute('delete from role_parent where role_id = ? and not (parent_id = any(?::uuid[]))', [id, ids]);
  await em.execute('insert into role_parent (role_id, parent_id) select ?, unnest(?::uuid[]) on conflict do nothing', [
    id,
    ids,
  ]);
}

/** A role that belongs to the place, and no role of the instance where the place is an organization. */
async function takeOwn(em: EntityManager, place: Place, id: RoleId): Promise<Row> {
  const [row] = await em.execute<Row[]>(
    `select ${COLUMNS} from role r where r.id = ? and r.organization_id is not distinct from ?::uuid`,
    [toUuid(id), placeUuid(place)],
  );
  if (!row) throw roleNotFound();
  if (row.isBuiltIn) throw roleBuiltIn();
  return row;
}

/** An organization cannot use the name of a role of the instance: both would be shown next to each other. */
async function requireFreeName(em: EntityManager, place: Place, name: string): Promise<void> {
  const taken = await em.execute<unknown[]>(
    'select 1 from role where name = ? and (organization_id is null or organization_id = ?)',
    [name, placeUuid(place)],
  );
  if (taken.length > 0) throw roleNameTaken();
}

const idOf = ({ id }: Found): string => id;
const nameOf = ({ name }: Found): string => name;
const changeable = ({ name, description, inherits, permissions }: Row) => ({
  name,
  description,
  inherits,
  permissions,
});
const shown = (row: Row): ShownRole => ({
  ...row,
  id: fromUuid('rol', row.id),
  organizationId: row.organizationId === null ? null : fromUuid('org', row.organizationId),
});
const about = (id: RoleId, place: Place, by: By) => ({
  ...by,
  subject: { type: 'role', id },
  ...(place === null ? {} : { organizationId: place }),
});
