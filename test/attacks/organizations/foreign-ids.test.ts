/**
 * Each operation on an organization, with ids of another one. An operation that is new is tried as well; a new kind of id needs a row
 * in `objects` below.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import { newId } from '#kernel/ids.ts';
import { mounted } from '../../../src/app/api.ts';
import { operations } from '../../../src/app/operations.ts';
import { routeOf } from '../../../src/api/operation-route.ts';
import { API, callApi, userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';

let latchkey: TestApp;
let first: Organization;
let second: Organization;
/** Of a user who owns the second organization and has no right elsewhere, with every scope. */
let token: string;
/** For the second organization, with every scope, of a user who owns both. */
let elsewhere: string;

type Organization = { id: string; ids: Readonly<Record<string, string>> };
const isOf = (name: string) => Object.hasOwn(named(name).params.shape, 'organization_id');
const named = (name: string) => operations.find((operation) => operation.name === name)!;
const isMounted = (name: string): boolean => mounted.includes(name);
const all = operations.map(({ name }) => name).filter(isOf);

/** Makes an object of an organization, and gives its id: by the name of the parameter. */
const objects: Readonly<Record<string, (organization_id: string, ids: Record<string, string>) => Promise<string>>> = {
  async user_id(organization_id) {
    const { id: user_id } = await latchkey.user();
    await latchkey.run('organizations.members.create', { organization_id, user_id });
    return user_id;
  },
  role_id: (organization_id) => made('organizations.roles.create', { organization_id }),
  group_id: (organization_id) => made('organizations.groups.create', { organization_id }),
  async assignment_id(organization_id, { user_id }) {
    return made('organizations.assignments.create', { organization_id, user_id });
  },
  invitation_id: (organization_id) => made('organizations.invitations.create', { organization_id }),
  domain_id: (organization_id) =>
    made('organizations.domains.create', { organization_id, domain: `${organization_id.replace('_', '-')}.example` }),
  async event_id(organization_id) {
    await latchkey.run('organizations.update', { organization_id, name: 'Acme' });
    const { events } = await latchkey.run<{ events: { id: string }[] }>('organizations.events.list', {
      organization_id,
    });
    return events[0]!.id;
  },
  async client_id(organization_id) {
    const { client_id } = await latchkey.client({ type: 'machine', redirect_uris: undefined });
    await latchkey.run('organizations.clients.allow', { organization_id, client_id });
    return client_id;
  },
};
const made = async (name: string, members: object) =>
  (await latchkey.run<{ id: string }>(name, { ...(named(name).example as object), ...members })).id;

/** Operations that take any id of this kind: what they take belongs to no organization. */
const takesAny: ReadonlySet<string> = new Set([
  'organizations.members.create user_id',
  'organizations.clients.allow client_id',
  'organizations.assignments.create client_id',
  'organizations.access.explain client_id',
  // Names at an identity provider, and any application to which a browser is sent.
  ...['create', 'update'].flatMap((verb) =>
    ['client_id', 'team_id', 'key_id', 'entity_id', 'landing_client_id'].map(
      (member) => `organizations.connections.${verb} ${member}`,
    ),
  ),
  // Lists can be limited to any subject.
  ...['user_id', 'actor_id', 'subject_id', 'client_id', 'session_id'].map(
    (member) => `organizations.events.list ${member}`,
  ),
  'organizations.assignments.list user_id',
  'organizations.assignments.list group_id',
  'organizations.assignments.list client_id',
]);
const kindsOf = (name: string): string[] => {
  const { params, input } = named(name);
  return Object.keys({ ...params.shape, ...input.shape }).filter(
    (member) => member !== 'organization_id' && member.endsWith('_id') && !takesAny.has(`${name} ${member}`),
  );
};

/** Parameters that are no ids. */
const words = { name: 'mfa.enforcement', connection: 'acme' };

async function organization(owner: string): Promise<Organization> {
  const { id } = await latchkey.run<{ id: string }>('organizations.create', { name: 'Acme', owner });
  const ids: Record<string, string> = {};
  for (const kind of new Set(all.flatMap(kindsOf))) ids[kind] = await objects[kind]!(id, ids);
  return { id, ids };
}

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.apiCallsPerMinute': 100_000 } });
  const [one, two] = [await latchkey.user(), await latchkey.user()];
  first = await organization(one.id);
  second = await organization(two.id);
  const client = await latchkey.client({ apis: { [API]: ['*'] }, organization_usage: 'allow' });
  const both = await latchkey.user();
  for (const { id } of [first, second])
    await latchkey.run('organizations.members.create', {
      organization_id: id,
      user_id: both.id,
      roles: ['TENANT_OWNER'],
    });
  const scope = ['openid', ...new Set(operations.map(({ permission }) => permission))].join(' ');
  ({ access_token: token } = await userTokens(latchkey, client, two, scope));
  const extra = { organization: second.id };
  ({ access_token: elsewhere } = await userTokens(latchkey, client, both, scope, extra));
});
afterAll(() => latchkey?.close());

