import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { clientsOn, operator, webApp } from '../../support/clients.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let node: ReturnType<typeof clientsOn>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.sql('delete from client');
  await database.sql('delete from api_resource');
  node = clientsOn(database);
});

const secret = 's'.repeat(43);
/** As the engine hands a registration over: complete, with what it made itself. */
const registration = (more: Record<string, unknown> = {}) => ({
  client_id: 'dyn1',
  client_name: 'Visitor',
  client_id_issued_at: 1_893_456_000,
  client_secret: secret,
  client_secret_expires_at: 0,
  application_type: 'web',
  redirect_uris: ['https://visitor.example/cb'],
  post_logout_redirect_uris: [],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  subject_type: 'public',
  token_endpoint_auth_method: 'client_secret_basic',
  id_token_signed_response_alg: 'RS256',
  require_auth_time: false,
  backchannel_user_code_parameter: false,
  ...more,
});

describe('a client that registers itself (RFC 7591)', () => {
  test('is found by the engine as it registered, with the secret that it was given', async () => {
    await node.registered.saveRegistered(registration());
    expect(await node.lookup.findForEngine('dyn1')).toMatchObject({
      client_id: 'dyn1',
      client_name: 'Visitor',
      client_secret: secret,
      redirect_uris: ['https://visitor.example/cb'],
    });
    expect(await node.lookup.verifySecret('dyn1', secret)).toBe(true);
    expect(node.audit.events).toEqual([
      expect.objectContaining({ type: 'client.registered', actor: { type: 'client', id: 'dyn1' } }),
    ]);
  });

  test('has its secret kept encrypted', async () => {
    await node.registered.saveRegistered(registration());
    expect(JSON.stringify(await database.sql('select * from client, client_secret'))).not.toContain(secret);
  });

  test('is third-party and may use no API', async () => {
    await node.registered.saveRegistered(registration());
    expect(await node.lookup.find('dyn1')).toMatchObject({
      firstParty: false,
      registered: true,
      apis: {},
      profile: 'default',
    });
  });

  test.each([
    [{}, 'web'],
    [{ token_endpoint_auth_method: 'none', client_secret: undefined }, 'spa'],
    [
      { application_type: 'native', redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none' },
      'native',
    ],
    [{ grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }, 'machine'],
    [{ grant_types: ['implicit'], response_types: ['id_token'] }, 'web'],
  ])('%j is of the type %s', async (more, type) => {
    await node.registered.saveRegistered(registration(more));
    expect((await node.lookup.find('dyn1'))?.type).toBe(type);
  });

  test.each([
    [{ first_party: true }, 'first_party'],
    [{ skip_consent: true }, 'skip_consent'],
    [{ tenant: 'a' }, 'tenant'],
    [{ profile: 'default' }, 'profile'],
    [{ apis: { 'https://api.example': ['*'] } }, 'apis'],
    [{ redirect_uris: ['javascript:alert(1)'] }, 'redirect_uris'],
    [{ redirect_uris: ['http://visitor.example/cb'] }, 'redirect_uris'],
    [{ redirect_uris: Array.from({ length: 1000 }, (_, n) => `https://visitor.example/${n}`) }, 'redirect_uris'],
    [{ redirect_uris: [] }, 'redirect_uris'],
    [{ jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }, 'jwks.keys.0.kty'],
    [{ logo_uri: 'javascript:alert(1)' }, 'logo_uri'],
    [{ client_name: 'evil\u202Egnp' }, 'client_name'],
    [{ scope: 'openid root' }, 'scope'],
    [{ client_id: undefined }, 'client_id'],
  ])('%j is refused by the member %s', async (more, member) => {
    await expect(node.registered.saveRegistered(registration(more))).rejects.toMatchObject({
      code: 'clients.metadata_invalid',
      details: { [member]: expect.any(String) },
    });
    expect(await database.sql('select 1 from client')).toEqual([]);
  });

  test('may send unknown members; they are ignored (RFC 7591 §2)', async () => {
    await node.registered.saveRegistered(
      registration({ 'client_name#de': 'Besuch', unknown: 1, __proto__: { first_party: true } }),
    );
    expect(Object.keys((await node.clients.require('dyn1')).metadata)).not.toContain('unknown');
  });
});

describe('an update (RFC 7592 §2.2)', () => {
  test('keeps the secret of the client and replaces the rest', async () => {
    await node.registered.saveRegistered(registration({ tos_uri: 'https://visitor.example/terms' }));
    await node.registered.saveRegistered(
      registration({ client_name: 'Guest', redirect_uris: ['https://guest.example/cb'] }),
    );
    expect(await node.lookup.findForEngine('dyn1')).toMatchObject({
      client_name: 'Guest',
      redirect_uris: ['https://guest.example/cb'],
      client_secret: secret,
    });
    expect(await node.lookup.findForEngine('dyn1')).not.toHaveProperty('tos_uri');
    expect(await database.sql('select 1 from client_secret')).toHaveLength(1);
    expect(node.audit.types()).toEqual(['client.registered', 'client.changed']);
  });

  test('is validated as a whole, and changes nothing when it is refused', async () => {
    await node.registered.saveRegistered(registration());
    await expect(
      node.registered.saveRegistered(registration({ redirect_uris: ['data:text/html,x'] })),
    ).rejects.toMatchObject({ code: 'clients.metadata_invalid' });
    expect(await node.lookup.findForEngine('dyn1')).toMatchObject({ redirect_uris: ['https://visitor.example/cb'] });
  });

  test('keeps the decisions of the operator', async () => {
    await node.apis.create({ identifier: 'https://api.example', name: 'Orders', scopes: [{ name: 'read' }] }, operator);
    await node.registered.saveRegistered(registration());
    await node.clients.change('dyn1', { apis: { 'https://api.example': ['read'] } }, operator);
    await node.clients.change('dyn1', { disabled: true }, operator);
    await node.registered.saveRegistered(registration({ client_name: 'Guest' }));
    expect(await node.clients.require('dyn1')).toMatchObject({
      name: 'Guest',
      disabled: true,
      apis: { 'https://api.example': ['read'] },
    });
  });

  test('to no authentication ends the secret', async () => {
    await node.registered.saveRegistered(registration());
    await node.registered.saveRegistered(registration({ token_endpoint_auth_method: 'none' }));
    expect(await node.lookup.verifySecret('dyn1', secret)).toBe(false);
    expect(await node.lookup.findForEngine('dyn1')).not.toHaveProperty('client_secret');
  });

  test('cannot change a client that an operator created', async () => {
    await node.clients.create({ ...webApp, clientId: 'shop' }, operator);
    await expect(node.registered.saveRegistered(registration({ client_id: 'shop' }))).rejects.toMatchObject({
      code: 'clients.not_registered',
      status: 403,
    });
    await expect(node.registered.removeRegistered('shop')).rejects.toMatchObject({ code: 'clients.not_registered' });
    expect(await node.clients.require('shop')).toMatchObject({ name: 'Shop', registered: false });
  });

  test('cannot be used by an operator to make the client first-party', async () => {
    await node.registered.saveRegistered(registration());
    await expect(node.clients.change('dyn1', { firstParty: true }, operator)).rejects.toMatchObject({
      details: { first_party: expect.any(String) },
    });
  });
});

test('a client that registered itself can delete itself (RFC 7592 §2.3)', async () => {
  await node.registered.saveRegistered(registration());
  await node.registered.removeRegistered('dyn1');
  expect(await node.lookup.find('dyn1')).toBeNull();
  expect(await database.sql('select 1 from retired_client_id where client_id = $1', ['dyn1'])).toEqual([]);
  expect(node.audit.types()).toEqual(['client.registered', 'client.deleted']);
  await expect(node.registered.removeRegistered('dyn1')).rejects.toMatchObject({ code: 'clients.not_found' });
});
