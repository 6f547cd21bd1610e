/** Organizations and what belongs to them over HTTP: lists with filters, members and their roles, and many rows at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { permissions } from '#directory/access/permission.ts';
import { newId } from '#kernel/ids.ts';
import { API, callApi, clientTokens, machineWith, userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';

let latchkey: TestApp;
/** Of a machine client with every scope. */
let token: string;
let organizationId: string;
let owner: TestUser;
/** Of the owner of the organization, with every scope. */
let ownerToken: string;

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.apiCallsPerMinute': 100_000 } });
  const machine = await machineWith(latchkey, '*');
  token = (await clientTokens(latchkey, machine, { scope: Object.keys(permissions).join(' ') })).access_token;
  owner = await latchkey.user();
  organizationId = await organization('Acme', owner.id);
  const client = await latchkey.client({ apis: { [API]: ['*'] } });
  const scope = 'openid organization.read organization.members.read organization.members.manage';
  ownerToken = (await userTokens(latchkey, client, owner, scope)).access_token;
});
afterAll(() => latchkey?.close());

const organization = async (name: string, user?: string): Promise<string> =>
  (await latchkey.run<{ id: string }>('organizations.create', { name, ...(user ? { owner: user } : {}) })).id;

type Answer = { status: number; body: Record<string, unknown> };
const call = async (method: string, path: string, json?: unknown, as = token): Promise<Answer> => {
  const { status, body } = await callApi(latchkey, `/v1${path}`, { method, token: as, json });
  return { status, body };
};
const list = async (path: string, query: object = {}) => {
  const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  const answer = await call('GET', `${path}?${asked.toString()}`);
  expect([answer.status, answer.body['detail']]).toEqual([200, undefined]);
  return answer.body as { next_cursor: string | null; total?: number } & Record<string, Record<string, unknown>[]>;
};
/** The values of a member of everything that a list has with these filters, read page by page. */
const all = async (path: string, items: string, member: string, query: object = {}) => {
  const found: unknown[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await list(path, { limit: 2, ...query, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page[items]!.map((each) => each[member]));
    cursor = page.next_cursor;
  }
  return found;
};

describe('organizations', () => {
  test('are listed by name, status, slug and text, in each order', async () => {
    const prefix = newId('org').slice(-8);
    const ids = [];
    for (const name of ['Beta', 'alpha', 'Gamma']) ids.push(await organization(`${prefix} ${name}`));
    await call('POST', `/organizations/${ids[1]!}/suspend`, {});
    const names = (query: object) => all('/organizations', 'organizations', 'name', { search: prefix, ...query });
    expect(await names({})).toEqual(['Beta', 'alpha', 'Gamma'].map((name) => `${prefix} ${name}`));
    expect(await names({ sort: 'name' })).toEqual(['alpha', 'Beta', 'Gamma'].map((name) => `${prefix} ${name}`));
    expect(await names({ sort: '-name' })).toEqual(['Gamma', 'Beta', 'alpha'].map((name) => `${prefix} ${name}`));
    expect(await names({ status: 'suspended' })).toEqual([`${prefix} alpha`]);
    expect(await names({ slug: `${prefix}-gamma` })).toEqual([`${prefix} Gamma`]);
    expect(await list('/organizations', { search: prefix, include_total: true, limit: 1 })).toMatchObject({
      total: 3,
      organizations: [{ id: ids[0] }],
      next_cursor: expect.any(String) as string,
    });
    const wrong = await call('GET', '/organizations?after=org_1');
    expect(wrong).toMatchObject({ status: 422, body: { errors: { after: 'is not a member here' } } });
  });
});

describe('members', () => {
  test('are listed by role, status, source and the beginning of a name', async () => {
    const id = await organization('Listed', owner.id);
    const [ada, bob] = [await latchkey.user({ name: 'Ada Lovelace' }), await latchkey.user({ name: 'Bob_1' })];
    for (const [user, roles] of [
      [ada, ['TENANT_ADMIN']],
      [bob, ['TENANT_USER']],
    ] as const)
      await call('POST', `/organizations/${id}/members`, { user_id: user.id, roles });
    await latchkey.run('users.disable', { user_id: bob.id });
    const found = (query: object) => all(`/organizations/${id}/members`, 'members', 'user_id', query);
    expect(await found({})).toEqual([owner.id, ada.id, bob.id]);
    expect(await found({ sort: '-joined_at' })).toEqual([bob.id, ada.id, owner.id]);
    expect(await found({ sort: 'user_id' })).toEqual([owner.id, ada.id, bob.id].toSorted());
    expect(await found({ role: 'TENANT_ADMIN' })).toEqual([ada.id]);
    expect(await found({ role: 'TENANT_ADMIN', status: 'disabled' })).toEqual([]);
    expect(await found({ status: 'disabled' })).toEqual([bob.id]);
    expect(await found({ source: 'created' })).toEqual([owner.id]);
    expect(await found({ search: 'ada l' })).toEqual([ada.id]);
    expect(await found({ search: 'bob_' })).toEqual([bob.id]);
    expect(await found({ search: 'lovelace' })).toEqual([]);
    const [page] = [await list(`/organizations/${id}/members`, { include_total: true, role: 'TENANT_USER' })];
    expect(page).toMatchObject({ total: 1, members: [{ status: 'disabled', roles: ['TENANT_USER'] }] });
  });

  test('a user has a list of organizations', async () => {
    const user = await latchkey.user();
    const ids = [await organization('Zeta', user.id), await organization('alpha', user.id)];
    const found = (query: object) => all(`/users/${user.id}/organizations`, 'organizations', 'id', query);
    expect(await found({})).toEqual(ids.toReversed());
    expect(await found({ sort: 'joined_at' })).toEqual(ids);
    await call('POST', `/organizations/${ids[0]!}/suspend`, {});
    expect(await found({ status: 'active' })).toEqual([ids[1]]);
  });

  test('get other roles, and keep those that are not changed as they were given', async () => {
    const id = await organization('Changed', owner.id);
    const user = await latchkey.user();
    const member = `/organizations/${id}/members/${user.id}`;
    await call('POST', `/organizations/${id}/members`, { user_id: user.id });
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    await latchkey.run('organizations.assignments.create', {
      organization_id: id,
      role: 'TENANT_MANAGER',
      user_id: user.id,
      expires_at,
    });
    const roles = ['TENANT_ADMIN', 'TENANT_MANAGER'];
    expect(await call('PATCH', member, { roles })).toMatchObject({ status: 200, body: { roles } });
    expect(await call('PATCH', member, {})).toMatchObject({ status: 200, body: { roles } });
    const { assignments } = await latchkey.run<{ assignments: object[] }>('organizations.assignments.list', {
      organization_id: id,
      user_id: user.id,
    });
    expect(assignments).toMatchObject([
      { role: 'TENANT_MANAGER', expires_at },
      { role: 'TENANT_ADMIN', expires_at: null },
    ]);
    const events = await latchkey.app.database.sql(
      `select actor_type from audit_event where type = 'organization.member_changed' and subject_id = $1`,
      [user.id],
    );
    expect(events).toHaveLength(1);
  });

  test.each<[what: string, user: () => string, roles: string[], status: number, code: string]>([
    ['a user who is no member', () => newId('usr'), ['TENANT_USER'], 404, 'organizations.member_not_found'],
    ['a role that is not there', () => owner.id, ['nobody'], 404, 'roles.not_found'],
    ['the only owner', () => owner.id, ['TENANT_ADMIN'], 409, 'organizations.last_owner'],
  ])('refuse a change of %s', async (_what, user, roles, status, code) => {
    const answer = await call('PATCH', `/organizations/${organizationId}/members/${user()}`, { roles });
    expect(answer).toMatchObject({ status, body: { code } });
  });

  test('give and take what the caller has, of users of no higher rank', async () => {
    const id = await organization('Ranks', owner.id);
    const [admin, plain] = [await latchkey.user(), await latchkey.user()];
    await call('POST', `/organizations/${id}/members`, { user_id: admin.id, roles: ['TENANT_MANAGER'] });
    await call('POST', `/organizations/${id}/members`, { user_id: plain.id });
    await latchkey.run('organizations.roles.create', {
      organization_id: id,
      name: 'keeper',
      permissions: ['organization.members.manage', 'organization.members.read', 'organization.read'],
    });
    await call('PATCH', `/organizations/${id}/members/${admin.id}`, { roles: ['keeper', 'TENANT_USER'] });
    const client = await latchkey.client({ apis: { [API]: ['*'] } });
    const scope = 'openid organization.members.manage organization.members.read organization.read';
    const as = (await userTokens(latchkey, client, admin, scope)).access_token;
    const change = (user: TestUser, roles: string[]) =>
      call('PATCH', `/organizations/${id}/members/${user.id}`, { roles }, as);
    for (const refused of [
      await change(plain, ['TENANT_OWNER']),
      await change(owner, ['TENANT_USER']),
      await change(admin, ['TENANT_ADMIN']),
    ])
      expect(refused).toMatchObject({ status: 403, body: { code: 'access.permissions_not_held' } });
    expect(await change(plain, ['keeper'])).toMatchObject({ status: 200, body: { roles: ['keeper'] } });
  });
});

describe('many members at once', () => {
  test('are added and removed row by row', async () => {
    const id = await organization('Bulk', owner.id);
    const [ada, bob] = [await latchkey.user(), await latchkey.user()];
    const members = [
      { user_id: ada.id, roles: ['TENANT_ADMIN'] },
      { email: bob.email },
      { user_id: ada.id },
      { email: 'nobody@example.com' },
      { user_id: bob.id, roles: ['nobody'] },
    ];
    const added = await call('POST', `/organizations/${id}/members/bulk-create`, { members });
    expect(added).toMatchObject({ status: 200 });
    expect(added.body['results']).toMatchObject([
      { index: 0, status: 'created', user_id: ada.id },
      { index: 1, status: 'created', user_id: bob.id },
      { index: 2, status: 'refused', error: { code: 'organizations.already_member' } },
      { index: 3, status: 'refused', error: { code: 'users.not_found' } },
      { index: 4, status: 'refused', error: { code: 'roles.not_found' } },
    ]);
    const removed = await call('POST', `/organizations/${id}/members/bulk-delete`, {
      members: [bob, owner, { id: newId('usr') }].map((user) => ({ user_id: user.id })),
    });
    expect(removed.body['results']).toMatchObject([
      { index: 0, status: 'deleted', user_id: bob.id },
      { index: 1, status: 'refused', error: { code: 'organizations.last_owner' } },
      { index: 2, status: 'refused', error: { code: 'organizations.member_not_found' } },
    ]);
    expect(await all(`/organizations/${id}/members`, 'members', 'user_id')).toEqual([owner.id, ada.id]);
  });

  test('an owner learns of no address whether it has an account', async () => {
    const user = await latchkey.user();
    const ask = async (email: string) =>
      (await call('POST', `/organizations/${organizationId}/members/bulk-create`, { members: [{ email }] }, ownerToken))
        .body;
    expect(await ask(user.email)).toEqual(await ask('nobody@example.com'));
  });

  test.each<[what: string, members: object[]]>([
    ['no row', []],
    ['more rows than there may be', Array.from({ length: 501 }, () => ({ user_id: newId('usr') }))],
    ['a row with two names', [{ user_id: newId('usr'), email: 'ada@example.com' }]],
    ['a row without a name', [{ roles: ['TENANT_USER'] }]],
    ['a member that is not known', [{ user_id: newId('usr'), source: 'created' }]],
  ])('refuse %s as a whole', async (_what, members) => {
    const answer = await call('POST', `/organizations/${organizationId}/members/bulk-create`, { members });
    expect(answer).toMatchObject({ status: 422, body: { code: 'input.invalid' } });
  });

  test('need an organization that is active', async () => {
    const id = await organization('Suspended');
    await call('POST', `/organizations/${id}/suspend`, {});
    const members = [{ user_id: owner.id }];
    expect(await call('POST', `/organizations/${id}/members/bulk-create`, { members })).toMatchObject({
      status: 409,
      body: { code: 'organizations.inactive' },
    });
  });
});
