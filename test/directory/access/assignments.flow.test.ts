/** Groups and assignments: who gets roles by them, until when, and who may give and take them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EndedAssignments } from '#directory/access/ended-assignments.ts';
import { systemClock } from '#kernel/clock.ts';
import { toUuid } from '#kernel/ids.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { codeFor, codeOf, joinWith, missing, newOrganization, type TestRole } from '../../support/roles.ts';

type Named = { id: string; name: string };
type Assignment = { id: string; role: string; user_id?: string; expires_at: string | null };
type Explained = {
  allowed: boolean;
  ways: { assignment_id: string; organization_id: string | null; groups: Named[]; roles: Named[] }[];
};

let latchkey: TestApp;
let organization: string;
let other: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  organization = await newOrganization(latchkey, 'Acme');
  other = await newOrganization(latchkey, 'Other');
});
afterAll(() => latchkey.close());

let made = 0;
const fresh = (): string => `name${++made}`;
const role = (members: object = {}) => latchkey.run<TestRole>('roles.create', { name: fresh(), ...members });
const group = (members: object = {}) => latchkey.run<Named>('groups.create', { name: fresh(), ...members });
const assign = (members: object) => latchkey.run<Assignment>('assignments.create', members);
const allowed = async (user: TestUser, permission: string, organization_id?: string) => {
  const question = { user_id: user.id, permission, ...(organization_id === undefined ? {} : { organization_id }) };
  return (await latchkey.run<{ allowed: boolean }>('access.check', question)).allowed;
};
const refusal = (name: string, members: object) => codeOf(latchkey, name, members);
const refusalFor = (held: readonly string[], name: string, members: object) => codeFor(latchkey, held, name, members);

describe('an assignment', () => {
  let person: TestUser;
  beforeEach(async () => {
    person = await latchkey.user();
  });

  test('on the instance brings a role and what it inherits, at once and until it is taken', async () => {
    const inner = await role({ permissions: ['users.read'] });
    const outer = await role({ inherits: [inner.name] });
    expect(await allowed(person, 'users.read')).toBe(false);
    const { id } = await assign({ user_id: person.id, role: outer.name });
    expect(await allowed(person, 'users.read')).toBe(true);
    expect(await allowed(person, 'users.manage')).toBe(false);
    await latchkey.run('roles.update', { role_id: inner.id, permissions: ['users.manage'] });
    expect([await allowed(person, 'users.read'), await allowed(person, 'users.manage')]).toEqual([false, true]);
    await latchkey.run('assignments.delete', { assignment_id: id });
    expect(await allowed(person, 'users.manage')).toBe(false);
  });

  test('in an organization counts there alone, and for members', async () => {
    const members = { organization_id: organization, user_id: person.id, role: 'TENANT_MANAGER' };
    expect(await refusal('organizations.assignments.create', members)).toBe('organizations.member_not_found');
    await joinWith(latchkey, organization, person, 'TENANT_MANAGER');
    expect(await allowed(person, 'organization.members.manage', organization)).toBe(true);
    expect(await allowed(person, 'organization.read', organization)).toBe(true);
    expect(await allowed(person, 'organization.close', organization)).toBe(false);
    expect(await allowed(person, 'organization.members.manage', other)).toBe(false);
    expect(await allowed(person, 'organization.members.manage')).toBe(false);
    await latchkey.run('organizations.members.delete', { organization_id: organization, user_id: person.id });
    expect(await allowed(person, 'organization.members.manage', organization)).toBe(false);
  });

  test('ends at its date, and can then be made again', async () => {
    const { name } = await role({ permissions: ['audit.read'] });
    const soon = new Date(Date.now() + 60_000).toISOString();
    const { id } = await assign({ user_id: person.id, role: name, expires_at: soon });
    expect(await allowed(person, 'audit.read')).toBe(true);
    expect(await refusal('assignments.create', { user_id: person.id, role: name })).toBe('assignments.exists');
    await latchkey.app.database.transaction((em) =>
      em.execute(`update role_assignment set expires_at = now() - interval '1 second' where id = ?`, [
        toUuid(id as `ras_${string}`),
      ]),
    );
    expect(await allowed(person, 'audit.read')).toBe(false);
    const { assignments } = await latchkey.run<{ assignments: Assignment[] }>('assignments.list', {
      user_id: person.id,
    });
    expect(assignments).toEqual([]);
    expect((await assign({ user_id: person.id, role: name })).expires_at).toBeNull();
    expect(await allowed(person, 'audit.read')).toBe(true);
    const past = new Date(Date.now() - 1000).toISOString();
    expect(await refusal('assignments.create', { user_id: person.id, role: 'TENANT_USER', expires_at: past })).toBe(
      'assignments.invalid',
    );
  });

  test('is made once when two requests make it together', async () => {
    const { name } = await role();
    const codes = await Promise.all(
      [1, 2, 3].map(() => refusal('assignments.create', { user_id: person.id, role: name })),
    );
    expect(codes.filter((code) => code === null)).toHaveLength(1);
    expect(codes.filter((code) => code === 'assignments.exists')).toHaveLength(2);
  });

  test('has one subject that exists, and a role that exists there', async () => {
    const { name } = await role();
    const client = await latchkey.client({ type: 'machine', redirect_uris: undefined });
    const local = await latchkey.run<TestRole>('organizations.roles.create', {
      organization_id: organization,
      name: fresh(),
    });
    for (const [code, members] of [
      ['input.invalid', { role: name }],
      ['input.invalid', { role: name, user_id: person.id, client_id: client.client_id }],
      ['users.not_found', { role: name, user_id: missing('usr') }],
      ['groups.not_found', { role: name, group_id: missing('grp') }],
      ['assignments.invalid', { role: name, client_id: 'no-client' }],
      ['roles.not_found', { role: 'NONE', user_id: person.id }],
      ['roles.not_found', { role: local.id, user_id: person.id }],
      [null, { role: name, client_id: client.client_id }],
    ] as const)
      expect(await refusal('assignments.create', members)).toBe(code);
  });

  test('of another place cannot be taken', async () => {
    await joinWith(latchkey, organization, person, 'TENANT_USER');
    const { assignments } = await latchkey.run<{ assignments: Assignment[] }>('organizations.assignments.list', {
      organization_id: organization,
      user_id: person.id,
    });
    const { id } = assignments[0]!;
    expect(await refusal('assignments.delete', { assignment_id: id })).toBe('assignments.not_found');
    expect(await refusal('organizations.assignments.delete', { organization_id: other, assignment_id: id })).toBe(
      'assignments.not_found',
    );
    expect(
      await refusal('organizations.assignments.delete', { organization_id: organization, assignment_id: id }),
    ).toBeNull();
  });

  test('whose date is over is removed later, and no other one', async () => {
    const [ended, later] = [await role(), await role()];
    const expires_at = new Date(Date.now() + 60_000).toISOString();
    const { id } = await assign({ user_id: person.id, role: ended.name, expires_at });
    const { id: kept } = await assign({ user_id: person.id, role: later.name, expires_at });
    const { sql } = latchkey.app.database;
    const uuid = toUuid(id as `ras_${string}`);
    await sql(`update role_assignment set expires_at = now() - interval '1 second' where id = $1`, [uuid]);
    await new EndedAssignments(systemClock, latchkey.app.database).purge(100);
    const left = await sql<{ id: string }>('select id from role_assignment where id = any($1::uuid[])', [
      [uuid, toUuid(kept as `ras_${string}`)],
    ]);
    expect(left.map((row) => row.id)).toEqual([toUuid(kept as `ras_${string}`)]);
  });
});

describe('a group', () => {
  test('gives its roles to its members, and to members of the groups in it', async () => {
    const person = await latchkey.user();
    const { name } = await role({ permissions: ['waitlist.read'] });
    const company = await group();
    const department = await group({ parents: [company.id] });
    const team = await group({ parents: [department.id] });
    const { id } = await assign({ group_id: company.id, role: name });
    expect(await allowed(person, 'waitlist.read')).toBe(false);
    await latchkey.run('groups.members.create', { group_id: team.id, user_id: person.id });
    await latchkey.run('groups.members.create', { group_id: team.id, user_id: person.id });
    expect(await allowed(person, 'waitlist.read')).toBe(true);
    expect(
      await latchkey.run<Explained>('access.explain', { user_id: person.id, permission: 'waitlist.read' }),
    ).toEqual({
      allowed: true,
      ways: [
        expect.objectContaining({
          assignment_id: id,
          organization_id: null,
          groups: [team, department, company].map((each) => ({ id: each.id, name: each.name })),
          roles: [expect.objectContaining({ name })],
        }),
      ],
    });
    const { members } = await latchkey.run<{ members: { user_id: string }[] }>('groups.members.list', {
      group_id: team.id,
    });
    expect(members.map((member) => member.user_id)).toEqual([person.id]);
    await latchkey.run('groups.update', { group_id: department.id, parents: [] });
    expect(await allowed(person, 'waitlist.read')).toBe(false);
    await latchkey.run('groups.update', { group_id: department.id, parents: [company.id] });
    await latchkey.run('groups.members.delete', { group_id: team.id, user_id: person.id });
    expect(await allowed(person, 'waitlist.read')).toBe(false);
    expect(await refusal('groups.members.delete', { group_id: team.id, user_id: person.id })).toBe(
      'groups.member_not_found',
    );
  });

  test('cannot contain itself, also when requests make the circle together', async () => {
    const a = await group();
    const b = await group({ parents: [a.id] });
    expect(await refusal('groups.update', { group_id: a.id, parents: [b.id] })).toBe('groups.cycle');
    for (let round = 0; round < 3; round += 1) {
      const ring = await Promise.all([1, 2, 3, 4].map(() => group()));
      const codes = await Promise.all(
        ring.map(({ id }, at) => refusal('groups.update', { group_id: id, parents: [ring[(at + 1) % 4]!.id] })),
      );
      expect(codes.filter((code) => code !== null)).toEqual(['groups.cycle']);
    }
  });

  test('of an organization has members of the organization, and is unknown elsewhere', async () => {
    const person = await latchkey.user();
    const within = { organization_id: organization };
    const staff = await latchkey.run<Named>('organizations.groups.create', { ...within, name: fresh() });
    const member = { ...within, group_id: staff.id, user_id: person.id };
    expect(await refusal('organizations.groups.members.create', member)).toBe('organizations.member_not_found');
    await joinWith(latchkey, organization, person);
    expect(await refusal('organizations.groups.members.create', member)).toBeNull();
    await latchkey.run('organizations.assignments.create', { ...within, group_id: staff.id, role: 'TENANT_USER' });
    expect(await allowed(person, 'organization.read', organization)).toBe(true);
    const ofOther = { organization_id: other, group_id: staff.id };
    for (const [name, members] of [
      ['organizations.groups.read', {}],
      ['organizations.groups.update', { description: 'mine' }],
      ['organizations.groups.delete', {}],
      ['organizations.groups.members.list', {}],
      ['organizations.groups.members.create', { user_id: person.id }],
      ['organizations.groups.members.delete', { user_id: person.id }],
    ] as const)
      expect(await refusal(name, { ...ofOther, ...members }), name).toBe('groups.not_found');
    expect(await refusal('groups.read', { group_id: staff.id })).toBe('groups.not_found');
    expect(await refusal('assignments.create', { group_id: staff.id, role: 'TENANT_USER' })).toBe('groups.not_found');
    expect(await refusal('groups.create', { name: fresh(), parents: [staff.id] })).toBe('groups.not_found');
  });

  test('has a name of its own in its place', async () => {
    const { name } = await group();
    expect(await refusal('groups.create', { name })).toBe('groups.name_taken');
    expect(await refusal('organizations.groups.create', { organization_id: organization, name })).toBeNull();
    for (const wrong of ['', ' x', 'a\nb', 'a‮b', 'x'.repeat(129)])
      expect(await refusal('groups.create', { name: wrong })).toBe('input.invalid');
  });
});

describe('an actor gives and takes only what the actor holds', () => {
  const held = ['access.manage', 'audit.read'];
  const refused = 'access.permissions_not_held';
  let person: TestUser;
  let strong: TestRole;
  let weak: TestRole;
  beforeEach(async () => {
    person = await latchkey.user();
    strong = await role({ permissions: ['users.manage'] });
    weak = await role({ permissions: ['audit.read'] });
  });

  test('by an assignment', async () => {
    for (const name of [strong.name, strong.id, 'SUPER_ADMIN', 'PLATFORM_ADMIN'])
      expect(await refusalFor(held, 'assignments.create', { user_id: person.id, role: name }), name).toBe(refused);
    expect(await refusalFor(held, 'assignments.create', { user_id: person.id, role: weak.name })).toBeNull();
    const client = await latchkey.client({ type: 'machine', redirect_uris: undefined });
    expect(await refusalFor(held, 'assignments.create', { client_id: client.client_id, role: strong.name })).toBe(
      refused,
    );
    const given = await assign({ client_id: client.client_id, role: strong.name });
    expect(await refusalFor(held, 'assignments.delete', { assignment_id: given.id })).toBe(refused);
  });

  test('by a group, whichever way it has the role', async () => {
    const company = await group();
    const team = await group({ parents: [company.id] });
    await assign({ group_id: company.id, role: strong.name });
    const loose = await group();
    const member = { user_id: person.id };
    expect(await refusalFor(held, 'groups.members.create', { group_id: company.id, ...member })).toBe(refused);
    expect(await refusalFor(held, 'groups.members.create', { group_id: team.id, ...member })).toBe(refused);
    expect(await refusalFor(held, 'groups.members.create', { group_id: loose.id, ...member })).toBeNull();
    expect(await refusalFor(held, 'groups.update', { group_id: loose.id, parents: [team.id] })).toBe(refused);
    expect(await refusalFor(held, 'groups.update', { group_id: team.id, parents: [] })).toBe(refused);
    expect(await refusalFor(held, 'groups.create', { name: fresh(), parents: [team.id] })).toBe(refused);
    expect(await refusalFor(held, 'groups.delete', { group_id: company.id })).toBe(refused);
    expect(await refusalFor(held, 'assignments.create', { group_id: loose.id, role: strong.name })).toBe(refused);
    expect(await refusalFor([...held, 'users.manage'], 'groups.delete', { group_id: company.id })).toBeNull();
  });

  test('and changes nothing of a user who has more', async () => {
    const given = await assign({ user_id: person.id, role: weak.name });
    await assign({ user_id: person.id, role: strong.name });
    const loose = await group();
    expect(await refusalFor(held, 'assignments.delete', { assignment_id: given.id })).toBe(refused);
    expect(await refusalFor(held, 'groups.members.create', { group_id: loose.id, user_id: person.id })).toBe(refused);
    expect(await refusalFor([...held, 'users.manage'], 'assignments.delete', { assignment_id: given.id })).toBeNull();
  });
});

describe('an explanation', () => {
  test('shows every way, and the roles along it', async () => {
    const person = await latchkey.user();
    const inner = await role({ permissions: ['keys.read'] });
    const outer = await role({ inherits: [inner.name] });
    const first = await assign({ user_id: person.id, role: outer.name });
    const second = await assign({ user_id: person.id, role: inner.name });
    const found = await latchkey.run<Explained>('access.explain', { user_id: person.id, permission: 'keys.read' });
    expect(found.allowed).toBe(true);
    expect(found.ways.map(({ assignment_id: id, roles }) => [id, roles.map(({ name }) => name)])).toEqual([
      [first.id, [outer.name, inner.name]],
      [second.id, [inner.name]],
    ]);
    expect(await latchkey.run('access.explain', { user_id: person.id, permission: 'keys.manage' })).toEqual({
      allowed: false,
      ways: [],
    });
  });

  test('in an organization shows no way of another one', async () => {
    const person = await latchkey.user();
    await joinWith(latchkey, organization, person, 'TENANT_OWNER');
    await joinWith(latchkey, other, person, 'TENANT_USER');
    const ask = (organization_id: string) =>
      latchkey.run<Explained>('organizations.access.explain', {
        organization_id,
        user_id: person.id,
        permission: 'organization.members.manage',
      });
    const found = await ask(organization);
    expect(found.ways.map(({ roles }) => roles.map(({ name }) => name))).toEqual([
      ['TENANT_OWNER', 'TENANT_ADMIN', 'TENANT_MANAGER'],
    ]);
    expect(await ask(other)).toEqual({ allowed: false, ways: [] });
  });
});
