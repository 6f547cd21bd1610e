/** Every way by which an organization could lose its last owner: refused to every caller as long as there is no other one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byUser, operator } from '#audit/module.ts';
import { MemberService } from '#directory/organizations/member-service.ts';
import { systemClock } from '#kernel/clock.ts';
import { type Id, toUuid } from '#kernel/ids.ts';
import { openAudit } from '../../support/audit.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { permissionsIn } from '../../support/rights.ts';
import { codeOf, joinWith } from '../../support/roles.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey?.close());

type World = { organization_id: string; owner: TestUser };
type Made = { id: string };
/** Makes the user an owner by some way, and answers the act that would end it. */
type Way = (world: World) => Promise<() => Promise<string | null>>;

let count = 0;
const name = () => `name${String((count += 1))}`;
const run = async (operation: string, members: object) => (await latchkey.run<Made>(operation, members)).id;
const codeFrom = async (act: Promise<unknown>): Promise<string | null> =>
  act.then(
    () => null,
    (error: { code?: string }) => error.code ?? String(error),
  );
const assign = (organization_id: string, members: object, role = 'TENANT_OWNER') =>
  run('organizations.assignments.create', { organization_id, role, ...members });
const groupIn = async ({ organization_id, owner }: World, parents: string[] = []) => {
  const group_id = await run('organizations.groups.create', { organization_id, name: name(), parents });
  await run('organizations.groups.members.create', { organization_id, group_id, user_id: owner.id });
  return group_id;
};
const groupOfInstance = async ({ organization_id, owner }: World) => {
  const group_id = await run('groups.create', { name: name() });
  await run('groups.members.create', { group_id, user_id: owner.id });
  await assign(organization_id, { group_id });
  return group_id;
};
const direct = async ({ organization_id, owner }: World) => assign(organization_id, { user_id: owner.id });
const uuidOf = (user: TestUser) => toUuid(user.id as Id<'usr'>);

const inOrganization: Readonly<Record<string, Way>> = {
  'the role is taken': async (world) => {
    const assignment_id = await direct(world);
    const { organization_id } = world;
    return () => codeOf(latchkey, 'organizations.assignments.delete', { organization_id, assignment_id });
  },
  'the role is taken from the group': async (world) => {
    const { organization_id } = world;
    const assignment_id = await assign(organization_id, { group_id: await groupIn(world) });
    return () => codeOf(latchkey, 'organizations.assignments.delete', { organization_id, assignment_id });
  },
  'the user is taken out of the group': async (world) => {
    const { organization_id, owner } = world;
    const group_id = await groupIn(world);
    await assign(organization_id, { group_id });
    const members = { organization_id, group_id, user_id: owner.id };
    return () => codeOf(latchkey, 'organizations.groups.members.delete', members);
  },
  'the group is taken out of the group with the role': async (world) => {
    const { organization_id } = world;
    const above = await run('organizations.groups.create', { organization_id, name: name() });
    await assign(organization_id, { group_id: above });
    const group_id = await groupIn(world, [above]);
    return () => codeOf(latchkey, 'organizations.groups.update', { organization_id, group_id, parents: [] });
  },
  'the group is deleted': async (world) => {
    const { organization_id } = world;
    const group_id = await groupIn(world);
    await assign(organization_id, { group_id });
    return () => codeOf(latchkey, 'organizations.groups.delete', { organization_id, group_id });
  },
  'the group above is deleted': async (world) => {
    const { organization_id } = world;
    const above = await run('organizations.groups.create', { organization_id, name: name() });
    await assign(organization_id, { group_id: above });
    await groupIn(world, [above]);
    return () => codeOf(latchkey, 'organizations.groups.delete', { organization_id, group_id: above });
  },
  'the user is taken out of a group of the instance': async (world) => {
    const group_id = await groupOfInstance(world);
    return () => codeOf(latchkey, 'groups.members.delete', { group_id, user_id: world.owner.id });
  },
  'a group of the instance is deleted': async (world) => {
    const group_id = await groupOfInstance(world);
    return () => codeOf(latchkey, 'groups.delete', { group_id });
  },
  'a role that inherits ownership inherits it no more': async (world) => {
    const { organization_id, owner } = world;
    const given = { organization_id, name: name(), inherits: ['TENANT_OWNER'] };
    const role_id = await run('organizations.roles.create', given);
    await assign(organization_id, { user_id: owner.id }, role_id);
    return () => codeOf(latchkey, 'organizations.roles.update', { organization_id, role_id, inherits: [] });
  },
  'a role that inherits ownership is deleted': async (world) => {
    const { organization_id, owner } = world;
    const given = { organization_id, name: name(), inherits: ['TENANT_OWNER'] };
    const role_id = await run('organizations.roles.create', given);
    await assign(organization_id, { user_id: owner.id }, role_id);
    return () => codeOf(latchkey, 'organizations.roles.delete', { organization_id, role_id });
  },
  'a role of the instance inherits ownership no more': async ({ organization_id, owner }) => {
    const role_id = await run('roles.create', { name: name(), inherits: ['TENANT_OWNER'] });
    const outer = await run('roles.create', { name: name(), inherits: [role_id] });
    await assign(organization_id, { user_id: owner.id }, outer);
    return () => codeOf(latchkey, 'roles.update', { role_id, inherits: ['TENANT_ADMIN'] });
  },
  'a role of the instance is deleted': async ({ organization_id, owner }) => {
    const role_id = await run('roles.create', { name: name(), inherits: ['TENANT_OWNER'] });
    await assign(organization_id, { user_id: owner.id }, role_id);
    return () => codeOf(latchkey, 'roles.delete', { role_id });
  },
  'the member is removed': async (world) => {
    await direct(world);
    const { organization_id, owner } = world;
    return () => codeOf(latchkey, 'organizations.members.delete', { organization_id, user_id: owner.id });
  },
  'the member leaves': async (world) => {
    await direct(world);
    const { database } = latchkey.app;
    const audit = openAudit({ clock: systemClock, database }).log;
    const { organizationRoles: roles } = permissionsIn(latchkey);
    const members = new MemberService({ clock: systemClock, database, audit, roles });
    const [place, user] = [world.organization_id as Id<'org'>, world.owner.id as Id<'usr'>];
    return () => codeFrom(members.leave(place, user, byUser(user)));
  },
};

