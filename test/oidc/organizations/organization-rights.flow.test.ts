import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId, toUuid } from '#kernel/ids.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import type { TestOrganization } from '../../support/organizations.ts';
import { post, tokensFor } from '../../support/visitor.ts';

const api = 'https://jwt.example';
const other = 'https://other.example';

let latchkey: TestApp;
let client: TestClient;
let server: TestClient;
let machine: TestClient;
let owner: TestUser;
let acme: TestOrganization;
let beta: TestOrganization;
beforeAll(async () => {
  latchkey = await startTestApp();
  await latchkey.run('apis.create', {
    identifier: api,
    scopes: [{ name: 'read' }, { name: 'write' }],
    organization_permissions: true,
  });
  await latchkey.run('apis.create', { identifier: other, scopes: [{ name: 'read' }] });
  const apis = { [api]: ['*'], [other]: ['*'] };
  client = await latchkey.client({ first_party: true, apis, organization_usage: 'allow' });
  server = await latchkey.run('clients.create', { name: 'API', type: 'machine', apis });
  machine = await latchkey.run('clients.create', { name: 'Robot', type: 'machine', apis, organization_usage: 'allow' });
  owner = await latchkey.user();
  acme = await latchkey.run('organizations.create', {
    name: 'Acme',
    slug: 'acme',
    owner: owner.id,
    public_metadata: { plan: 'gold' },
  });
  beta = await latchkey.run('organizations.create', { name: 'Beta', slug: 'beta', owner: owner.id });
});
afterAll(() => latchkey.close());

async function memberOf(organization: TestOrganization, roles: readonly string[]): Promise<TestUser> {
  const user = await latchkey.user();
  await latchkey.run('organizations.members.create', { organization_id: organization.id, user_id: user.id, roles });
  return user;
}
/** A role of the instance, with permissions and a role that it inherits. */
async function role(name: string, permissions: readonly string[], parent?: string): Promise<void> {
  const id = toUuid(newId('rol'));
  await latchkey.app.database.transaction(async (em) => {
    await em.execute(
      `insert into role (id, name, permissions, created_at, updated_at)
       values (?, ?, array(select jsonb_array_elements_text(?::jsonb)), now(), now())`,
      [id, name, JSON.stringify(permissions)],
    );
    if (parent !== undefined)
      await em.execute('insert into role_parent (role_id, parent_id) select ?, id from role where name = ?', [
        id,
        parent,
      ]);
  });
}
const assign = (subject: { client: string }, organization: TestOrganization, name: string) =>
  latchkey.app.database.transaction((em) =>
    em.execute(
      `insert into role_assignment (id, client_id, role_id, organization_id, created_at)
       select ?, ?, id, ?, now() from role where name = ?`,
      [toUuid(newId('ras')), subject.client, toUuid(organization.id as `org_${string}`), name],
    ),
  );
const introspect = async (token: string, who = server) =>
  (await post(`${latchkey.base}/oidc/introspect`, who, { token })).body;
/** An access token of a user for an API. */
async function tokenOf(user: TestUser, organization: string, resource = api): Promise<string> {
  const asked = { scope: 'openid read offline_access', prompt: 'consent', resource, organization };
  const { refresh_token: token } = await tokensFor(latchkey.base, client, user, asked);
  const parameters = { grant_type: 'refresh_token', refresh_token: token, resource };
  return (await post(`${latchkey.base}/oidc/token`, client, parameters)).body.access_token;
}

