/**
 * Each role and each operation of the API, in the organization of the role and in another one: who may call it, and how a refusal looks.
 * The expectation is the permission that an operation declares, and the table of roles below; neither asks the code under test.
 * Every call carries a member that no operation knows: `input.invalid` is the answer to a caller who may, and nothing changes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { newId } from '#kernel/ids.ts';
import { mounted } from '../../src/app/api.ts';
import { operations } from '../../src/app/operations.ts';
import { routeOf } from '../../src/api/operation-route.ts';
import { API, callApi, clientTokens, machineWith, refusalOf, userTokens } from '../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { joinWith, newOrganization } from '../support/roles.ts';

const user = ['organization.read'];
const manager = [
  ...user,
  'organization.members.read',
  'organization.members.manage',
  'organization.invitations.manage',
];
const admin = [
  ...manager,
  'organization.manage',
  'organization.domains.manage',
  'organization.policy.manage',
  'organization.roles.manage',
  'organization.clients.manage',
  'organization.audit.read',
];
const owner = [...admin, 'organization.close', 'organization.connections.read', 'organization.connections.manage'];
const platform =
  `instance.administer branding.preview branding.manage users.read users.manage sessions.read sessions.manage consents.read
  consents.manage waitlist.read waitlist.manage clients.read clients.manage apis.read apis.manage keys.read settings.read audit.read connections.read
  organizations.read organizations.create organizations.manage access.read access.manage access.check jobs.read
  jobs.manage`.split(/\s+/);
const all = [
  ...platform,
  'settings.manage',
  'connections.manage',
  'identities.tokens.export',
  'keys.manage',
  'users.export',
  'audit.manage',
  'database.migrate',
];
/** Each user may do these with their own data, by no role. A machine client has no data, and a token for an organization opens none. */
const own =
  `own_profile.read own_profile.manage own_organizations.read own_sessions.read own_sessions.manage own_factors.read own_data.export
  own_identities.tokens.export`.split(/\s+/);
const everyScope = [...new Set(operations.map(({ permission }) => permission))].join(' ');

let latchkey: TestApp;
let web: TestClient;
let acme: string;
let beta: string;

type Held = {
  onInstance: readonly string[];
  inAcme: readonly string[];
  inBeta: readonly string[];
  /** Of the token; all where it is missing. A token without a scope is refused alike for every organization. */
  scopes: readonly string[];
};
type Token = () => Promise<string>;
type Operation = (typeof operations)[number];
const tokenOf = async (person: TestUser, extra: Record<string, string> = {}) =>
  (await userTokens(latchkey, web, person, `openid ${everyScope}`, extra)).access_token;
const member = async (...roles: string[]) => {
  const person = await latchkey.user();
  await joinWith(latchkey, acme, person, ...roles);
  return person;
};
const onInstance = async (role: string) => {
  const person = await latchkey.user();
  await latchkey.run('assignments.create', { user_id: person.id, role });
  return person;
};
const machineOf = async (...scopes: string[]) => {
  const machine = await machineWith(latchkey, '*');
  const { client_id } = machine;
  await latchkey.run('clients.update', { client_id, organization_usage: 'allow' });
  await latchkey.run('organizations.clients.allow', { organization_id: acme, client_id });
  return (await clientTokens(latchkey, machine, { scope: scopes.join(' '), organization: acme })).access_token;
};

/** The permissions of each caller, written by hand, and the way by which the caller gets them. */
const callers: readonly [name: string, held: Partial<Held>, token: Token][] = [
  [
    'SUPER_ADMIN',
    { onInstance: all, inAcme: owner, inBeta: owner },
    async () => tokenOf(await onInstance('SUPER_ADMIN')),
  ],
  [
    'PLATFORM_ADMIN',
    { onInstance: platform, inAcme: owner, inBeta: owner },
    async () => tokenOf(await onInstance('PLATFORM_ADMIN')),
  ],
  ['TENANT_OWNER', { inAcme: owner }, async () => tokenOf(await member('TENANT_OWNER'))],
  ['TENANT_ADMIN', { inAcme: admin }, async () => tokenOf(await member('TENANT_ADMIN'))],
  ['TENANT_MANAGER', { inAcme: manager }, async () => tokenOf(await member('TENANT_MANAGER'))],
  ['TENANT_USER', { inAcme: user }, async () => tokenOf(await member('TENANT_USER'))],
  ['a member without a role', {}, async () => tokenOf(await member())],
  ['a user without a role', {}, async () => tokenOf(await latchkey.user())],
  [
    'a role that inherits TENANT_MANAGER',
    { inAcme: [...manager, 'organization.domains.manage'] },
    async () => {
      const given = { name: 'keeper', inherits: ['TENANT_MANAGER'], permissions: ['organization.domains.manage'] };
      await latchkey.run('organizations.roles.create', { organization_id: acme, ...given });
      return tokenOf(await member('keeper'));
    },
  ],
  [
    'TENANT_ADMIN through a group in a group',
    { inAcme: admin },
    async () => {
      const group = async (name: string, parents: string[] = []) => {
        const given = { organization_id: acme, name, parents };
        return (await latchkey.run<{ id: string }>('organizations.groups.create', given)).id;
      };
      const above = await group('Above');
      const below = await group('Below', [above]);
      const there = { organization_id: acme };
      await latchkey.run('organizations.assignments.create', { ...there, group_id: above, role: 'TENANT_ADMIN' });
      const person = await member();
      await latchkey.run('organizations.groups.members.create', { ...there, group_id: below, user_id: person.id });
      return tokenOf(person);
    },
  ],
  [
    'TENANT_MANAGER on the instance',
    { inAcme: manager, inBeta: manager },
    async () => tokenOf(await onInstance('TENANT_MANAGER')),
  ],
  [
    'an owner of both with a token for the first',
    { inAcme: owner },
    async () => {
      const person = await member('TENANT_OWNER');
      await joinWith(latchkey, beta, person, 'TENANT_OWNER');
      return tokenOf(person, { organization: acme });
    },
  ],
  ['a machine client of the organization', { inAcme: owner }, async () => machineOf(everyScope)],
  [
    'a machine client of the organization with one scope',
    { inAcme: ['organization.members.read'], scopes: ['organization.members.read'] },
    async () => machineOf('organization.members.read'),
  ],
];

