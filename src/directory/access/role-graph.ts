/** Questions about the links between roles, and between groups, each as one recursive statement. */
import type { EntityManager } from '#kernel/database.ts';

/** As PostgreSQL reads an array of ids. */
export const uuids = (ids: readonly string[]): string => `{${ids.join(',')}}`;

/** As PostgreSQL reads an array of text. */
export const texts = (each: readonly string[]): string => `{${each.map((text) => JSON.stringify(text)).join(',')}}`;

/** The permissions of these roles, inherited ones included. */
export async function permissionsOfRoles(em: EntityManager, roleIds: readonly string[]): Promise<readonly string[]> {
  const rows = await em.execute<{ permission: string }[]>(
    `with recursive held (id) as (
       select unnest(?::uuid[])
       union select p.parent_id from role_parent p join held h on h.id = p.role_id)
     select distinct unnest(r.permissions) as permission from held h join role r on r.id = h.id`,
    [uuids(roleIds)],
  );
  return rows.map(({ permission }) => permission);
}

type Granted = { organizationId: string | null; permission: string };

/** The permissions that membership in these groups gives now, and where: by roles of the groups, and of the groups above them. */
export async function grantsOfGroups(em: EntityManager, groupIds: readonly string[], now: Date): Promise<Granted[]> {
  return em.execute<Granted[]>(
    `with recursive above (id) as (
       select unnest(?::uuid[])
       union select p.parent_id from user_group_parent p join above a on a.id = p.group_id),
     held (organization_id, role_id) as (
       select a.organization_id, a.role_id from role_assignment a join above on above.id = a.group_id
       where a.expires_at is null or a.expires_at > ?
       union select h.organization_id, p.parent_id from role_parent p join held h on h.role_id = p.role_id)
     select distinct h.organization_id as "organizationId", unnest(r.permissions) as permission
     from held h join role r on r.id = h.role_id`,
    [uuids(groupIds), now],
  );
}

const links = {
  role: { table: 'role', parents: 'role_parent', child: 'role_id' },
  group: { table: 'user_group', parents: 'user_group_parent', child: 'group_id' },
} as const;
type Step = { id: string; name: string; parentId: string | null };

/** The nodes that are above these, these included: for each its name and its parents. */
export async function stepsAbove(
  em: EntityManager,
  kind: keyof typeof links,
  ids: readonly string[],
): Promise<Map<string, { name: string; parents: readonly string[] }>> {
  const { table, parents, child } = links[kind];
  const rows = await em.execute<Step[]>(
    `with recursive above (id) as (
       select unnest(?::uuid[])
       union select p.parent_id from ${parents} p join above a on a.id = p.${child})
     select t.id, t.name, p.parent_id as "parentId"
     from above a join ${table} t on t.id = a.id left join ${parents} p on p.${child} = a.id order by t.id, p.parent_id`,
    [uuids(ids)],
  );
  return new Map(
    [...Map.groupBy(rows, ({ id }) => id)].map(([id, steps]) => [
      id,
      { name: steps[0]!.name, parents: steps.flatMap(({ parentId }) => (parentId === null ? [] : [parentId])) },
    ]),
  );
}

/** The shortest way from each of the first nodes, as ids from there on; nodes that are reached twice keep the shortest. */
export function waysFrom(
  first: readonly string[],
  steps: ReadonlyMap<string, { parents: readonly string[] }>,
): Map<string, readonly string[]> {
  const ways = new Map<string, readonly string[]>(first.map((id) => [id, [id]]));
  for (const [id, way] of ways)
    for (const parent of steps.get(id)?.parents ?? []) if (!ways.has(parent)) ways.set(parent, [...way, parent]);
  return ways;
}

/**
 * The names along the circle that would be there if `id` had these parents; null when there would be none. The caller has locked
 * the place.
 */
export async function circleThrough(
  em: EntityManager,
  kind: keyof typeof links,
  id: string,
  parentIds: readonly string[],
): Promise<readonly string[] | null> {
  const steps = await stepsAbove(em, kind, parentIds);
  const way = waysFrom(parentIds, steps).get(id);
  return way === undefined ? null : [id, ...way].map((each) => steps.get(each)?.name ?? '');
}