const ofAccount: Readonly<Record<string, Way>> = {
  'the account is disabled': async (world) => {
    await direct(world);
    return () => codeOf(latchkey, 'users.disable', { user_id: world.owner.id });
  },
  'the account of an owner by a group is disabled': async (world) => {
    await assign(world.organization_id, { group_id: await groupIn(world) });
    return () => codeOf(latchkey, 'users.disable', { user_id: world.owner.id });
  },
  'the account of an owner by an inherited role in a group of the instance is disabled': async (world) => {
    const { organization_id, owner } = world;
    const role_id = await run('roles.create', { name: name(), inherits: ['TENANT_OWNER'] });
    const above = await run('groups.create', { name: name() });
    const group_id = await run('groups.create', { name: name(), parents: [above] });
    await run('groups.members.create', { group_id, user_id: owner.id });
    await assign(organization_id, { group_id: above }, role_id);
    return () => codeOf(latchkey, 'users.disable', { user_id: owner.id });
  },
  'the owner closes the account': async (world) => {
    await direct(world);
    const user = world.owner.id as Id<'usr'>;
    return () => codeFrom(latchkey.app.closing.close(user, byUser(user)));
  },
  'the owner closes the account where it is erased at once': async (world) => {
    await direct(world);
    const user = world.owner.id as Id<'usr'>;
    return async () => {
      await latchkey.run('settings.update', { name: 'account.deletionDays', value: 0 });
      const code = await codeFrom(latchkey.app.closing.close(user, byUser(user)));
      await latchkey.run('settings.update', { name: 'account.deletionDays', value: 14 });
      return code;
    };
  },
};

const world = async (): Promise<World> => {
  const { id } = await latchkey.run<Made>('organizations.create', { name: 'Acme' });
  const owner = await latchkey.user();
  await joinWith(latchkey, id, owner);
  return { organization_id: id, owner };
};
const another = async ({ organization_id }: World) => {
  const user = await latchkey.user();
  await joinWith(latchkey, organization_id, user, 'TENANT_OWNER');
  return user;
};

