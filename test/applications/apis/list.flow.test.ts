import { afterAll, beforeAll, expect, test } from 'vitest';
import { callApi, clientTokens, machineWith, refusalOf } from '../../support/api.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';

let latchkey: TestApp;
let token: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  const scopes = ['apis.read', 'apis.manage', 'clients.read', 'clients.manage'];
  const machine = await machineWith(latchkey, ...scopes);
  ({ access_token: token } = await clientTokens(latchkey, machine, { scope: scopes.join(' ') }));
});
afterAll(() => latchkey.close());

const ask = (path: string) => callApi(latchkey, `/v1${path}`, { token });
const send = (method: string, path: string, json?: object) => callApi(latchkey, `/v1${path}`, { method, token, json });

type Listed = { apis: { identifier: string }[]; next_cursor: string | null; total?: number };
const list = async (query: string) => {
  const { apis, ...page } = (await ask(`/apis${query}`)).body as Listed;
  return { ...page, apis: apis.map(({ identifier }) => identifier) };
};

test('APIs are listed in pages, by search and in the order that is asked for', async () => {
  const made = ['https://a.example', 'https://b.example', 'https://c.example'];
  for (const identifier of made) await latchkey.run('apis.create', { identifier, name: `API of ${identifier.at(8)}` });
  const search = 'search=API+of&limit=2';
  const first = await list(`?${search}&include_total=true`);
  expect(first).toEqual({ apis: made.slice(0, 2), next_cursor: expect.any(String), total: 3 });
  expect(await list(`?${search}&cursor=${String(first.next_cursor)}`)).toEqual({
    apis: ['https://c.example'],
    next_cursor: null,
  });
  for (const sort of ['-created_at', '-name', '-identifier'])
    expect((await list(`?${search}&sort=${sort}`)).apis).toEqual(['https://c.example', 'https://b.example']);
});

test('an API is found by its id, and by an identifier that can stand in an address', async () => {
  const id = String((await send('POST', '/apis', { identifier: 'urn:example:orders' })).body['id']);
  for (const name of [id, 'urn:example:orders', encodeURIComponent('urn:example:orders')])
    expect((await ask(`/apis/${name}`)).body).toMatchObject({ id });
  expect(refusalOf(await ask('/apis/https%3A%2F%2Fa.example'))).toEqual([404, 'request.not_found']);
  await send('POST', `/apis/${id}/scopes`, { name: 'orders:read' });
  expect((await send('PATCH', `/apis/${id}/scopes/orders:read`, { description: 'Read' })).body).toEqual({
    name: 'orders:read',
    description: 'Read',
  });
  expect((await send('DELETE', `/apis/${id}/scopes/orders:read`)).status).toBe(200);
  expect((await send('DELETE', `/apis/${id}`)).body).toMatchObject({ deleted: true });
});

test.each([
  ['POST', { name: 'Shop', type: 'machine', is_admin: true }],
  ['POST', { name: 'Shop', type: 'machine', registered: true }],
  ['PATCH', { created_at: 0 }],
  ['PATCH', { client_secret: 'x'.repeat(40) }],
  ['PATCH', { type: 'web' }],
])('%s of a client with %j names the member that is none', async (method, json) => {
  const { client_id } = await latchkey.client();
  const answer = await send(method, method === 'POST' ? '/clients' : `/clients/${client_id}`, json);
  expect(refusalOf(answer)).toEqual([422, 'input.invalid']);
  expect(answer.body['errors']).toEqual({ [Object.keys(json).at(-1)!]: 'is not a member here' });
});

test('a client is made, changed member by member, and deleted', async () => {
  const made = {
    name: 'Shop',
    type: 'web',
    redirect_uris: ['https://shop.example/cb'],
    tos_uri: 'https://shop.example/t',
  };
  const { client_secret, ...created } = (await send('POST', '/clients', made)).body;
  const client_id = String(created['client_id']);
  expect(client_secret).toEqual(expect.any(String));
  const changed = await send('PATCH', `/clients/${client_id}`, { name: 'Store', tos_uri: null, apis: null });
  expect(changed.body).toMatchObject({ client_name: 'Store', redirect_uris: made.redirect_uris, apis: {} });
  expect(Object.keys(changed.body)).not.toContain('tos_uri');
  const { body: shown } = await ask(`/clients/${client_id}`);
  expect(JSON.stringify(shown)).not.toContain(client_secret);
  const { body: added } = await send('POST', `/clients/${client_id}/secrets`, {});
  const { body: secrets } = await ask(`/clients/${client_id}/secrets`);
  expect(JSON.stringify(secrets)).not.toContain(added['client_secret']);
  expect(secrets['client_secrets']).toHaveLength(2);
  expect((await send('DELETE', `/clients/${client_id}`)).status).toBe(200);
  expect(refusalOf(await ask(`/clients/${client_id}`))).toEqual([404, 'clients.not_found']);
});