describe('the roles of a user in the organization', () => {
  test('are in the tokens, with those that they inherit; the public metadata too', async () => {
    const issued = await tokensFor(latchkey.base, client, owner, { organization: 'acme' });
    expect(decodeJwt(issued.id_token)).toMatchObject({
      org_slug: 'acme',
      org_roles: ['TENANT_ADMIN', 'TENANT_MANAGER', 'TENANT_OWNER', 'TENANT_USER'],
      org_metadata: { plan: 'gold' },
    });
    const member = await memberOf(acme, ['TENANT_USER']);
    const plain = await tokensFor(latchkey.base, client, member, { organization: 'acme' });
    expect(decodeJwt(plain.id_token)).toMatchObject({ org_roles: ['TENANT_USER'] });
  });

  test('belong to this organization alone, and are the present ones where the token is looked up', async () => {
    const user = await memberOf(acme, ['TENANT_MANAGER']);
    await latchkey.run('organizations.members.create', { organization_id: beta.id, user_id: user.id, roles: [] });
    const token = await tokenOf(user, 'beta');
    expect(await introspect(token)).toMatchObject({ org_slug: 'beta', org_roles: [] });
    await latchkey.run('organizations.members.delete', { organization_id: beta.id, user_id: user.id });
    expect(await introspect(token)).toEqual({ active: false });
    const there = await tokenOf(user, 'acme');
    expect(await introspect(there)).toMatchObject({ org_roles: ['TENANT_MANAGER', 'TENANT_USER'] });
    await latchkey.app.database.transaction((em) =>
      em.execute('delete from role_assignment where user_id = ?', [toUuid(user.id as `usr_${string}`)]),
    );
    expect(await introspect(there)).toMatchObject({ active: true, org_roles: [] });
  });
});

describe('permissions', () => {
  test('are told to an API that asks for them, and are scopes of this API', async () => {
    await role('BILLING', [`${api} read`, `${other} read`]);
    await role('CHIEF', [`${api} write`, 'organization.read'], 'BILLING');
    const user = await memberOf(acme, ['CHIEF']);
    const token = await tokenOf(user, 'acme');
    for (const said of [decodeJwt(token), await introspect(token)])
      expect(said).toMatchObject({ org_roles: ['BILLING', 'CHIEF'], org_permissions: ['read', 'write'] });
    expect(await introspect(await tokenOf(user, 'acme', other))).not.toHaveProperty('org_permissions');
    const issued = await tokensFor(latchkey.base, client, user, { organization: 'acme' });
    expect(decodeJwt(issued.id_token)).not.toHaveProperty('org_permissions');
  });

  test('of more than a hundred the token says that it leaves them out', async () => {
    await role(
      'ALL',
      Array.from({ length: 101 }, (_each, i) => `${api} scope-${String(i)}`),
    );
    const token = await tokenOf(await memberOf(acme, ['ALL']), 'acme');
    expect(decodeJwt(token)).toMatchObject({ org_permissions_omitted: true });
    expect(decodeJwt(token)).not.toHaveProperty('org_permissions');
  });
});

describe('a machine client', () => {
  const ask = (parameters: Record<string, string>, who = machine) =>
    post(`${latchkey.base}/oidc/token`, who, { grant_type: 'client_credentials', resource: api, ...parameters });
  const allow = (organization: TestOrganization, { client_id: clientId }: TestClient) =>
    latchkey.app.database.sql(
      'insert into organization_client (organization_id, client_id, created_at) values ($1, $2, now())',
      [toUuid(organization.id as `org_${string}`), clientId],
    );

  test('acts for an organization that allows it, with its roles there, and for no other one', async () => {
    expect((await ask({ organization: 'acme' })).body.error).toBe('access_denied');
    await allow(acme, machine);
    await assign({ client: machine.client_id }, acme, 'BILLING');
    for (const named of [{ organization: 'acme' }, { organization: acme.id }, { scope: 'read organization:acme' }]) {
      const { body } = await ask(named);
      expect(decodeJwt(body.access_token)).toMatchObject({
        sub: machine.client_id,
        org_id: acme.id,
        org_roles: ['BILLING'],
        org_permissions: ['read'],
      });
      expect(await introspect(body.access_token)).toMatchObject({ active: true, org_id: acme.id });
    }
    for (const named of ['beta', 'no-such-one'])
      expect((await ask({ organization: named })).body.error).toBe('access_denied');
    expect(decodeJwt((await ask({})).body.access_token)).not.toHaveProperty('org_id');
  });

  test('loses its tokens when the organization takes that back', async () => {
    const { body } = await ask({ organization: 'acme' });
    await latchkey.app.database.sql('delete from organization_client where client_id = $1', [machine.client_id]);
    expect(await introspect(body.access_token)).toEqual({ active: false });
  });

  test('that may not, or must, name one', async () => {
    const denied = await ask({ organization: 'acme' }, server);
    expect([denied.status, denied.body.error]).toEqual([400, 'invalid_request']);
    await latchkey.run('clients.update', { client_id: machine.client_id, organization_usage: 'require' });
    expect((await ask({})).body.error).toBe('invalid_request');
  });
});
