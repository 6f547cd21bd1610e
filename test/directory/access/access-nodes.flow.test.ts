/** Two processes on one database: what one changes, the other knows soon. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PLATFORM_ADMIN_ID, TENANT_ADMIN_ID, TENANT_USER_ID } from '#directory/access/built-in-roles.ts';
import { createPermissions } from '#directory/access/module.ts';
import type { OrganizationId } from '#directory/organizations/module.ts';
import type { UserId } from '#directory/users/module.ts';
import { systemClock } from '#kernel/clock.ts';
import { createInvalidation, type Invalidation } from '#kernel/invalidation.ts';
import { toUuid } from '#kernel/ids.ts';
import { createLog } from '#kernel/log.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';

const onServer = process.env['TEST_DATABASE_URL'] !== undefined;

describe.runIf(onServer)('permissions in the memory of another process', () => {
  let latchkey: TestApp;
  let invalidation: Invalidation;
  let other: ReturnType<typeof createPermissions>;
  beforeAll(async () => {
    latchkey = await startTestApp();
    const { database } = latchkey.app;
    const { databaseUrl } = latchkey.config;
    invalidation = createInvalidation({ redis: null, database, databaseUrl, log: createLog({ level: 'silent' }) });
    // The other process does not see the commits of this one.
    other = createPermissions({
      audit: { record: async () => {}, recordAll: async () => {} },
      clock: systemClock,
      database: { ...database, onCommit: () => {} },
      invalidation,
    });
    await vi.waitFor(() => expect(invalidation.isHealthy()).toBe(true), { timeout: 60_000 });
  });
  afterAll(async () => {
    await invalidation.close();
    await latchkey.close();
  });

  const sql = (text: string, values: unknown[] = []) => latchkey.app.database.sql(text, values);
  const group = '00000000-0000-7000-8000-0000000000f1';
  const assign = (roleId: string, user: string | null, place: string | null) =>
    sql(
      `insert into role_assignment (id, user_id, group_id, role_id, organization_id, created_at)
       values (gen_random_uuid(), $1, $2, $3, $4, now())`,
      [user, user === null ? group : null, roleId, place],
    );

  test('follow each change, which their triggers tell', async () => {
    const user = (await latchkey.user()).id as UserId;
    const { id } = await latchkey.run<{ id: OrganizationId }>('organizations.create', { name: 'Acme' });
    await latchkey.run('organizations.members.create', { organization_id: id, user_id: user, roles: [] });
    await sql("insert into user_group (id, name, created_at, updated_at) values ($1, 'all', now(), now())", [group]);
    const [person, place] = [toUuid(user), toUuid(id)];
    const has = async (permission: string, where: OrganizationId | null = id) =>
      (await other.effective.permissionsOf(user, where)).has(permission);
    const steps: [act: () => Promise<unknown>, permission: string, where: OrganizationId | null, expected: boolean][] =
      [
        [() => assign(TENANT_USER_ID, person, place), 'organization.read', id, true],
        [
          () => sql('insert into user_group_member values ($1, $2, now())', [group, person]),
          'users.manage',
          null,
          false,
        ],
        [() => assign(PLATFORM_ADMIN_ID, null, null), 'users.manage', null, true],
        [() => sql('delete from user_group_member'), 'users.manage', null, false],
        [
          () => sql('insert into role_parent values ($1, $2)', [TENANT_USER_ID, TENANT_ADMIN_ID]),
          'organization.manage',
          id,
          true,
        ],
        [() => sql('delete from role_parent where role_id = $1', [TENANT_USER_ID]), 'organization.manage', id, false],
        [
          () => sql(`update role set permissions = '{}' where id = $1`, [TENANT_USER_ID]),
          'organization.read',
          id,
          false,
        ],
        [
          () => sql(`update role set permissions = '{organization.read}' where id = $1`, [TENANT_USER_ID]),
          'organization.read',
          id,
          true,
        ],
        [
          () => sql(`update organization set status = 'suspended' where id = $1`, [place]),
          'organization.read',
          id,
          false,
        ],
        [() => sql(`update organization set status = 'active' where id = $1`, [place]), 'organization.read', id, true],
        [() => sql(`update users set status = 'disabled' where id = $1`, [person]), 'organization.read', id, false],
        [() => sql(`update users set status = 'active' where id = $1`, [person]), 'organization.read', id, true],
        [() => sql('update users set is_administrator = true where id = $1', [person]), 'settings.manage', null, true],
        [
          () => sql('delete from role_assignment where user_id = $1 and organization_id is null', [person]),
          'settings.manage',
          null,
          false,
        ],
        [() => sql('delete from organization_member where user_id = $1', [person]), 'organization.read', id, false],
      ];
    for (const [act, permission, where, expected] of steps) {
      await has(permission, where);
      await act();
      await vi.waitFor(async () => expect(await has(permission, where), act.toString()).toBe(expected), {
        timeout: 5000,
        interval: 10,
      });
    }
  });
});
