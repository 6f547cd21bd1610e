/** Machine clients that act for an organization: allowed by an administrator of it, and ended by one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { post } from '../../support/visitor.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

const machine = () =>
  latchkey.client({ name: 'Robot', type: 'machine', redirect_uris: undefined, organization_usage: 'allow' });
const create = async (): Promise<string> =>
  (await latchkey.run<{ id: string }>('organizations.create', { name: 'Acme' })).id;
const clientsOf = async (organization_id: string, page = {}): Promise<string[]> => {
  const { clients } = await latchkey.run<{ clients: { client_id: string }[] }>('organizations.clients.list', {
    organization_id,
    ...page,
  });
  return clients.map(({ client_id }) => client_id);
};
const tokenFor = (client: TestClient, organization: string) =>
  post(`${latchkey.base}/oidc/token`, client, { grant_type: 'client_credentials', organization });

async function introspect(client: TestClient, token: string): Promise<Record<string, unknown>> {
  return (await post(`${latchkey.base}/oidc/introspect`, client, { token })).body;
}

test('a client gets tokens for the organizations that allow it, and for no other', async () => {
  const [client, acme, other] = [await machine(), await create(), await create()];
  expect((await tokenFor(client, acme)).body.error).toBe('access_denied');
  await latchkey.run('organizations.clients.allow', { organization_id: acme, client_id: client.client_id });
  const { body } = await tokenFor(client, acme);
  expect(await introspect(client, body.access_token)).toMatchObject({ active: true, org_id: acme, org_roles: [] });
  expect((await tokenFor(client, other)).body.error).toBe('access_denied');
  expect([await clientsOf(acme), await clientsOf(other)]).toEqual([[client.client_id], []]);
});

test('a client that is allowed no more has no valid token for the organization', async () => {
  const [client, acme] = [await machine(), await create()];
  const of = { organization_id: acme, client_id: client.client_id };
  await latchkey.run('organizations.clients.allow', of);
  await latchkey.run('organizations.clients.allow', of);
  const { body } = await tokenFor(client, acme);
  await latchkey.run('organizations.clients.delete', of);
  expect(await introspect(client, body.access_token)).toEqual({ active: false });
  expect((await tokenFor(client, acme)).body.error).toBe('access_denied');
  await expect(latchkey.run('organizations.clients.delete', of)).rejects.toThrow('organizations.client_not_found');
});

test('an organization allows machines alone', async () => {
  const [web, acme] = [await latchkey.client(), await create()];
  const allow = (organization_id: string, client_id: string) =>
    latchkey.run('organizations.clients.allow', { organization_id, client_id });
  await expect(allow(acme, web.client_id)).rejects.toThrow('organizations.client_not_machine');
  await expect(allow(acme, 'no-such-client')).rejects.toThrow('organizations.client_unknown');
  const unknown = acme.replace(/.{6}$/, '000000');
  await expect(allow(unknown, (await machine()).client_id)).rejects.toThrow('organizations.not_found');
});

test('the list goes on after the last client of a page', async () => {
  const acme = await create();
  const ids = (await Promise.all([1, 2, 3].map(machine))).map(({ client_id }) => client_id).sort();
  for (const client_id of ids) await latchkey.run('organizations.clients.allow', { organization_id: acme, client_id });
  const { next_cursor: cursor } = await latchkey.run<{ next_cursor: string }>('organizations.clients.list', {
    organization_id: acme,
    limit: 2,
  });
  const first = await clientsOf(acme, { limit: 2 });
  expect([...first, ...(await clientsOf(acme, { limit: 2, cursor }))]).toEqual(ids);
  expect(await clientsOf(acme, { sort: '-created_at', limit: 1 })).toEqual([ids[2]]);
  const given = { organization_id: acme, client_id: ids[0] };
  expect(await latchkey.run('organizations.clients.read', given)).toMatchObject({ client_id: ids[0] });
  const other = { ...given, organization_id: await create() };
  await expect(latchkey.run('organizations.clients.read', other)).rejects.toThrow('organizations.client_not_found');
});
