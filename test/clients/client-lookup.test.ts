import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { clientsOn, machine, operator, webApp } from '../support/clients.ts';
import { openTestDatabase } from '../support/database.ts';

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

describe('what the engine is told', () => {
  test('names of RFC 7591, when the client was made, and a secret that nobody knows', async () => {
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

  test('no secret at all for a client that has none', async () => {
    const { client } = await node.clients.create({ ...webApp, type: 'spa' }, operator);
    expect(await node.lookup.findForEngine(client.clientId)).not.toHaveProperty('client_secret');
  });

  test('the placeholder differs from client to client and between key rings', async () => {
    const [one, other] = [await node.clients.create(webApp, operator), await node.clients.create(webApp, operator)];
    const elsewhere = clientsOn(database, { secrets: ['another-secret-of-the-key-ring-32b'] });
    const placeholders = await Promise.all([
      node.lookup.findForEngine(one.client.clientId),
      node.lookup.findForEngine(other.client.clientId),
      elsewhere.lookup.findForEngine(one.client.clientId),
    ]);
    expect(new Set(placeholders.map((metadata) => metadata?.['client_secret'])).size).toBe(3);
  });

  test('the newest secret where it is a key, and after the end of all of them the placeholder', async () => {
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

  test('the profile, so that hooks of the engine need not look the client up', async () => {
    const given = {
      ...webApp.metadata,
      token_endpoint_auth_method: 'private_key_jwt' as const,
      token_endpoint_auth_signing_alg: 'ES256' as const,
      jwks_uri: 'https://shop.example/jwks',
    };
    const { client } = await node.clients.create({ ...webApp, profile: 'fapi2_security', metadata: given }, operator);
    expect(await node.lookup.findForEngine(client.clientId)).toMatchObject({ latchkey_profile: 'fapi2_security' });
  });

  test('nothing about a client that is unknown or disabled', async () => {
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
  test('asks the database once for many requests, and gives the engine the same object each time', async () => {
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

  test('sees what nobody told it within five seconds', async () => {
    const { client, secret = '' } = await node.clients.create(webApp, operator);
    await node.lookup.find(client.clientId);
    const other = clientsOn(database);
    await other.clients.change(client.clientId, { disabled: true }, operator);
    expect(await node.lookup.verifySecret(client.clientId, secret)).toBe(true);
    node.clock.advance(5 * SECOND);
    expect(await node.lookup.verifySecret(client.clientId, secret)).toBe(false);
  });

  test('sees a client as soon as it is made, also when somebody asked for it before', async () => {
    expect(await node.lookup.find('shop')).toBeNull();
    await node.clients.create({ ...webApp, clientId: 'shop' }, operator);
    expect(await node.lookup.find('shop')).not.toBeNull();
  });

  test('does not mind names that no client can have', async () => {
    for (const name of ['', '__proto__', 'constructor', "'; drop table client; --", 'x'.repeat(5000)]) {
      expect(await node.lookup.find(name)).toBeNull();
    }
  });
});