/** Members of the input that exclude one another: the subject of a role. */
const subjects = ['user_id', 'group_id', 'client_id'];
const subjectsOf = (name: string): readonly string[] => {
  const given = subjects.filter((subject) => Object.hasOwn(named(name).input.shape, subject));
  return given.length > 1 ? given : [];
};

/** Ids of the second organization; of several subjects only the one that is tried. */
function idsFor(name: string, kind = 'user_id'): Record<string, string> {
  const given = subjectsOf(name);
  const kept = given.includes(kind) ? kind : 'user_id';
  return Object.fromEntries(Object.entries(second.ids).filter(([id]) => id === kept || !given.includes(id)));
}

const withoutSubjects = (name: string, example: unknown): object =>
  Object.fromEntries(Object.entries(example ?? {}).filter(([member]) => !subjectsOf(name).includes(member)));

/** The refusal of an operation for an operator, who may do everything. */
async function refusalOf(name: string, members: object): Promise<{ status?: number; code?: string }> {
  const { params, input, example } = named(name);
  const part = (shape: object, from: object = members) =>
    Object.fromEntries(Object.entries(from).filter(([key]) => Object.hasOwn(shape, key)));
  const given = {
    params: part(params.shape, { ...words, ...members }),
    input: { ...withoutSubjects(name, example), ...part(input.shape) },
  };
  const bound = latchkey.app.operations.find(({ operation }) => operation.name === name)!;
  return bound.call(given, operator).then(
    () => ({}),
    (error: { status?: number; code?: string }) => error,
  );
}

test('every kind of id has a row', () => {
  expect(all.length).toBeGreaterThan(12);
  expect(all.flatMap(kindsOf).filter((kind) => !Object.hasOwn(objects, kind))).toEqual([]);
});

describe.each(all.filter((name) => kindsOf(name).length > 0))('%s', (name) => {
  test.each(kindsOf(name))('does not find the %s of another organization', async (kind) => {
    const ids = { ...idsFor(name, kind), [kind]: first.ids[kind] };
    const refusal = await refusalOf(name, { organization_id: second.id, ...ids });
    expect(refusal).toMatchObject({ status: 404 });
    const unknown = newId(/^[a-z]+/.exec(first.ids[kind]!)![0]);
    const missing = await refusalOf(name, { organization_id: second.id, ...ids, [kind]: unknown });
    expect(missing.code).toBe(refusal.code);
  });
});

describe.each(all)('%s', (name) => {
  test('does not find an organization that is gone', async () => {
    const refusal = await refusalOf(name, { ...idsFor(name), organization_id: newId('org') });
    expect(refusal).toMatchObject({ status: 404, code: 'organizations.not_found' });
  });
});

describe.each(all.filter((name) => named(name).permission.startsWith('organization.') && isMounted(name)))(
  '%s',
  (name) => {
    test.each([
      ['a caller of another organization', () => token],
      ['an owner whose token is for another organization', () => elsewhere],
    ])('answers %s as if there were none', async (_who, shown) => {
      const { method, path, reads } = routeOf(named(name));
      const call = async (organizationId: string) => {
        const ids = { ...first.ids, organization_id: organizationId } as Record<string, string>;
        const address = path.replace(/^\/api/, '').replaceAll(/\{(\w+)\}/g, (_, kind: string) => ids[kind]!);
        const json = reads ? undefined : (named(name).example ?? {});
        const { status, body } = await callApi(latchkey, address, { method, token: shown(), json });
        return { status, body: { ...body, requestId: '' } };
      };
      const refusal = await call(first.id);
      expect(refusal).toMatchObject({ status: 404, body: { code: 'organizations.not_found' } });
      expect(await call(newId('org'))).toEqual(refusal);
    });
  },
);

test('a token for an organization opens this one, and nothing on the instance', async () => {
  const ask = async (path: string) => (await callApi(latchkey, path, { token: elsewhere })).status;
  expect(await ask(`/v1/organizations/${second.id}/members`)).toBe(200);
  expect(await ask('/v1/roles')).toBe(403);
  expect(await ask('/v1/organizations')).toBe(403);
});