const offered = operations
  .filter(({ name }) => mounted.includes(name))
  .map((operation) => ({ operation, ...routeOf(operation) }));
type Offered = (typeof offered)[number];
const isOfOrganization = ({ operation: { permission, params } }: Offered): boolean =>
  permission.startsWith('organization.') && Object.hasOwn(params.shape, 'organization_id');

/** An id that nothing has, in the form of the parameter. */
function madeUp(schema: z.ZodType): string {
  const [example] = schema.meta()?.examples ?? [];
  const prefix = /^([a-z]+)_[0-9a-z]{26}$/.exec(String(example))?.[1];
  return prefix === undefined ? 'nothing' : newId(prefix);
}

const tokens = new Map<string, string>();
beforeAll(async () => {
  const settings = { 'limits.apiCallsPerMinute': 100_000, 'limits.refusedTokensPerAddress': 100_000 };
  latchkey = await startTestApp({ settings });
  web = await latchkey.client({ first_party: true, apis: { [API]: ['*'] }, organization_usage: 'allow' });
  acme = await newOrganization(latchkey, 'Acme');
  beta = await newOrganization(latchkey, 'Beta');
  for (const [name, , token] of callers) tokens.set(name, await token());
});
afterAll(() => latchkey?.close());

const opened = [422, 'input.invalid'];
const refused = [403, 'api.insufficient_scope'];
const missing = [404, 'organizations.not_found'];

async function ask(name: string, { operation, method, path, reads }: Offered, organization: string) {
  const address = path.replace(/^\/api/, '').replaceAll(/\{(\w+)\}/g, (_, parameter: string) => {
    return parameter === 'organization_id' ? organization : madeUp(operation.params.shape[parameter] as never);
  });
  const token = tokens.get(name);
  const call = reads
    ? callApi(latchkey, `${address}?no_such_member=1`, { method, token })
    : callApi(latchkey, address, { method, token, json: { no_such_member: 1 } });
  return refusalOf(await call);
}

test('the roles are the ones of the table', async () => {
  const { roles } = await latchkey.run<{ roles: { name: string; built_in: boolean }[] }>('roles.list', {});
  expect(roles.filter((role) => role.built_in).map(({ name }) => name)).toEqual(
    callers.map(([name]) => name).slice(0, roles.length),
  );
  expect(all.filter((name) => platform.includes(name))).toEqual(platform);
  const known = new Set([...all, ...owner, ...own]);
  expect(operations.map(({ permission }) => permission).filter((permission) => !known.has(permission))).toEqual([]);
});

const hasOwnData = (caller: string): boolean => !/machine|token for the first/.test(caller);

test.each(callers)('%s', async (name, held) => {
  const expected = ({ permission }: Operation, there: readonly string[], isInOrganization: boolean) => {
    if (held.scopes?.includes(permission) === false) return refused;
    if (there.includes(permission)) return opened;
    if (own.includes(permission)) return hasOwnData(name) ? opened : refused;
    return isInOrganization && there.length === 0 ? missing : refused;
  };
  const { onInstance: instance = [], inAcme = [], inBeta = [] } = held;
  const calls = offered.flatMap(
    (each): { each: Offered; organization: string; where: string; there: readonly string[] }[] =>
      isOfOrganization(each)
        ? [
            { each, organization: acme, where: 'in Acme', there: inAcme },
            { each, organization: beta, where: 'in Beta', there: inBeta },
          ]
        : [{ each, organization: newId('org'), where: 'on the instance', there: instance }],
  );
  const answers = await Promise.all(
    calls.map(async ({ each, organization, where }) => [
      `${each.operation.name} ${where}`,
      await ask(name, each, organization),
    ]),
  );
  const expectations = calls.map(({ each, where, there }) => [
    `${each.operation.name} ${where}`,
    expected(each.operation, there, isOfOrganization(each)),
  ]);
  expect(calls.length).toBeGreaterThan(100);
  expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(expectations));
});
