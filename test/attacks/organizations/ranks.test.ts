/**
 * Nobody gives what they lack, and nobody changes a user of higher rank, by any way: each row is refused to the attacker, and performed
 * for a caller who has the permissions.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Id } from '#kernel/ids.ts';
import { operations } from '../../../src/app/operations.ts';
import { API, userTokens, callApi } from '../../support/api.ts';
import { routeOf } from '../../../src/api/operation-route.ts';
import { mounted } from '../../../src/app/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { declaredCode, givenTo } from '../../support/operations.ts';
import { codeForUser, permissionsIn } from '../../support/rights.ts';
import { joinWith, newOrganization } from '../../support/roles.ts';

const SCOPE = 'https://reports.example read';
const everyScope = [...new Set(operations.map(({ permission }) => permission))].join(' ');

let latchkey: TestApp;
let web: TestClient;
type Actor = { user: TestUser; token: string };
/** Of one organization, new for each row. */
type World = { organization_id: Id<'org'>; owner: Actor; attacker: Actor; friend: TestUser };
type Act = { name: string; members: object };
/** Arranges what the row needs, as an operator, and answers the act. */
type Way = (world: World) => Promise<Act> | Act;

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.apiCallsPerMinute': 100_000 } });
  web = await latchkey.client({ first_party: true, apis: { [API]: ['*'] } });
  await latchkey.run('apis.create', { identifier: 'https://reports.example', scopes: [{ name: 'read' }] });
  await latchkey.run('roles.create', { name: 'reporter', permissions: [SCOPE] });
});
afterAll(() => latchkey?.close());

let count = 0;
const fresh = () => `name${String((count += 1))}`;
const made = async (name: string, members: object) => (await latchkey.run<{ id: string }>(name, members)).id;
const actor = async (user: TestUser): Promise<Actor> => ({
  user,
  token: (await userTokens(latchkey, web, user, `openid ${everyScope}`)).access_token,
});

async function world(role: string, own: readonly string[] = []): Promise<World> {
  const organization_id = (await newOrganization(latchkey, 'Acme')) as Id<'org'>;
  if (own.length > 0)
    await latchkey.run('organizations.roles.create', { organization_id, name: role, permissions: own });
  const [owner, attacker, friend] = [await latchkey.user(), await latchkey.user(), await latchkey.user()];
  for (const [user, name] of [
    [owner, 'TENANT_OWNER'],
    [attacker, role],
  ] as const)
    await joinWith(latchkey, organization_id, user, name);
  await joinWith(latchkey, organization_id, friend);
  return { organization_id, owner: await actor(owner), attacker: await actor(attacker), friend };
}

/** Through the API where it has the operation, else with the same rights. */
async function codeOf({ user, token }: Actor, place: Id<'org'>, { name, members }: Act): Promise<string | null> {
  const operation = operations.find((each) => each.name === name)!;
  const given = givenTo(name, members);
  if (mounted.includes(name)) {
    const { path, method, reads } = routeOf(operation);
    const address = path
      .replace(/^\/api/, '')
      .replaceAll(/\{(\w+)\}/g, (_, id: string) => String((given.params as Record<string, unknown>)[id]));
    const { status, body } = await callApi(latchkey, address, { method, token, json: reads ? undefined : given.input });
    const answer =
      status < 300
        ? { ok: true as const, result: body }
        : { ok: false as const, code: String(body['code']), message: '' };
    return declaredCode(name, answer);
  }
  return codeForUser(latchkey, user, place, name, members);
}
const there = ({ organization_id }: World, name: string, members: object): Act => ({
  name: `organizations.${name}`,
  members: { organization_id, ...members },
});

/** A group with a role, and one of the attacker without any. */
async function groups(of: World, role = 'TENANT_OWNER') {
  const { organization_id, attacker } = of;
  const high = await made('organizations.groups.create', { organization_id, name: fresh() });
  await latchkey.run('organizations.assignments.create', { organization_id, group_id: high, role });
  const own = await made('organizations.groups.create', { organization_id, name: fresh() });
  const member = { organization_id, group_id: own, user_id: attacker.user.id };
  await latchkey.run('organizations.groups.members.create', member);
  return { high, own };
}
const ownRole = ({ organization_id }: World, members: object = { permissions: ['organization.read'] }) =>
  made('organizations.roles.create', { organization_id, name: fresh(), ...members });
