import type { By } from '#audit/module.ts';
import type { MemberRoles } from '#directory/organizations/member-roles.ts';
import type { OrganizationId } from '#directory/organizations/organization.ts';
import type { UserId } from '#directory/users/module.ts';
import { roleNotFound } from '#directory/organizations/errors.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { requireHeld, requireRank } from './access-scope.ts';
import { TENANT_OWNER_ID } from './built-in-roles.ts';
import type { EffectivePermissions } from './effective-permissions.ts';
import { keepingOwners } from './owners.ts';
import { permissionsOfRoles, uuids } from './role-graph.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em'>;
  effective: Pick<EffectivePermissions, 'permissionsOf'>;
};

/** The roles of members: given when they join, taken when they go, and always one owner. */
export class OrganizationRoles implements MemberRoles {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  async grantOnCreate(em: EntityManager, organizationId: OrganizationId, userId: UserId): Promise<void> {
    await this.#insert(em, organizationId, userId, TENANT_OWNER_ID, null);
  }

  /** Throws roles.not_found. */
  async grant(
    em: EntityManager,
    organizationId: OrganizationId,
    userId: UserId,
    roles: readonly string[],
    by: By,
  ): Promise<void> {
    for (const id of await idsOf(em, organizationId, roles))
      await this.#insert(em, organizationId, userId, id, by.actor.id ?? by.actor.type);
  }

  /** Throws roles.not_found, access.permissions_not_held, organizations.last_owner. */
  async set(
    em: EntityManager,
    organizationId: OrganizationId,
    userId: UserId,
    roles: readonly string[],
    by: By,
  ): Promise<{ before: readonly string[]; after: readonly string[] }> {
    const now = this.#deps.clock.now();
    const wanted = await idsOf(em, organizationId, roles);
    const held = await em.execute<{ id: string; name: string }[]>(
      `select distinct r.id, r.name from role_assignment a join role r on r.id = a.role_id
       where a.organization_id = ? and a.user_id = ? and (a.expires_at is null or a.expires_at > ?) order by r.name`,
      [toUuid(organizationId), toUuid(userId), now],
    );
    const gone = held.filter(({ id }) => !wanted.includes(id)).map(({ id }) => id);
    const added = wanted.filter((id) => !held.some((role) => role.id === id));
    requireHeld(await permissionsOfRoles(em, [...gone, ...added]), organizationId, by);
    await this.keepingOwner(em, organizationId, async () => {
      // One whose time is over is in the way of a new one until the next purge.
      await em.execute(
        'delete from role_assignment where organization_id = ? and user_id = ? and role_id = any(?::uuid[])',
        [toUuid(organizationId), toUuid(userId), uuids([...gone, ...added])],
      );
      for (const id of added) await this.#insert(em, organizationId, userId, id, by.actor.id ?? by.actor.type);
    });
    return { before: held.map(({ name }) => name), after: [...new Set(roles)].toSorted() };
  }

  holding(userColumn: string, role: string, time: string): string {
    return `exists (select 1 from role_assignment a join role r on r.id = a.role_id where a.organization_id = $1
      and a.user_id = ${userColumn} and r.name = ${role} and (a.expires_at is null or a.expires_at > ${time}))`;
  }

  /** Throws organizations.last_owner. */
  async keepingOwner<T>(em: EntityManager, organizationId: OrganizationId, act: () => Promise<T>): Promise<T> {
    return keepingOwners(em, organizationId, null, act);
  }

  async namesOf(
    organizationId: OrganizationId,
    userIds: readonly UserId[],
  ): Promise<ReadonlyMap<UserId, readonly string[]>> {
    if (userIds.length === 0) return new Map();
    const rows = await this.#deps.database.em().execute<{ user_id: string; names: string[] }[]>(
      `select a.user_id, array_agg(r.name order by r.name) as names from role_assignment a join role r on r.id = a.role_id
       where a.organization_id = ? and a.user_id in (${userIds.map(() => '?').join(', ')})
         and (a.expires_at is null or a.expires_at > ?) group by a.user_id`,
      [toUuid(organizationId), ...userIds.map(toUuid), this.#deps.clock.now()],
    );
    return new Map(rows.map(({ user_id: id, names }) => [fromUuid('usr', id), names]));
  }

  async removeAll(em: EntityManager, organizationId: OrganizationId, userId: UserId): Promise<void> {
    const ids = [toUuid(organizationId), toUuid(userId)];
    await em.execute('delete from role_assignment where organization_id = ? and user_id = ?', ids);
    await em.execute(
      `delete from user_group_member m using user_group g
       where g.id = m.group_id and g.organization_id = ? and m.user_id = ?`,
      ids,
    );
  }

  /** Throws roles.not_found, access.permissions_not_held. */
  async requireGivable(roles: readonly string[], organizationId: OrganizationId, by: By): Promise<void> {
    const em = this.#deps.database.em();
    const ids = await idsOf(em, organizationId, roles);
    if (ids.length === 0) return;
    requireHeld(await permissionsOfRoles(em, ids), organizationId, by);
  }

  /** The actor has the rank of the member in the organization. Throws access.permissions_not_held. */
  async requireRightsOver(organizationId: OrganizationId, userId: UserId, by: By): Promise<void> {
    requireRank(await this.#deps.effective.permissionsOf(userId, organizationId), organizationId, by);
  }

  async #insert(
    em: EntityManager,
    organizationId: OrganizationId,
    userId: UserId,
    roleId: string,
    createdBy: string | null,
  ): Promise<void> {
    await em.execute(
      `insert into role_assignment (id, user_id, role_id, organization_id, created_by, created_at)
       values (?, ?, ?, ?, ?, ?) on conflict do nothing`,
      [toUuid(newId('ras')), toUuid(userId), roleId, toUuid(organizationId), createdBy, this.#deps.clock.now()],
    );
  }
}

/** A role of the instance goes before one of the organization with its name. Throws roles.not_found. */
async function idsOf(
  em: EntityManager,
  organizationId: OrganizationId,
  names: readonly string[],
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const rows = await em.execute<{ id: string; name: string }[]>(
    `select distinct on (name) id, name from role where (organization_id is null or organization_id = ?)
     and name in (${names.map(() => '?').join(', ')}) order by name, organization_id nulls first`,
    [toUuid(organizationId), ...names],
  );
  if (rows.length < new Set(names).size) throw roleNotFound();
  return rows.map(({ id }) => id);
}
