/** Roles and permissions on the instance, in tokens that are for no organization. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { userTokens } from '../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { organizationOf } from '../support/organizations.ts';
import { post } from '../support/visitor.ts';

const asking = 'https://asking.example';
const opaque = 'https://opaque.example';
const plain = 'https://plain.example';

let latchkey: TestApp;
let client: TestClient;
let server: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'users.username': 'optional' } });
  const scopes = [{ name: 'read' }, { name: 'write' }];
  await latchkey.run('apis.create', { identifier: asking, scopes, instance_permissions: true });
  const given = { identifier: opaque, scopes, instance_permissions: true, token_format: 'opaque' };
  await latchkey.run('apis.create', given);
  await latchkey.run('apis.create', { identifier: plain, scopes, token_format: 'opaque' });
  const apis = { [asking]: ['*'], [opaque]: ['*'], [plain]: ['*'] };
  client = await latchkey.client({ first_party: true, apis, organization_usage: 'allow' });
  server = await latchkey.run('clients.create', { name: 'API', type: 'machine', apis });
  await latchkey.run('roles.create', { name: 'READER', permissions: [`${asking} read`, `${opaque} read`] });
  const chief = { name: 'CHIEF', permissions: [`${opaque} write`, `${plain} read`], inherits: ['READER'] };
  await latchkey.run('roles.create', chief);
  user = await latchkey.user({ username: 'ada_byron' });
  await latchkey.run('assignments.create', { user_id: user.id, role: 'CHIEF' });
});
afterAll(() => latchkey.close());

const tokenFor = async (resource: string, extra: Record<string, string> = {}, person = user): Promise<string> =>
  (await userTokens(latchkey, client, person, 'openid read', { resource, ...extra })).access_token;
const introspect = async (token: string, who: TestClient = server) =>
  (await post(`${latchkey.base}/oidc/introspect`, who, { token })).body;

test.each([
  [asking, ['read']],
  [opaque, ['read', 'write']],
])('an API that asks is told roles, and permissions that are its scopes: %s', async (resource, permissions) => {
  const token = await tokenFor(resource);
  const rights = { roles: ['CHIEF', 'READER'], permissions };
  expect(await introspect(token)).toMatchObject({ active: true, sub: user.id, username: 'ada_byron', ...rights });
  if (resource === asking) expect(decodeJwt(token)).toMatchObject(rights);
});

describe('they are not told', () => {
  test('to an API that does not ask', async () => {
    const told = await introspect(await tokenFor(plain));
    expect(told).toMatchObject({ active: true, aud: plain });
    for (const name of ['roles', 'permissions', 'username']) expect(told).not.toHaveProperty(name);
  });

  test('to the client that holds the token, which learns the rest', async () => {
    const told = await introspect(await tokenFor(opaque), client);
    expect(told).toMatchObject({ active: true, aud: opaque, client_id: client.client_id });
    for (const name of ['roles', 'permissions', 'username']) expect(told).not.toHaveProperty(name);
  });

  test('to other clients, which learn nothing', async () => {
    const other = await latchkey.client({ type: 'machine', redirect_uris: undefined });
    expect(await introspect(await tokenFor(opaque), other)).toEqual({ active: false });
  });

  test('in a token for an organization', async () => {
    const organization = await organizationOf(latchkey, [user]);
    const told = await introspect(await tokenFor(opaque, { organization: organization.id }));
    expect(told).toMatchObject({ org_id: organization.id, org_roles: [] });
    for (const name of ['roles', 'permissions']) expect(told).not.toHaveProperty(name);
  });
});

test('introspection tells the present rights', async () => {
  const person = await latchkey.user();
  const { id } = await latchkey.run<{ id: string }>('assignments.create', { user_id: person.id, role: 'READER' });
  const token = await tokenFor(opaque, {}, person);
  expect(await introspect(token)).toMatchObject({ roles: ['READER'], permissions: ['read'] });
  await latchkey.run('assignments.delete', { assignment_id: id });
  const told = await introspect(token);
  expect(told).toMatchObject({ roles: [], permissions: [] });
  expect(told).not.toHaveProperty('username');
});

test('more than a hundred permissions are left out, and the token says so', async () => {
  const resource = 'https://many.example';
  const names = Array.from({ length: 101 }, (_each, i) => `scope-${String(i)}`);
  const scopes = names.map((name) => ({ name }));
  await latchkey.run('apis.create', { identifier: resource, scopes, instance_permissions: true });
  await latchkey.run('roles.create', { name: 'MANY', permissions: names.map((name) => `${resource} ${name}`) });
  const person = await latchkey.user();
  await latchkey.run('assignments.create', { user_id: person.id, role: 'MANY' });
  const app = await latchkey.client({ first_party: true, apis: { [resource]: ['*'] } });
  const { access_token: token } = await userTokens(latchkey, app, person, 'openid scope-1', { resource });
  expect(decodeJwt(token)).toMatchObject({ roles: ['MANY'], permissions_omitted: true });
  expect(decodeJwt(token)).not.toHaveProperty('permissions');
});

test('a machine client has the rights that are assigned to it', async () => {
  await latchkey.run('assignments.create', { client_id: server.client_id, role: 'READER' });
  const parameters = { grant_type: 'client_credentials', resource: opaque, scope: 'write' };
  const { body } = await post(`${latchkey.base}/oidc/token`, server, parameters);
  expect(await introspect(body.access_token)).toMatchObject({ roles: ['READER'], permissions: ['read'] });
});

test('an introspection reads rights only where the API asks for them', async () => {
  const { database } = latchkey.app;
  const native = (database.pglite ?? database.pool)! as unknown as { query(...args: unknown[]): unknown };
  const query = native.query.bind(native);
  let rights = 0;
  native.query = (...args) => {
    const [first] = args;
    if (/access_roles/.test(typeof first === 'string' ? first : (first as { text: string }).text)) rights += 1;
    return query(...args);
  };
  const costOf = async (resource: string): Promise<number> => {
    const token = await tokenFor(resource);
    // Any act empties the memory of rights in this process.
    await latchkey.run('assignments.list', { limit: 1 });
    await database.transaction(async (em) => em.execute('select 1'));
    rights = 0;
    await introspect(token);
    return rights;
  };
  expect(await costOf(plain)).toBe(0);
  expect(await costOf(opaque)).toBe(1);
});
