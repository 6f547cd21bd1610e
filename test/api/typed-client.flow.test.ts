/** The typed client, as a program of an integrator uses it. */
import { all, createLatchkey, type LatchkeyClient, LatchkeyError, orThrow } from 'latchkey/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { permissions } from '#directory/access/permission.ts';
import { clientTokens, machineWith } from '../support/api.ts';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';

let latchkey: TestApp;
let robot: TestClient;
let client: LatchkeyClient;
let asked: Request[];
const scope = Object.keys(permissions).join(' ');
const spying = (request: Request): Promise<Response> => {
  asked.push(request);
  return fetch(request);
};
beforeAll(async () => {
  latchkey = await startTestApp();
  robot = await machineWith(latchkey, '*');
  asked = [];
  client = createLatchkey({
    issuer: `${latchkey.base}/`,
    clientId: robot.client_id,
    clientSecret: robot.client_secret,
    scope,
    idempotencyKeys: true,
    fetch: spying,
  });
});
afterAll(() => latchkey.close());

test('makes an organization, a role, a user and a client, invites, lists, and changes with an entity tag', async () => {
  const acme = await orThrow(client.POST('/api/v1/organizations', { body: { name: 'Acme', slug: 'acme' } }));
  const params = { path: { organization_id: acme.id } };
  const role = await orThrow(
    client.POST('/api/v1/organizations/{organization_id}/roles', {
      params,
      body: { name: 'billing', permissions: ['organization.members.read'] },
    }),
  );
  const user = await orThrow(client.POST('/api/v1/users', { body: { email: 'noor@example.com', name: 'Noor' } }));
  await orThrow(client.POST('/api/v1/organizations/{organization_id}/members', { params, body: { user_id: user.id } }));
  const shop = await orThrow(
    client.POST('/api/v1/clients', {
      body: { name: 'Shop', type: 'web', redirect_uris: ['https://shop.example.com/callback'] },
    }),
  );
  expect(shop.client_secret).toEqual(expect.any(String));
  const invited = await orThrow(
    client.POST('/api/v1/organizations/{organization_id}/invitations', { params, body: { email: 'kit@example.com' } }),
  );
  expect([role.name, invited.email]).toEqual(['billing', 'kit@example.com']);

  const found: string[] = [];
  for await (const member of all(client, '/api/v1/organizations/{organization_id}/members', {
    params: { ...params, query: { search: 'noor' } },
  }))
    found.push(member.user_id);
  expect(found).toEqual([user.id]);

  const address = '/api/v1/organizations/{organization_id}';
  const first = await client.GET(address, { params });
  const etag = first.response.headers.get('etag') ?? '';
  const change = (name: string) =>
    client.PATCH(address, { params: { ...params, header: { 'If-Match': etag } }, body: { name } });
  expect(await orThrow(change('Acme Ltd'))).toMatchObject({ name: 'Acme Ltd' });
  const { error, response } = await change('Acme Inc');
  expect([response.status, error?.code]).toEqual([412, 'api.precondition_failed']);
});

test('reads a list to its end, page by page', async () => {
  for (const name of ['One', 'Two', 'Three'])
    await orThrow(client.POST('/api/v1/organizations', { body: { name, slug: name.toLowerCase() } }));
  asked.length = 0;
  const names: string[] = [];
  for await (const { name } of all(client, '/api/v1/organizations', { params: { query: { limit: 1, sort: 'name' } } }))
    names.push(name);
  expect(names).toEqual(names.toSorted());
  expect(names).toEqual(expect.arrayContaining(['One', 'Two', 'Three']));
  expect(asked).toHaveLength(names.length);
});

test('answers a repeated POST by its key, and sends a key of its own to each other one', async () => {
  const once = () =>
    client.POST('/api/v1/organizations', {
      params: { header: { 'Idempotency-Key': 'nightly-1' } },
      body: { name: 'Nightly', slug: 'nightly' },
    });
  const [first, second] = [await once(), await once()];
  expect(second.data).toEqual(first.data);
  expect(second.response.headers.get('idempotency-replayed')).toBe('true');
  asked.length = 0;
  await client.POST('/api/v1/organizations', { body: { name: 'Daily', slug: 'daily' } });
  await client.POST('/api/v1/organizations', { body: { name: 'Daily', slug: 'daily' } });
  const keys = asked.map(({ headers }) => headers.get('idempotency-key'));
  expect(new Set(keys).size).toBe(2);
  expect(keys).not.toContain(null);
});

test('gets one token for calls at the same time, keeps it, and gets another one after a refusal', async () => {
  const fresh = createLatchkey({
    issuer: latchkey.base,
    clientId: robot.client_id,
    clientSecret: robot.client_secret,
    scope,
    fetch: spying,
  });
  const tokens = () => asked.filter(({ url }) => url.endsWith('/oidc/token')).length;
  const list = () => fresh.GET('/api/v1/organizations', { params: { query: { limit: 1 } } });
  asked.length = 0;
  await Promise.all([list(), list()]);
  await list();
  expect(tokens()).toBe(1);
  const { 1: token = '' } = /^Bearer (.+)$/.exec(asked.at(-1)?.headers.get('authorization') ?? '') ?? [];
  const credentials = Buffer.from(`${robot.client_id}:${robot.client_secret}`).toString('base64');
  await fetch(`${latchkey.base}/oidc/revoke`, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ token }),
  });
  expect((await list()).error?.code).toBe('api.invalid_token');
  expect((await list()).response.status).toBe(200);
  expect(tokens()).toBe(2);
});

test('throws refusals with their code: a permission that is missing, a wrong secret', async () => {
  const { access_token: token } = await clientTokens(latchkey, robot, { scope: 'users.read' });
  const reader = createLatchkey({ issuer: latchkey.base, token });
  const refused = orThrow(reader.POST('/api/v1/organizations', { body: { name: 'Acme', slug: 'acme-2' } }));
  await expect(refused).rejects.toThrow(LatchkeyError);
  await expect(refused).rejects.toMatchObject({
    status: 403,
    code: 'api.insufficient_scope',
    problem: { scope: 'organizations.create' },
  });
  const wrong = createLatchkey({ issuer: latchkey.base, clientId: robot.client_id, clientSecret: 'wrong' });
  await expect(orThrow(wrong.GET('/api/v1/organizations'))).rejects.toMatchObject({
    status: 401,
    code: 'invalid_client',
  });
  const later = createLatchkey({ issuer: latchkey.base, token: async () => token });
  const { error } = await later.GET('/api/v1/users/{user_id}', { params: { path: { user_id: 'usr_x' } } });
  expect(error?.code).toBe('users.not_found');
});
