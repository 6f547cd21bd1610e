/**
 * The owners of organizations. An owner is an active member whose roles there include TENANT_OWNER, by an assignment without an end:
 * of the member or of a group, directly or through inherited roles. No act takes the last one.
 */
import { lastingMemberships } from '#directory/organizations/membership.ts';
import { lockOrganizations } from '#directory/organizations/organization-lock.ts';
import type { OrganizationId } from '#directory/organizations/organization.ts';
import { lockActive, lockUser, type UserId } from '#directory/users/module.ts';
import { lastOwner } from '#directory/organizations/errors.ts';
import type { EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { Place } from './access-scope.ts';
import { TENANT_OWNER_ID } from './built-in-roles.ts';
import { uuids } from './role-graph.ts';

/** The role or the group that an act changes. */
type Changed = { role: string } | { group: string };

/** The roles that bring ownership. */
const OWNING = `owning (id) as (
  select '${TENANT_OWNER_ID}'::uuid union select p.role_id from role_parent p join owning o on o.id = p.parent_id)`;

/**
 * Performs an act on roles, groups or members. Throws organizations.last_owner where an organization had an owner before and has none
 * afterwards; the transaction must end then. The caller has locked the place.
 */
export async function keepingOwners<T>(
  em: EntityManager,
  place: Place,
  changed: Changed | null,
  act: () => Promise<T>,
): Promise<T> {
  const ids = place === null ? await reachedFromInstance(em, changed) : [place];
  if (place === null) await lockOrganizations(em, ids);
  const before = await ownedAmong(em, ids);
  const done = await act();
  const after = await ownedAmong(em, before);
  const lost = before.filter((id) => !after.includes(id));
  if (lost.length > 0) throw lastOwner(await lockOrganizations(em, lost));
  return done;
}

/** In a transaction, before any user is locked: simultaneous acts on owners of one organization follow one another. */
export async function lockOwned(em: EntityManager, userId: UserId): Promise<void> {
  await lockOrganizations(em, await ownedBy(em, userId));
}

/**
 * The organizations that have no other owner than this user, without those that are closing. To be asked in the transaction in which
 * the user can no longer act, after `lockOwned`. The user is locked first: who becomes an owner at this moment is seen as one.
 */
export async function onlyOwnedBy(
  em: EntityManager,
  userId: UserId,
): Promise<readonly { id: OrganizationId; name: string }[]> {
  await lockUser(em, userId);
  const owned = await ownedBy(em, userId);
  const others = await ownedAmong(em, owned, userId);
  return lockOrganizations(
    em,
    owned.filter((id) => !others.includes(id)),
  );
}

/** A role or a group of the instance can make owners in any number of organizations. */
async function reachedFromInstance(em: EntityManager, changed: Changed | null): Promise<OrganizationId[]> {
  if (changed === null) return [];
  const [reached, id] =
    'role' in changed
      ? ['select p.role_id from role_parent p join reached r on r.id = p.parent_id', changed.role]
      : ['select p.parent_id from user_group_parent p join reached r on r.id = p.group_id', changed.group];
  const rows = await em.execute<{ id: string }[]>(
    `with recursive ${OWNING}, reached (id) as (select ?::uuid union ${reached})
     select distinct a.organization_id as id from role_assignment a
     where a.organization_id is not null and a.role_id in (select o.id from owning o)
     and a.${'role' in changed ? 'role_id' : 'group_id'} in (select r.id from reached r)`,
    [id],
  );
  return rows.map((row) => fromUuid('org', row.id));
}

async function ownedBy(em: EntityManager, userId: UserId): Promise<OrganizationId[]> {
  const owners = await ownersOf(em, await lastingMemberships(em, userId), { only: userId });
  return owners.map(({ id }) => id);
}

/**
 * The organizations among these that have an owner, who is not `except`. One owner of each is locked: an act that disables or closes
 * the account of this owner waits, or is seen here.
 */
async function ownedAmong(
  em: EntityManager,
  ids: readonly OrganizationId[],
  except?: UserId,
): Promise<OrganizationId[]> {
  for (;;) {
    const owners = await ownersOf(em, ids, { except });
    const wanted = [...new Set(owners.map(({ userId }) => userId))];
    // One of them could act no longer when the lock was free: the next look does not find that one.
    if ((await lockActive(em, wanted)) === wanted.length) return owners.map(({ id }) => id);
  }
}

/** One owner of each of these organizations. */
async function ownersOf(
  em: EntityManager,
  ids: readonly OrganizationId[],
  { only, except }: { only?: UserId | undefined; except?: UserId | undefined },
): Promise<{ id: OrganizationId; userId: UserId }[]> {
  if (ids.length === 0) return [];
  const rows = await em.execute<{ id: string; user: string }[]>(
    `with recursive ${OWNING}, granted (organization_id, user_id, group_id) as (
       select a.organization_id, a.user_id, a.group_id from role_assignment a
       where a.organization_id = any(?::uuid[]) and a.role_id in (select o.id from owning o) and a.expires_at is null
     ), within (organization_id, group_id) as (
       select g.organization_id, g.group_id from granted g where g.group_id is not null
       union select w.organization_id, p.group_id from within w join user_group_parent p on p.parent_id = w.group_id
     ), holding (organization_id, user_id) as (
       select g.organization_id, g.user_id from granted g where g.user_id is not null
       union select w.organization_id, m.user_id from within w join user_group_member m on m.group_id = w.group_id)
     select distinct on (h.organization_id) h.organization_id as id, h.user_id as user from holding h
     join organization_member m on m.organization_id = h.organization_id and m.user_id = h.user_id
     join users u on u.id = h.user_id and u.status = 'active' and u.deletes_at is null
     where (?::uuid is null or h.user_id = ?) and (?::uuid is null or h.user_id <> ?) order by h.organization_id, h.user_id`,
    [uuids(ids.map(toUuid)), ...twice(only), ...twice(except)],
  );
  return rows.map(({ id, user }) => ({ id: fromUuid('org', id), userId: fromUuid('usr', user) }));
}

function twice(userId: UserId | undefined): (string | null)[] {
  const uuid = userId === undefined ? null : toUuid(userId);
  return [uuid, uuid];
}
