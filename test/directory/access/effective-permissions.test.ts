import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import { createPermissions, permissions } from '#directory/access/module.ts';
import * as builtIn from '#directory/access/built-in-roles.ts';
import type { OrganizationId } from '#directory/organizations/module.ts';
import type { UserId } from '#directory/users/module.ts';
import { MINUTE, systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { createInvalidation } from '#kernel/invalidation.ts';
import { createLog } from '#kernel/log.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let created: ReturnType<typeof createPermissions>;
beforeAll(async () => {
  database = await openTestDatabase();
  const invalidation = createInvalidation({
    redis: null,
    database,
    databaseUrl: undefined,
    log: createLog({ level: 'silent' }),
  });
  created = createPermissions({
    audit: { record: async () => {}, recordAll: async () => {} },
    clock: systemClock,
    database,
    invalidation,
  });
});
afterAll(() => database.close());

let user: UserId;
let acme: OrganizationId;
let other: OrganizationId;
beforeEach(async () => {
  [user, acme, other] = [await addUser(), await addOrganization(), await addOrganization()];
  await join(acme, user);
});

/** As another process would: it tells by triggers, and the embedded database by none. */
const change = (statement: string, values: unknown[] = []) =>
  database.transaction((em) => em.execute(statement, values));

async function addUser(isAdministrator = false): Promise<UserId> {
  const id = newId('usr');
  await change(
    `insert into users (id, status, email, email_canonical, email_verified, phone_number_verified, profile, properties,
       password_update_required, is_administrator, created_at, updated_at)
     values (?, 'active', ?, ?, true, false, '{}', '{}', false, ?, now(), now())`,
    [toUuid(id), id, id, isAdministrator],
  );
  return id;
}

async function addOrganization(): Promise<OrganizationId> {
  const id = newId('org');
  await change(
    `insert into organization (id, slug, name, status, created_at, updated_at) values (?, ?, ?, 'active', now(), now())`,
    [toUuid(id), id, id],
  );
  return id;
}

const join = (organization: OrganizationId, member: UserId) =>
  change(`insert into organization_member values (?, ?, 'operation', now())`, [toUuid(organization), toUuid(member)]);

async function addRole(name: string, names: readonly string[], parents: readonly string[] = []): Promise<string> {
  const id = toUuid(newId('rol'));
  await change(`insert into role (id, name, permissions, created_at, updated_at) values (?, ?, ?, now(), now())`, [
    id,
    `${name} ${id}`,
    `{${names.join(',')}}`,
  ]);
  for (const parent of parents) await change('insert into role_parent values (?, ?)', [id, parent]);
  return id;
}

async function addGroup(members: readonly UserId[], parent?: string): Promise<string> {
  const id = toUuid(newId('grp'));
  await change(`insert into user_group (id, name, created_at, updated_at) values (?, ?, now(), now())`, [id, id]);
  for (const member of members)
    await change('insert into user_group_member values (?, ?, now())', [id, toUuid(member)]);
  if (parent !== undefined) await change('insert into user_group_parent values (?, ?)', [id, parent]);
  return id;
}

type Given = { user?: UserId; group?: string; client?: string; until?: Date };
const assign = (role: string, { user: holder, group, client, until }: Given, organization?: OrganizationId) =>
  change(
    `insert into role_assignment (id, user_id, group_id, client_id, role_id, organization_id, expires_at, created_at)
     values (gen_random_uuid(), ?, ?, ?, ?, ?, ?, now())`,
    [
      holder === undefined ? null : toUuid(holder),
      group ?? null,
      client ?? null,
      role,
      organization === undefined ? null : toUuid(organization),
      until ?? null,
    ],
  );

const held = async (place: OrganizationId | null, who = user) =>
  [...(await created.effective.permissionsOf(who, place))].toSorted();
const rolesIn = (place: OrganizationId | null) => created.effective.rolesOf(user, place);

test('a user without a role has no permission', async () => {
  expect(await held(null)).toEqual([]);
  expect(await held(acme)).toEqual([]);
});

test('a role gives its permissions and those that it inherits, where it is assigned', async () => {
  await assign(builtIn.TENANT_MANAGER_ID, { user }, acme);
  expect(await held(acme)).toEqual([
    'organization.invitations.manage',
    'organization.members.manage',
    'organization.members.read',
    'organization.read',
  ]);
  expect(await rolesIn(acme)).toEqual(['TENANT_MANAGER', 'TENANT_USER']);
  expect([await held(null), await held(other), await rolesIn(null)]).toEqual([[], [], []]);
});

test('roles of groups count for the members of the groups in them, over ten levels of each', async () => {
  const scope = 'https://api.example.com read';
  let role = await addRole('deepest', [scope]);
  for (let level = 0; level < 10; level += 1) role = await addRole('level', [], [role]);
  let group = await addGroup([]);
  await assign(role, { group }, acme);
  for (let level = 0; level < 10; level += 1) group = await addGroup([], group);
  await change('insert into user_group_member values (?, ?, now())', [group, toUuid(user)]);
  expect(await held(acme)).toEqual([scope]);
});

test('a permission on all organizations counts in each of them, and no other one on the instance does', async () => {
  await assign(await addRole('support', ['organizations.read', 'users.manage', 'https://api.example.com read']), {
    user,
  });
  expect(await held(other)).toEqual(['organization.members.read', 'organization.read']);
  expect(await held(null)).toContain('users.manage');
});

test('a role in an organization gives no permission on the instance, whatever it carries', async () => {
  await assign(builtIn.SUPER_ADMIN_ID, { user }, acme);
  expect(await held(null)).toEqual([]);
  expect(await held(acme)).toEqual(
    Object.keys(permissions)
      .filter((name) => name.startsWith('organization.'))
      .toSorted(),
  );
});

describe('a role does not count', () => {
  beforeEach(() => assign(builtIn.TENANT_ADMIN_ID, { user }, acme));

  test('of a user who is no member', async () => {
    expect(await held(acme)).not.toEqual([]);
    await change('delete from organization_member where user_id = ?', [toUuid(user)]);
    expect(await held(acme)).toEqual([]);
  });

  test('of a disabled user', async () => {
    await change(`update users set status = 'disabled' where id = ?`, [toUuid(user)]);
    expect(await held(acme)).toEqual([]);
  });

  test('in a suspended organization', async () => {
    await change(`update organization set status = 'suspended' where id = ?`, [toUuid(acme)]);
    expect(await held(acme)).toEqual([]);
  });

  test('that belongs to another organization', async () => {
    const foreign = await addRole('foreign', ['organization.close']);
    await change('update role set organization_id = ? where id = ?', [toUuid(other), foreign]);
    await assign(foreign, { user }, acme);
    expect(await held(acme)).not.toContain('organization.close');
  });

  test('through a group that belongs to another organization', async () => {
    const group = await addGroup([user]);
    await change('update user_group set organization_id = ? where id = ?', [toUuid(other), group]);
    await assign(builtIn.TENANT_OWNER_ID, { group }, acme);
    expect(await held(acme)).not.toContain('organization.close');
  });

  test('when its date is over', async () => {
    const until = new Date(systemClock.now().getTime() + 3000);
    await assign(builtIn.TENANT_OWNER_ID, { user, until }, acme);
    expect(await held(acme)).toContain('organization.close');
    await expect.poll(() => held(acme)).not.toContain('organization.close');
  });
});

test('a machine client has what is assigned to it', async () => {
  await assign(builtIn.TENANT_USER_ID, { client: 'robot' }, acme);
  expect([...(await created.effective.permissionsOfClient('robot', acme))]).toEqual(['organization.read']);
  expect([...(await created.effective.permissionsOfClient('robot', null))]).toEqual([]);
  const root = await addUser(true);
  expect((await created.effective.permissionsOf(root, null)).has('settings.manage')).toBe(true);
  expect([...(await created.effective.permissionsOfClient(toUuid(root), null))]).toEqual([]);
});

describe('SUPER_ADMIN and the flag that the release before reads are the same', () => {
  const flagOf = async () =>
    (
      await database.sql<{ flag: boolean }>('select is_administrator as flag from users where id = $1', [toUuid(user)])
    )[0]?.flag;
  const flag = (value: boolean) => change('update users set is_administrator = ? where id = ?', [value, toUuid(user)]);

  test('a new user with the flag has the role', async () => {
    expect(await held(null, await addUser(true))).toEqual(Object.keys(permissions).toSorted());
  });

  test('the flag gives and takes the role', async () => {
    await flag(true);
    expect(await rolesIn(null)).toEqual(['SUPER_ADMIN']);
    await flag(false);
    expect(await rolesIn(null)).toEqual([]);
  });

  test('the role sets and clears the flag; a date and an organization make it another one', async () => {
    await assign(builtIn.SUPER_ADMIN_ID, { user }, acme);
    expect(await flagOf()).toBe(false);
    await assign(builtIn.SUPER_ADMIN_ID, { user, until: new Date(systemClock.now().getTime() + MINUTE) });
    expect(await flagOf()).toBe(false);
    await change('update role_assignment set expires_at = null where user_id = ? and organization_id is null', [
      toUuid(user),
    ]);
    expect(await flagOf()).toBe(true);
    await change('delete from role_assignment where user_id = ?', [toUuid(user)]);
    expect(await flagOf()).toBe(false);
  });
});

describe('roles of members', () => {
  const inTransaction = <T>(work: Parameters<typeof database.transaction<T>>[0]) => database.transaction(work);

  test('the last owner is refused, another owner is not', async () => {
    const { organizationRoles } = created;
    const own = () => inTransaction((em) => organizationRoles.grantOnCreate(em, acme, user));
    const leave = () =>
      inTransaction((em) =>
        organizationRoles.keepingOwner(em, acme, () => organizationRoles.removeAll(em, acme, user)),
      );
    await own();
    await expect(leave()).rejects.toMatchObject({ code: 'organizations.last_owner' });
    const second = await addUser();
    await join(acme, second);
    await inTransaction((em) => organizationRoles.grant(em, acme, second, ['TENANT_OWNER'], operator));
    await leave();
    await own();
    await change(`update users set status = 'disabled' where id = ?`, [toUuid(second)]);
    await expect(leave()).rejects.toMatchObject({ code: 'organizations.last_owner' });
  });

  test('an actor gives the roles that bring no more than the actor has there', async () => {
    const { organizationRoles, effective } = created;
    await assign(builtIn.TENANT_ADMIN_ID, { user }, acme);
    const by = { actor: { type: 'user', id: user }, may: await effective.mayOf(user, acme) } as const;
    await organizationRoles.requireGivable(['TENANT_ADMIN', 'TENANT_MANAGER'], acme, by);
    const refusal = { code: 'access.permissions_not_held' };
    await expect(organizationRoles.requireGivable(['TENANT_OWNER'], acme, by)).rejects.toMatchObject(refusal);
    await expect(organizationRoles.requireGivable(['TENANT_USER'], other, by)).rejects.toMatchObject(refusal);
    await expect(organizationRoles.requireGivable(['no such role'], acme, by)).rejects.toMatchObject({
      code: 'roles.not_found',
    });
  });

  test('a member who goes has no role and no group there', async () => {
    await assign(builtIn.TENANT_USER_ID, { user }, acme);
    const group = await addGroup([user]);
    await change('update user_group set organization_id = ? where id = ?', [toUuid(acme), group]);
    await assign(builtIn.TENANT_OWNER_ID, { group }, acme);
    await inTransaction((em) => created.organizationRoles.removeAll(em, acme, user));
    expect(await held(acme)).toEqual([]);
  });
});

test('the migration names every permission that there is', async () => {
  const [superAdmin] = await database.sql<{ permissions: string[] }>('select permissions from role where id = $1', [
    builtIn.SUPER_ADMIN_ID,
  ]);
  expect(superAdmin?.permissions.toSorted()).toEqual(Object.keys(permissions).toSorted());
  expect(fromUuid('rol', builtIn.SUPER_ADMIN_ID)).toMatch(/^rol_/);
});