test.each([
  ...Object.entries(inOrganization).map(([title, way]) => [title, 'organizations.last_owner', way] as const),
  ...Object.entries(ofAccount).map(([title, way]) => [title, 'users.last_owner', way] as const),
])('%s: refused with %s for the last owner alone', async (_title, code, way) => {
  const made = await world();
  const act = await way(made);
  expect(await act()).toBe(code);
  await another(made);
  expect(await act()).toBeNull();
});

describe('of two owners', () => {
  let made: World;
  let removal: () => Promise<string | null>;
  let second: TestUser;
  const arrange = async () => {
    made = await world();
    removal = await inOrganization['the role is taken']!(made);
    second = await another(made);
  };

  test.each<[string, () => Promise<unknown>]>([
    ['who is disabled', () => run('users.disable', { user_id: second.id })],
    ['who has closed the account', () => latchkey.app.closing.close(second.id as Id<'usr'>, operator)],
    [
      'whose role ends at a date',
      () =>
        latchkey.app.database.sql(
          `update role_assignment set expires_at = now() + interval '1 day' where user_id = $1`,
          [uuidOf(second)],
        ),
    ],
    [
      'who is no member any more',
      () => latchkey.app.database.sql('delete from organization_member where user_id = $1', [uuidOf(second)]),
    ],
  ])('one %s is not another one', async (_title, end) => {
    await arrange();
    await end();
    expect(await removal()).toBe('organizations.last_owner');
  });

  test('one with the role on the instance, or in another organization, is not another one', async () => {
    made = await world();
    removal = await inOrganization['the role is taken']!(made);
    const person = await latchkey.user();
    await joinWith(latchkey, made.organization_id, person);
    await run('assignments.create', { user_id: person.id, role: 'TENANT_OWNER' });
    const elsewhere = await world();
    await joinWith(latchkey, elsewhere.organization_id, person, 'TENANT_OWNER');
    expect(await removal()).toBe('organizations.last_owner');
  });
});

describe('the refusal', () => {
  test('names the organizations, and an operator can insist', async () => {
    const [acme, { id: second }] = [await world(), await latchkey.run<Made>('organizations.create', { name: 'Beta' })];
    await direct(acme);
    await joinWith(latchkey, second, acme.owner, 'TENANT_OWNER');
    const members = { user_id: acme.owner.id };
    const disable = (more: object = {}) => latchkey.run<object>('users.disable', { ...members, ...more });
    await expect(disable()).rejects.toThrow(
      'This user is the last active owner of Acme, Beta. Make another member owner first.',
    );
    expect(await disable({ force: true })).toMatchObject({ status: 'disabled' });
    const [event] = await latchkey.app.database.sql<{ details: object }>(
      `select d.details from audit_event e join audit_detail d on d.event_id = e.id where e.type = 'user.disabled' and e.subject_id = $1`,
      [acme.owner.id],
    );
    expect(event?.details).toEqual({
      organizations_without_owner: [acme.organization_id, second],
    });
  });

  test('is none for an organization that is closing', async () => {
    const made = await world();
    await direct(made);
    await run('organizations.close', { organization_id: made.organization_id });
    expect(await codeOf(latchkey, 'users.disable', { user_id: made.owner.id })).toBeNull();
  });

  test('of an import stands in its line, and everything else of the line is written', async () => {
    const made = await world();
    await direct(made);
    const record = { email: made.owner.email, email_verified: true, name: 'Ada', status: 'disabled' };
    await latchkey.app.database.sql('update users set email_verified = true where id = $1', [uuidOf(made.owner)]);
    const { results } = await latchkey.run<{ results: object[] }>('users.import', {
      lines: [{ line: 1, record }],
      update: true,
    });
    expect(results).toEqual([
      expect.objectContaining({
        line: 1,
        outcome: 'refused',
        reason: expect.stringContaining('last active owner of Acme'),
      }),
    ]);
    expect(await latchkey.run('users.read', { user_id: made.owner.id })).toMatchObject({
      status: 'active',
      name: 'Ada',
    });
  });
});
