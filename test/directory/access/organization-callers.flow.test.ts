/** Users who call the management API with the rights that they have in organizations. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  TENANT_ADMIN_ID,
  TENANT_MANAGER_ID,
  TENANT_OWNER_ID,
  TENANT_USER_ID,
} from '#directory/access/built-in-roles.ts';
import { permissions } from '#directory/access/module.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import { API, callApi, clientTokens, machineWith, refusalOf, userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';

let latchkey: TestApp;
let web: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  web = await latchkey.client({ first_party: true, apis: { [API]: ['*'] } });
});
afterAll(() => latchkey.close());

const everyScope = Object.keys(permissions).join(' ');
type Organization = { id: string };
const organization = (owner?: TestUser) =>
  latchkey.run<Organization>('organizations.create', { name: 'Acme', ...(owner ? { owner: owner.id } : {}) });
const change = (text: string, values: unknown[]) => latchkey.app.database.transaction((em) => em.execute(text, values));
const join = ({ id }: Organization, user: TestUser) =>
  latchkey.run('organizations.members.create', { organization_id: id, user_id: user.id, roles: [] });
const assign = (user: TestUser, roleId: string, place: Organization | null) =>
  change(`insert into role_assignment (id, user_id, role_id, organization_id, created_at) values (?, ?, ?, ?, now())`, [
    toUuid(newId('ras')),
    toUuid(user.id as `usr_${string}`),
    roleId,
    place && toUuid(place.id as `org_${string}`),
  ]);

/** A member with a role, and a token with every scope. */
async function memberWith(roleId: string | null, place: Organization): Promise<{ user: TestUser; token: string }> {
  const user = await latchkey.user();
  await join(place, user);
  if (roleId !== null) await assign(user, roleId, place);
  return { user, token: await tokenOf(user) };
}
const tokenOf = async (user: TestUser, scope = everyScope) =>
  (await userTokens(latchkey, web, user, `openid ${scope}`)).access_token;

const rename = async (token: string, id: string) =>
  refusalOf(await callApi(latchkey, `/v1/organizations/${id}`, { method: 'PATCH', token, json: { name: 'Other' } }));
const read = async (token: string, id: string) =>
  refusalOf(await callApi(latchkey, `/v1/organizations/${id}`, { token }));
const remove = async (token: string, { id }: Organization, user: TestUser) =>
  refusalOf(await callApi(latchkey, `/v1/organizations/${id}/members/${user.id}`, { method: 'DELETE', token }));
const add = async (token: string, { id }: Organization, user: TestUser, roles: string[]) =>
  refusalOf(
    await callApi(latchkey, `/v1/organizations/${id}/members`, {
      method: 'POST',
      token,
      json: { user_id: user.id, roles },
    }),
  );

const ok = [200, undefined];
const missing = [404, 'organizations.not_found'];
const forbidden = [403, 'api.insufficient_scope'];

test('a role in an organization opens it, and no other one', async () => {
  const [acme, other] = [await organization(), await organization()];
  const { token } = await memberWith(TENANT_ADMIN_ID, acme);
  expect([await read(token, acme.id), await rename(token, acme.id)]).toEqual([ok, ok]);
  for (const id of [other.id, newId('org'), 'org_nothing', 'acme', newId('usr')])
    expect([await read(token, id), await rename(token, id)]).toEqual([missing, missing]);
  expect(refusalOf(await callApi(latchkey, '/v1/organizations', { token }))).toEqual(forbidden);
});

test('a member without the permission is refused; a member without a role learns no more than a stranger', async () => {
  const acme = await organization();
  const { token } = await memberWith(TENANT_USER_ID, acme);
  expect([await read(token, acme.id), await rename(token, acme.id)]).toEqual([ok, forbidden]);
  const { token: bare } = await memberWith(null, acme);
  expect([await read(bare, acme.id), await rename(bare, acme.id)]).toEqual([missing, missing]);
});

test('a token without the scope is refused alike for every organization', async () => {
  const [acme, other] = [await organization(), await organization()];
  const { user } = await memberWith(TENANT_OWNER_ID, acme);
  const token = await tokenOf(user, 'organization.read');
  expect(await read(token, acme.id)).toEqual(ok);
  for (const id of [acme.id, other.id, 'org_nothing']) expect(await rename(token, id)).toEqual(forbidden);
});

test('a super admin and a role on the instance reach every organization, and a missing one is missing', async () => {
  const acme = await organization();
  const admin = await tokenOf(await latchkey.user({ administrator: true }));
  expect([await rename(admin, acme.id), await rename(admin, newId('org'))]).toEqual([ok, missing]);
  const support = await latchkey.user();
  await change(
    `insert into role (id, name, permissions, created_at, updated_at) values (?, 'SUPPORT', '{organizations.read}', now(), now())`,
    ['00000000-0000-7000-8000-00000000aaaa'],
  );
  await assign(support, '00000000-0000-7000-8000-00000000aaaa', null);
  const token = await tokenOf(support);
  expect([await read(token, acme.id), await rename(token, acme.id)]).toEqual([ok, forbidden]);
});

test('a machine client has the scopes that the operator gave it, in every organization', async () => {
  const acme = await organization();
  const machine = await machineWith(latchkey, 'organization.read');
  const { access_token: token } = await clientTokens(latchkey, machine, { scope: 'organization.read' });
  expect([await read(token, acme.id), await rename(token, acme.id)]).toEqual([ok, forbidden]);
});

describe('ranks in an organization', () => {
  const rankMissing = [403, 'access.permissions_not_held'];

  test('a manager adds members with the roles below, and none above', async () => {
    const acme = await organization();
    const { token } = await memberWith(TENANT_MANAGER_ID, acme);
    expect(await add(token, acme, await latchkey.user(), ['TENANT_USER'])).toEqual([201, undefined]);
    for (const role of ['TENANT_ADMIN', 'TENANT_OWNER', 'SUPER_ADMIN', 'PLATFORM_ADMIN'])
      expect(await add(token, acme, await latchkey.user(), [role]), role).toEqual(rankMissing);
    const narrow = await tokenOf((await memberWith(TENANT_MANAGER_ID, acme)).user, 'organization.members.manage');
    expect(await add(narrow, acme, await latchkey.user(), ['TENANT_USER'])).toEqual(rankMissing);
  });

  test('a manager removes members of the same rank, and none above', async () => {
    const acme = await organization(await latchkey.user());
    const { token } = await memberWith(TENANT_MANAGER_ID, acme);
    const [same, above] = [await memberWith(TENANT_MANAGER_ID, acme), await memberWith(TENANT_ADMIN_ID, acme)];
    expect(await remove(token, acme, above.user)).toEqual(rankMissing);
    expect(await remove(token, acme, same.user)).toEqual(ok);
    expect([await read(above.token, acme.id), await read(same.token, acme.id)]).toEqual([ok, missing]);
  });

  test('the last owner stays', async () => {
    const owner = await latchkey.user();
    const acme = await organization(owner);
    const token = await tokenOf(owner);
    expect(await remove(token, acme, owner)).toEqual([409, 'organizations.last_owner']);
    const { user: second } = await memberWith(TENANT_OWNER_ID, acme);
    expect(await remove(token, acme, second)).toEqual(ok);
  });
});