const machine = async () =>
  (await latchkey.client({ type: 'machine', redirect_uris: undefined, organization_usage: 'allow' })).client_id;
const higherRole = (of: World) => ownRole(of, { inherits: ['TENANT_OWNER'] });

/** By an administrator of the organization, who lacks what an owner has: closing it. */
const byAdmin: Readonly<Record<string, Way>> = {
  'a new role with the permission': (of) =>
    there(of, 'roles.create', { name: fresh(), permissions: ['organization.close'] }),
  'a new role that inherits it': (of) => there(of, 'roles.create', { name: fresh(), inherits: ['TENANT_OWNER'] }),
  'the permission in a role': async (of) =>
    there(of, 'roles.update', { role_id: await ownRole(of), permissions: ['organization.close'] }),
  'inheritance in a role': async (of) =>
    there(of, 'roles.update', { role_id: await ownRole(of), inherits: ['TENANT_OWNER'] }),
  'inheritance through a role in between': async (of) =>
    there(of, 'roles.update', { role_id: await ownRole(of), inherits: [await higherRole(of)] }),
  'the name of a role that has more': async (of) =>
    there(of, 'roles.update', { role_id: await higherRole(of), name: fresh() }),
  'the end of a role that has more': async (of) => there(of, 'roles.delete', { role_id: await higherRole(of) }),
  'an assignment to oneself': (of) =>
    there(of, 'assignments.create', { role: 'TENANT_OWNER', user_id: of.attacker.user.id }),
  'an assignment to a friend, for a minute': (of) =>
    there(of, 'assignments.create', {
      role: 'TENANT_OWNER',
      user_id: of.friend.id,
      expires_at: new Date(Date.now() + 60_000).toISOString(),
    }),
  'an assignment of a role that inherits it': async (of) =>
    there(of, 'assignments.create', { role: await higherRole(of), user_id: of.friend.id }),
  'an assignment to the own group': async (of) =>
    there(of, 'assignments.create', { role: 'TENANT_OWNER', group_id: (await groups(of)).own }),
  'an assignment to a machine client': async (of) =>
    there(of, 'assignments.create', { role: 'TENANT_OWNER', client_id: await machine() }),
  'the end of the assignment of a second owner': async (of) => {
    const { organization_id, friend } = of;
    const given = { organization_id, user_id: friend.id, role: 'TENANT_OWNER' };
    return there(of, 'assignments.delete', { assignment_id: await made('organizations.assignments.create', given) });
  },
  'membership in a group with the role': async (of) =>
    there(of, 'groups.members.create', { group_id: (await groups(of)).high, user_id: of.attacker.user.id }),
  'the own group in a group with the role': async (of) => {
    const { own, high } = await groups(of);
    return there(of, 'groups.update', { group_id: own, parents: [high] });
  },
  'a new group in a group with the role': async (of) =>
    there(of, 'groups.create', { name: fresh(), parents: [(await groups(of)).high] }),
  'the end of a group with the role': async (of) => there(of, 'groups.delete', { group_id: (await groups(of)).high }),
  'the removal of an owner from a group': async (of) => {
    const { high } = await groups(of);
    const member = { group_id: high, user_id: of.friend.id };
    await latchkey.run('organizations.groups.members.create', { organization_id: of.organization_id, ...member });
    return there(of, 'groups.members.delete', member);
  },
  'a low role for an owner': (of) =>
    there(of, 'assignments.create', { role: 'TENANT_USER', user_id: of.owner.user.id }),
  'an owner in a low group': async (of) =>
    there(of, 'groups.members.create', { group_id: (await groups(of)).own, user_id: of.owner.user.id }),
  'an invitation': (of) =>
    there(of, 'invitations.create', { email: `${fresh()}@guests.example`, roles: ['TENANT_OWNER'] }),
  'an invitation by an operator, sent again': async (of) => {
    const { organization_id } = of;
    const given = { organization_id, email: `${fresh()}@guests.example`, roles: ['TENANT_OWNER'] };
    return there(of, 'invitations.resend', { invitation_id: await made('organizations.invitations.create', given) });
  },
  'a new member': async (of) =>
    there(of, 'members.create', { user_id: (await latchkey.user()).id, roles: ['TENANT_OWNER'] }),
  'the removal of a second owner': async (of) => {
    await joinWith(latchkey, of.organization_id, of.friend, 'TENANT_OWNER');
    return there(of, 'members.delete', { user_id: of.friend.id });
  },
};

