import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { clientsOn, machine, operator, webApp } from '../../support/clients.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let node: ReturnType<typeof clientsOn>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.sql('delete from client');
  node = clientsOn(database);
});

const lookups = () => node.statements.filter((text) => text.includes('from client c')).length;

describe('the client that the engine sees', () => {
  test('has the names of RFC 7591, its time of creation, and a secret that is unknown', async () => {
    const { client, secret } = await node.clients.create(webApp, operator);
    const metadata = await node.lookup.findForEngine(client.clientId);
    expect(metadata).toEqual({
      ...client.metadata,
      client_id: client.clientId,
      client_name: 'Shop',
      client_id_issued_at: node.clock.now().getTime() / SECOND,
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_secret_expires_at: 0,
    });
    expect(metadata?.['client_secret']).not.toBe(secret);
  });

  test('has no secret if the client has none', async () => {
    const { client } = await node.clients.create({ ...webApp, type: 'spa' }, operator);
    expect(await node.lookup.findForEngine(client.clientId)).not.toHaveProperty('client_secret');
  });

  test('has a placeholder that differs from client to client and between key rings', async () => {
    const [one, other] = [await node.clients.create(webApp, operator), await node.clients.create(webApp, operator)];
    const elsewhere = clientsOn(database, { secrets: ['another-secret-of-the-key-ring-32b'] });
    const placeholders = await Promise.all([
      node.lookup.findForEngine(one.client.clientId),
      node.lookup.findForEngine(other.client.clientId),
      elsewhere.lookup.findForEngine(one.client.clientId),
    ]);
    expect(new Set(placeholders.map((metadata) => metadata?.['client_secret'])).size).toBe(3);
  });

  test('has the newest secret if the secret is a key, and the placeholder after all secrets ended', async () => {
    const { client } = await node.clients.create(
      { ...machine, metadata: { token_endpoint_auth_method: 'client_secret_jwt' } },
      operator,
    );
    const { secret } = await node.secrets.rotate(client.clientId, { overlapSeconds: 60 }, operator);
    expect((await node.lookup.findForEngine(client.clientId))?.['client_secret']).toBe(secret);
    await database.sql('update client_secret set expires_at = $1', [node.clock.now()]);
    node.clock.advance(5 * SECOND);
    expect((await node.lookup.findForEngine(client.clientId))?.['client_secret']).toMatch(/^[\w-]{43}$/);
  });

  test('has its profile, so that engine hooks need no look-up', async () => {
    const given = {
      ...webApp.metadata,
      token_endpoint_auth_method: 'private_key_jwt' as const,
      token_endpoint_auth_signing_alg: 'ES256' as const,
      jwks_uri: 'https://shop.example/jwks',
    };
    const { client } = await node.clients.create({ ...webApp, profile: 'fapi2_security', metadata: given }, operator);
    expect(await node.lookup.findForEngine(client.clientId)).toMatchObject({ latchkey_profile: 'fapi2_security' });
  });

  test('does not exist if the client is unknown or disabled', async () => {
    const { client, secret = '' } = await node.clients.create(webApp, operator);
    expect(await node.lookup.findForEngine('nobody')).toBeUndefined();
    await node.clients.change(client.clientId, { disabled: true }, operator);
    expect(await node.lookup.findForEngine(client.clientId)).toBeUndefined();
    expect(await node.lookup.verifySecret(client.clientId, secret)).toBe(false);
    await node.clients.change(client.clientId, { disabled: false }, operator);
    expect(await node.lookup.verifySecret(client.clientId, secret)).toBe(true);
  });
});

describe('the hot path', () => {
  test('queries the database once for many requests, and gives the engine the same object each time', async () => {
    const { client, secret = '' } = await node.clients.create(webApp, operator);
    const found = await Promise.all(Array.from({ length: 50 }, () => node.lookup.findForEngine(client.clientId)));
    await Promise.all(Array.from({ length: 50 }, () => node.lookup.verifySecret(client.clientId, secret)));
    expect(new Set(found).size).toBe(1);
    expect(lookups()).toBe(1);
  });

  test('sees a change of this node at once', async () => {
    const { client } = await node.clients.create(webApp, operator);
    await node.lookup.find(client.clientId);
    await node.clients.change(client.clientId, { name: 'Store' }, operator);
    expect((await node.lookup.find(client.clientId))?.name).toBe('Store');
  });

  test('sees a change without a message within five seconds', async () => {
    const { client, secret = '' } = await node.clients.create(webApp, operator);
    await node.lookup.find(client.clientId);
    const other = clientsOn(database);
    await other.clients.change(client.clientId, { disabled: true }, operator);
    expect(await node.lookup.verifySecret(client.clientId, secret)).toBe(true);
    node.clock.advance(5 * SECOND);
    expect(await node.lookup.verifySecret(client.clientId, secret)).toBe(false);
  });

  test('sees a client as soon as it is created, also when it was looked up before', async () => {
    expect(await node.lookup.find('shop')).toBeNull();
    await node.clients.create({ ...webApp, clientId: 'shop' }, operator);
    expect(await node.lookup.find('shop')).not.toBeNull();
  });

  test('accepts names that no client can have', async () => {
    for (const name of ['', '__proto__', 'constructor', "'; drop table client; --", 'x'.repeat(5000)]) {
      expect(await node.lookup.find(name)).toBeNull();
    }
  });
});
