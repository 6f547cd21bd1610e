/** Organizations and what belongs to them over HTTP: lists with filters, members and their roles, and many rows at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { permissions } from '#directory/access/permission.ts';
import { type Id, newId, toUuid } from '#kernel/ids.ts';
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
  const scope = `openid ${Object.keys(permissions).join(' ')}`;
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

describe('invitations to an organization', () => {
  test('are listed by status, shown, and made in many rows', async () => {
    const id = await organization('Inviting', owner.id);
    const path = `/organizations/${id}/invitations`;
    const invitations = [
      { email: 'b@inviting.example', roles: ['TENANT_USER'] },
      { email: 'A@inviting.example' },
      { email: 'no address' },
      { email: owner.email },
      { email: 'c@inviting.example', roles: ['nobody'] },
    ];
    const { status, body } = await call('POST', `${path}/bulk-create`, { invitations }, ownerToken);
    expect(status).toBe(200);
    const results = body['results'] as { id: string }[];
    expect(results).toMatchObject([
      { index: 0, status: 'created', id: expect.stringMatching(/^oin_/) as string },
      { index: 1, status: 'created' },
      { index: 2, status: 'refused', error: { code: 'invitations.invalid' } },
      { index: 3, status: 'refused', error: { code: 'organizations.already_member' } },
      { index: 4, status: 'refused', error: { code: 'roles.not_found' } },
    ]);
    const [b, a] = results.map((result) => result.id);
    const found = (query: object) => all(path, 'invitations', 'id', query);
    expect(await found({})).toEqual([b, a]);
    expect(await found({ sort: 'email' })).toEqual([a, b]);
    expect(await found({ search: 'a@INV' })).toEqual([a]);
    await call('DELETE', `${path}/${b!}`);
    await latchkey.app.database.sql(
      `update organization_invitation set expires_at = now() - interval '1 day' where email = $1`,
      ['A@inviting.example'],
    );
    expect(await found({})).toEqual([]);
    expect(await found({ status: 'expired' })).toEqual([a]);
    expect(await found({ status: 'revoked' })).toEqual([b]);
    expect(await found({ status: 'any', sort: '-created_at' })).toEqual([a, b]);
    expect(await call('GET', `${path}/${b!}`)).toMatchObject({ status: 200, body: { status: 'revoked' } });
    expect(await call('GET', `${path}/${newId('oin')}`)).toMatchObject({
      status: 404,
      body: { code: 'invitations.not_found' },
    });
    await call('POST', `/organizations/${id}/suspend`, {});
    expect(await call('POST', `${path}/bulk-create`, { invitations })).toMatchObject({
      status: 409,
      body: { code: 'organizations.inactive' },
    });
  });
});

describe('invitations to the instance', () => {
  test('are made, listed, shown, sent again under one id, and revoked', async () => {
    const email = 'Invited@instance.example';
    const made = await call('POST', '/invitations', { email, language: 'de' });
    expect(made).toMatchObject({ status: 201, body: { email, administrator: false, language: 'de', invited: true } });
    const path = `/invitations/${made.body['id'] as string}`;
    const { invited: _invited, ...shown } = made.body;
    expect(await call('GET', path)).toEqual({ status: 200, body: shown });
    const listed = (query: object) =>
      all('/invitations', 'invitations', 'email', { search: 'instance.example', ...query });
    await call('POST', '/invitations', { email: 'another@instance.example' });
    expect(await listed({})).toEqual([email, 'another@instance.example']);
    expect(await listed({ sort: 'email' })).toEqual(['another@instance.example', email]);
    await latchkey.app.database.sql(
      `update one_time_secret set expires_at = now() - interval '1 hour' where address = $1`,
      [email],
    );
    expect(await listed({ status: 'expired' })).toEqual([email]);
    const again = await call('POST', `${path}/resend`);
    expect(again).toMatchObject({ status: 200, body: { id: made.body['id'], email, language: 'de' } });
    expect(await listed({ status: 'any' })).toEqual([email, 'another@instance.example']);
    expect(await call('DELETE', path)).toMatchObject({ status: 200, body: { revoked: true } });
    for (const [method, at] of [
      ['GET', path],
      ['DELETE', path],
      ['POST', `${path}/resend`],
    ] as const)
      expect(await call(method, at)).toMatchObject({
        status: 404,
        body: { code: 'registration.invitation_not_found' },
      });
  });

  test('are sent again by a caller who could give their rights', async () => {
    const { id } = await latchkey.run<{ id: string }>('invitations.create', {
      email: 'admin@rights.example',
      administrator: true,
    });
    const machine = await machineWith(latchkey, 'users.manage');
    const as = (await clientTokens(latchkey, machine, { scope: 'users.manage' })).access_token;
    expect(await call('POST', `/invitations/${id}/resend`, undefined, as)).toMatchObject({
      status: 403,
      body: { code: 'users.role_not_held' },
    });
  });

  test('are not sent again to the owner of an account, nor where registration is closed', async () => {
    const { email } = await latchkey.user({ email: 'had@account.example' });
    const other = 'will@account.example';
    const { id } = await latchkey.run<{ id: string }>('invitations.create', { email: other });
    await latchkey.app.database.sql('update one_time_secret set address = $1 where address = $2', [email, other]);
    expect(await call('POST', `/invitations/${id}/resend`)).toMatchObject({
      status: 409,
      body: { code: 'registration.invitation_refused' },
    });
    await latchkey.run('settings.update', { name: 'registration.mode', value: 'closed' });
    expect(await call('POST', `/invitations/${id}/resend`)).toMatchObject({
      status: 409,
      body: { code: 'registration.closed' },
    });
    await latchkey.run('settings.update', { name: 'registration.mode', value: null });
  });
});

test('the waitlist is listed by status and text, and an entry is shown', async () => {
  for (const [name, at] of [
    ['Ada', '2030-01-01'],
    ['Bob', '2030-01-02'],
    ['Cy', '2030-01-02'],
  ] as const)
    await latchkey.app.database.sql(
      `insert into waitlist_entry (id, email, email_canonical, name, language, joined_at)
       values (gen_random_uuid(), $1, $1, $2, 'en', $3)`,
      [`${name.toLowerCase()}@waiting.example`, name, at],
    );
  const names = async (query: object) => all('/waitlist', 'entries', 'name', { search: 'waiting.example', ...query });
  expect(new Set(await names({ limit: 1 }))).toEqual(new Set(['Ada', 'Bob', 'Cy']));
  expect((await names({ sort: '-joined_at', limit: 1 })).at(-1)).toBe('Ada');
  expect(await names({ sort: '-email', limit: 1 })).toEqual(['Cy', 'Bob', 'Ada']);
  const invited = await call('POST', '/waitlist/invite', { emails: ['bob@waiting.example', 'no@waiting.example'] });
  expect(invited.body).toEqual({ invited: ['bob@waiting.example'], skipped: ['no@waiting.example'] });
  expect(await names({ status: 'invited' })).toEqual(['Bob']);
  expect(await names({ status: 'waiting', sort: 'email' })).toEqual(['Ada', 'Cy']);
  expect(await call('GET', '/waitlist/bob%40waiting.example')).toMatchObject({
    status: 200,
    body: { name: 'Bob', invited_at: expect.any(String) as string },
  });
  expect(await call('DELETE', '/waitlist/bob%40waiting.example')).toMatchObject({ status: 200 });
  expect(await call('GET', '/waitlist/bob%40waiting.example')).toMatchObject({
    status: 404,
    body: { code: 'waitlist.not_found' },
  });
});

describe('roles, groups and assignments', () => {
  test('are listed by their filters, and each one is shown', async () => {
    const id = await organization('Access', owner.id);
    const user = await latchkey.user();
    await call('POST', `/organizations/${id}/members`, { user_id: user.id });
    const post = async (path: string, json: object) =>
      (await call('POST', `/organizations/${id}${path}`, json)).body as Record<string, string>;
    const keeper = await post('/roles', { name: 'keeper', permissions: ['organization.domains.manage'] });
    await post('/roles', { name: 'Auditor', description: 'reads all' });
    const roles = (query: object) => all(`/organizations/${id}/roles`, 'roles', 'name', query);
    expect(await roles({ built_in: false })).toEqual(['keeper', 'Auditor']);
    expect(await roles({ built_in: false, sort: 'name' })).toEqual(['Auditor', 'keeper']);
    expect(await roles({ search: 'READS' })).toEqual(['Auditor']);
    expect(await roles({ permission: 'organization.domains.manage', sort: '-created_at' })).toContain('keeper');
    expect(await all('/roles', 'roles', 'name')).not.toContain('keeper');

    const [above, below] = [await post('/groups', { name: 'Zoo' }), await post('/groups', { name: 'apes' })];
    await call('PATCH', `/organizations/${id}/groups/${below['id']!}`, { parents: [above['id']] });
    await post(`/groups/${below['id']!}/members`, { user_id: user.id });
    const groups = (query: object) => all(`/organizations/${id}/groups`, 'groups', 'name', query);
    expect(await groups({})).toEqual(['Zoo', 'apes']);
    expect(await groups({ sort: 'name' })).toEqual(['apes', 'Zoo']);
    expect(await groups({ parent: above['id'] })).toEqual(['apes']);
    expect(await groups({ member: user.id, search: 'AP' })).toEqual(['apes']);
    expect(await all('/groups', 'groups', 'name')).toEqual([]);
    const members = `/organizations/${id}/groups/${below['id']!}/members`;
    expect(await all(members, 'members', 'user_id', { sort: '-added_at' })).toEqual([user.id]);
    expect(await call('GET', `${members}/${user.id}`)).toMatchObject({ status: 200, body: { user_id: user.id } });
    expect(await call('GET', `${members}/${owner.id}`)).toMatchObject({
      status: 404,
      body: { code: 'groups.member_not_found' },
    });

    const made = await post('/assignments', { role: 'keeper', group_id: above['id'] });
    const assignments = (query: object) => all(`/organizations/${id}/assignments`, 'assignments', 'role', query);
    expect(await assignments({})).toEqual(['TENANT_OWNER', 'TENANT_USER', 'keeper']);
    expect(await assignments({ sort: '-created_at', user_id: user.id })).toEqual(['TENANT_USER']);
    expect(await assignments({ group_id: above['id'], role: 'keeper' })).toEqual(['keeper']);
    expect(await call('GET', `/organizations/${id}/assignments?user_id=${user.id}&client_id=x`)).toMatchObject({
      status: 422,
      body: { code: 'input.invalid' },
    });
    const path = `/organizations/${id}/assignments/${made['id']!}`;
    expect(await call('GET', path)).toEqual({ status: 200, body: made });
    await latchkey.app.database.sql(`update role_assignment set expires_at = now() where role_id = $1`, [
      toUuid(keeper['id'] as Id<'rol'>),
    ]);
    expect(await call('GET', path)).toMatchObject({ status: 404, body: { code: 'assignments.not_found' } });
    expect(await assignments({ role: 'keeper' })).toEqual([]);
  });

  test('permissions are listed in words, with the built-in roles that have them', async () => {
    const { permissions: [first] = [], total } = await list('/permissions', {
      search: 'CLOSE the organization',
      include_total: true,
    });
    expect(total).toBe(1);
    expect(first).toMatchObject({
      name: 'organization.close',
      scope: 'organization',
      roles: ['SUPER_ADMIN', 'PLATFORM_ADMIN', 'TENANT_OWNER'],
    });
    expect(await all('/permissions', 'permissions', 'name', { role: 'TENANT_USER' })).toEqual(['organization.read']);
    const every = await all('/permissions', 'permissions', 'name', { limit: 20 });
    expect(every).toHaveLength(Object.keys(permissions).length);
    expect(new Set(every)).toEqual(new Set(Object.keys(permissions)));
    const inside = await all(`/organizations/${organizationId}/permissions`, 'permissions', 'scope', { limit: 50 });
    expect(new Set(inside)).toEqual(new Set(['organization']));
    const identifier = 'https://listed.example';
    await latchkey.run('apis.create', { identifier, scopes: [{ name: 'read', description: 'Read all' }] });
    const { permissions: ofApi } = await list('/permissions', { api: identifier });
    expect(ofApi).toMatchObject([{ name: `${identifier} read`, description: 'Read all' }]);
    expect(await call('GET', '/permissions?api=https://unknown.example')).toMatchObject({
      status: 422,
      body: { errors: { api: 'is no identifier of an API' } },
    });
  });
});

describe('connections of an organization', () => {
  test('are made, listed and changed by an owner, and their secret never comes back', async () => {
    const path = `/organizations/${organizationId}/connections`;
    const given = {
      slug: 'acme-oauth',
      provider: 'oauth2',
      client_id: 'latchkey',
      client_secret: 'the-very-secret',
      authorization_endpoint: 'https://idp.example/authorize',
      token_endpoint: 'https://idp.example/token',
      userinfo_endpoint: 'https://idp.example/me',
      claims: { sub: 'id' },
    };
    const answers: Answer[] = [];
    const ask = async (method: string, at: string, json?: unknown) => {
      const answer = await call(method, at, json, ownerToken);
      answers.push(answer);
      return answer;
    };
    expect(await ask('POST', path, given)).toMatchObject({ status: 201, body: { has_client_secret: true } });
    expect(await ask('POST', path, given)).toMatchObject({ status: 409, body: { code: 'connections.slug_taken' } });
    expect(await ask('GET', `${path}/acme-oauth`)).toMatchObject({ status: 200, body: { status: 'offered' } });
    expect(await ask('GET', `${path}?provider=oauth2&enabled=true&search=ACME`)).toMatchObject({
      body: { connections: [{ slug: 'acme-oauth' }], next_cursor: null },
    });
    expect(await ask('GET', `${path}?enabled=false`)).toMatchObject({ body: { connections: [] } });
    expect(await ask('POST', `${path}/acme-oauth/test`)).toMatchObject({ status: 200 });
    // A secret that was given for one address is sent to no other one.
    expect(await ask('PATCH', `${path}/acme-oauth`, { token_endpoint: 'https://evil.example/token' })).toMatchObject({
      status: 200,
      body: { client_secret_removed: true, has_client_secret: false, status: 'not_configured' },
    });
    const moved = { token_endpoint: 'https://new.example/token', client_secret: 'another-secret' };
    expect(await ask('PATCH', `${path}/acme-oauth`, moved)).toMatchObject({ body: { status: 'offered' } });
    const other = await organization('No connection', owner.id);
    expect(await ask('GET', `/organizations/${other}/connections/acme-oauth`)).toMatchObject({
      status: 404,
      body: { code: 'connections.not_found' },
    });
    expect(await ask('DELETE', `${path}/acme-oauth`, { force: true })).toMatchObject({ status: 200 });
    expect(JSON.stringify(answers)).not.toMatch(/the-very-secret|another-secret/);
  });

  test('of the instance are listed in pages, in the order of the buttons or by name', async () => {
    for (const [slug, name, position] of [
      ['github', 'Zeta', 1],
      ['google', 'Alpha', 2],
    ] as const) {
      const given = { slug, provider: slug, name, position, client_id: 'latchkey', client_secret: 'secret' };
      expect(await call('POST', '/connections', given)).toMatchObject({ status: 201 });
    }
    const slugs = (query: object) => all('/connections', 'connections', 'slug', { limit: 1, ...query });
    expect(await slugs({})).toEqual(['github', 'google']);
    expect(await slugs({ sort: 'name' })).toEqual(['google', 'github']);
    expect(await slugs({ sort: '-created_at' })).toEqual(['google', 'github']);
    expect(await slugs({ provider: 'google' })).toEqual(['google']);
    expect(await call('GET', '/connections/nobody')).toMatchObject({
      status: 404,
      body: { code: 'connections.not_found' },
    });
    for (const slug of ['github', 'google']) await call('DELETE', `/connections/${slug}`, {});
  });
});

test('domains, requests to join and logos are listed and shown', async () => {
  const id = await organization('Parts', owner.id);
  const path = `/organizations/${id}`;
  for (const domain of ['zeta.example', 'alpha.example']) await call('POST', `${path}/domains`, { domain });
  const domains = (query: object) => all(`${path}/domains`, 'domains', 'domain', { limit: 1, ...query });
  expect(await domains({})).toEqual(['alpha.example', 'zeta.example']);
  expect(await domains({ sort: 'created_at', status: 'pending' })).toEqual(['zeta.example', 'alpha.example']);
  expect(await domains({ status: 'verified' })).toEqual([]);
  const { domains: [first] = [] } = await list(`${path}/domains`, { search: 'ZETA' });
  expect(await call('GET', `${path}/domains/${first!['id'] as string}`)).toEqual({ status: 200, body: first });
  expect(await call('GET', `${path}/domains/${newId('odm')}`)).toMatchObject({
    status: 404,
    body: { code: 'domains.not_found' },
  });

  const [early, late] = [await latchkey.user(), await latchkey.user()];
  for (const [user, at] of [
    [early, '2030-01-01'],
    [late, '2030-01-02'],
  ] as const)
    await latchkey.app.database.sql(
      `insert into organization_join (organization_id, user_id, state, email, created_at) values ($1, $2, 'asked', $3, $4)`,
      [toUuid(id as Id<'org'>), toUuid(user.id as Id<'usr'>), user.email, at],
    );
  const requests = (query: object) => all(`${path}/join-requests`, 'requests', 'user_id', { limit: 1, ...query });
  expect(await requests({})).toEqual([early.id, late.id]);
  expect(await requests({ sort: '-created_at' })).toEqual([late.id, early.id]);
  expect(await call('GET', `${path}/join-requests/${late.id}`)).toMatchObject({ body: { email: late.email } });
  expect(await call('GET', `${path}/join-requests/${owner.id}`)).toMatchObject({
    status: 404,
    body: { code: 'domains.join_request_not_found' },
  });

  expect(await call('GET', `${path}/logo`)).toEqual({ status: 200, body: { logo: null, dark_logo: null } });
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  await call('PATCH', `${path}/logo`, { content: png, dark: true });
  expect((await call('GET', `${path}/logo`)).body['dark_logo']).toEqual(expect.any(String));
  expect(await call('DELETE', `${path}/logo`, { dark: true })).toMatchObject({
    status: 200,
    body: { logo: 'removed' },
  });
  expect((await call('GET', `${path}/logo`)).body).toEqual({ logo: null, dark_logo: null });
});
