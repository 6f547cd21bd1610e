/**
 * Administrators of the instance give and take no more than they hold, by any way. The attacker is a PLATFORM_ADMIN, who lacks the
 * settings, the keys and the exports of the instance. Each row is refused to the attacker and performed for a SUPER_ADMIN.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { API } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { codeForUser, permissionsIn } from '../../support/rights.ts';
import type { Id } from '#kernel/ids.ts';

let latchkey: TestApp;
let attacker: TestUser;
let superior: TestUser;
let victim: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  [superior, victim] = [
    await latchkey.user({ administrator: true }),
    await latchkey.user({ administrator: true, email_verified: true }),
  ];
});
// The rows give the attacker more, when the superior performs them.
beforeEach(async () => {
  attacker = await latchkey.user();
  await latchkey.run('assignments.create', { user_id: attacker.id, role: 'PLATFORM_ADMIN' });
});
afterAll(() => latchkey?.close());

type Act = readonly [name: string, members: object];
type Way = () => Promise<Act> | Act;

let count = 0;
const fresh = () => `name${String((count += 1))}`;
const made = async (name: string, members: object) => (await latchkey.run<{ id: string }>(name, members)).id;
const low = (members: object = {}) => made('roles.create', { name: fresh(), ...members });
const high = () => low({ inherits: ['SUPER_ADMIN'] });
const highGroup = async () => {
  const group_id = await made('groups.create', { name: fresh() });
  await latchkey.run('assignments.create', { group_id, role: 'SUPER_ADMIN' });
  return group_id;
};
const robot = (...scopes: [string, ...string[]]) =>
  latchkey.client({ type: 'machine', redirect_uris: undefined, apis: { [API]: scopes } });

const notHeld: Readonly<Record<string, Way>> = {
  'a new role': () => ['roles.create', { name: fresh(), permissions: ['settings.manage'] }],
  'a new role that inherits': () => ['roles.create', { name: fresh(), inherits: ['SUPER_ADMIN'] }],
  'a permission in a role': async () => ['roles.update', { role_id: await low(), permissions: ['keys.manage'] }],
  'inheritance in a role': async () => ['roles.update', { role_id: await low(), inherits: [await high()] }],
  'the end of a role': async () => ['roles.delete', { role_id: await high() }],
  'an assignment to oneself': () => ['assignments.create', { role: 'SUPER_ADMIN', user_id: attacker.id }],
  'an assignment of a role that inherits': async () => [
    'assignments.create',
    { role: await high(), user_id: attacker.id },
  ],
  'an assignment to a machine client': async () => [
    'assignments.create',
    { role: 'SUPER_ADMIN', client_id: (await robot('users.read')).client_id },
  ],
  'an assignment to a group': async () => [
    'assignments.create',
    { role: 'SUPER_ADMIN', group_id: await made('groups.create', { name: fresh() }) },
  ],
  'a low role for a superior': () => ['assignments.create', { role: 'TENANT_USER', user_id: victim.id }],
  'the end of the assignment of a superior': async () => {
    const { id: user_id } = await latchkey.user({ administrator: true });
    const { assignments } = await latchkey.run<{ assignments: { id: string }[] }>('assignments.list', { user_id });
    return ['assignments.delete', { assignment_id: assignments[0]!.id }];
  },
  'membership in a group': async () => ['groups.members.create', { group_id: await highGroup(), user_id: attacker.id }],
  'a group in a group': async () => [
    'groups.update',
    { group_id: await made('groups.create', { name: fresh() }), parents: [await highGroup()] },
  ],
  'a new group in a group': async () => ['groups.create', { name: fresh(), parents: [await highGroup()] }],
  'the end of a group': async () => ['groups.delete', { group_id: await highGroup() }],
};

const others: Readonly<Record<string, readonly [code: string, way: Way]>> = {
  'a new user': [
    'users.role_not_held',
    () => ['users.create', { email: `${fresh()}@new.example`, administrator: true }],
  ],
  'an invitation': [
    'users.role_not_held',
    () => ['invitations.create', { email: `${fresh()}@new.example`, administrator: true }],
  ],
  'a new machine client': [
    'clients.rights_missing',
    () => ['clients.create', { name: fresh(), type: 'machine', apis: { [API]: ['settings.manage'] } }],
  ],
  'a scope of a machine client': [
    'clients.rights_missing',
    async () => [
      'clients.update',
      { client_id: (await robot('users.read')).client_id, apis: { [API]: ['settings.manage'] } },
    ],
  ],
  'the secret of a machine client': [
    'clients.rights_missing',
    async () => ['clients.secrets.create', { client_id: (await robot('settings.manage')).client_id }],
  ],
};

async function expectRefused(code: string, way: Way): Promise<void> {
  const [name, members] = await way();
  expect(await codeForUser(latchkey, attacker, null, name, members)).toBe(code);
  const held = await permissionsIn(latchkey).effective.permissionsOf(attacker.id as Id<'usr'>, null);
  expect(['settings.manage', 'keys.manage', 'users.export'].filter((permission) => held.has(permission))).toEqual([]);
  expect(await codeForUser(latchkey, superior, null, name, members)).toBeNull();
}

describe('a platform administrator gains nothing', () => {
  test.each(Object.entries(notHeld))('by %s', (_title, way) => expectRefused('access.permissions_not_held', way));

  test.each(Object.entries(others))('by %s', (_title, [code, way]) => expectRefused(code, way));
});

test('an import changes no superior', async () => {
  const record = {
    email: victim.email,
    password: 'correct horse battery staple 10',
    name: 'Mallory',
    status: 'disabled',
  };
  const lines = [
    { line: 1, record },
    { line: 2, record: { email: 'new@import.example' } },
  ];
  const { id } = await latchkey.run<{ id: string }>('users.read', { user_id: victim.id });
  const before = await latchkey.run('users.read', { user_id: id });
  const hashes = () => latchkey.app.database.sql('select hash from password_credential order by user_id');
  const stored = await hashes();
  const imported = async (user: TestUser) => codeForUser(latchkey, user, null, 'users.import', { lines, update: true });
  expect(await imported(attacker)).toBeNull();
  expect(await latchkey.run('users.read', { user_id: id })).toEqual(before);
  expect(await hashes()).toEqual(stored);
  expect(await imported(superior)).toBeNull();
  expect(await latchkey.run('users.read', { user_id: id })).toMatchObject({ name: 'Mallory', status: 'disabled' });
});