/** By a manager of members, who lacks everything that an administrator has. */
const byManager: Readonly<Record<string, Way>> = {
  'a new member': async (of) =>
    there(of, 'members.create', { user_id: (await latchkey.user()).id, roles: ['TENANT_ADMIN'] }),
  'an invitation': (of) =>
    there(of, 'invitations.create', { email: `${fresh()}@guests.example`, roles: ['TENANT_ADMIN'] }),
  'the removal of an administrator': async (of) => {
    await joinWith(latchkey, of.organization_id, of.friend, 'TENANT_ADMIN');
    return there(of, 'members.delete', { user_id: of.friend.id });
  },
  'the removal of an administrator by a group': async (of) => {
    const { high } = await groups(of, 'TENANT_ADMIN');
    const member = { organization_id: of.organization_id, group_id: high, user_id: of.friend.id };
    await latchkey.run('organizations.groups.members.create', member);
    return there(of, 'members.delete', { user_id: of.friend.id });
  },
};

/** By a caller who manages domains and has not even TENANT_USER, which users who join get. */
const byDomainManager: Readonly<Record<string, Way>> = {
  'a domain whose users join': (of) => there(of, 'domains.create', { domain: `${fresh()}.example`, joining: 'join' }),
  'joining for a domain': async (of) => {
    const given = { organization_id: of.organization_id, domain: `${fresh()}.example` };
    return there(of, 'domains.update', {
      domain_id: await made('organizations.domains.create', given),
      joining: 'join',
    });
  },
};

async function expectRefused(of: World, way: Way, rightful: Actor): Promise<void> {
  const act = await way(of);
  const attacker = of.attacker.user.id as Id<'usr'>;
  const held = () => permissionsIn(latchkey).effective.permissionsOf(attacker, of.organization_id);
  const before = await held();
  expect(await codeOf(of.attacker, of.organization_id, act)).toBe('access.permissions_not_held');
  expect(await held()).toEqual(before);
  expect(await codeOf(rightful, of.organization_id, act)).toBeNull();
}

describe('an administrator of an organization does not give or take ownership', () => {
  test.each(Object.entries(byAdmin))('by %s', async (_title, way) => {
    const of = await world('TENANT_ADMIN');
    await expectRefused(of, way, of.owner);
  });
});

describe('a manager does not give or take administration', () => {
  test.each(Object.entries(byManager))('by %s', async (_title, way) => {
    const of = await world('TENANT_MANAGER');
    await expectRefused(of, way, of.owner);
  });
});

describe('a manager of domains does not give membership', () => {
  test.each(Object.entries(byDomainManager))('by %s', async (_title, way) => {
    const of = await world('keeper', ['organization.domains.manage']);
    await expectRefused(of, way, of.owner);
  });
});

describe('an owner does not give scopes of APIs, which the holder of apis.manage gives', () => {
  const ways: Readonly<Record<string, Way>> = {
    'a new role': (of) => there(of, 'roles.create', { name: fresh(), permissions: [SCOPE] }),
    'a new role that inherits one': (of) => there(of, 'roles.create', { name: fresh(), inherits: ['reporter'] }),
    'a role': async (of) => there(of, 'roles.update', { role_id: await ownRole(of), permissions: [SCOPE] }),
    'an assignment': (of) => there(of, 'assignments.create', { role: 'reporter', user_id: of.friend.id }),
    'an assignment to the own group': async (of) =>
      there(of, 'assignments.create', { role: 'reporter', group_id: (await groups(of)).own }),
    'a new member': async (of) =>
      there(of, 'members.create', { user_id: (await latchkey.user()).id, roles: ['reporter'] }),
    'an invitation': (of) =>
      there(of, 'invitations.create', { email: `${fresh()}@guests.example`, roles: ['reporter'] }),
  };

  test.each(Object.entries(ways))('by %s', async (_title, way) => {
    const of = await world('TENANT_OWNER');
    const platform = await latchkey.user();
    await latchkey.run('assignments.create', { user_id: platform.id, role: 'PLATFORM_ADMIN' });
    await expectRefused(of, way, await actor(platform));
  });

  test('and removes a member who has one', async () => {
    const of = await world('TENANT_OWNER');
    await joinWith(latchkey, of.organization_id, of.friend, 'reporter');
    const act = there(of, 'members.delete', { user_id: of.friend.id });
    expect(await codeOf(of.owner, of.organization_id, act)).toBeNull();
  });
});
