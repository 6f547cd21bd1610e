import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { clientsOn, machine, operator } from '../../support/clients.ts';
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

const identifier = 'https://api.example';
const orders = {
  identifier,
  name: 'Orders',
  scopes: [{ name: 'read', description: 'Read orders' }, { name: 'write' }],
};

describe('an API', () => {
  test('gives JWTs signed with ES256 that live ten minutes unless configured otherwise (RFC 9068)', async () => {
    const api = await node.apis.create(orders, operator);
    expect(api).toMatchObject({
      tokenFormat: 'jwt',
      accessTokenSeconds: 600,
      signingAlg: 'ES256',
      scopes: [
        { name: 'read', description: 'Read orders' },
        { name: 'write', description: '' },
      ],
    });
    expect(node.audit.events).toEqual([
      expect.objectContaining({ type: 'api.created', subject: { type: 'api', id: api.id } }),
    ]);
  });

  test.each([
    [{ identifier: 'not a uri' }, 'identifier'],
    [{ identifier: '/relative' }, 'identifier'],
    [{ identifier: 'https://api.example/#part' }, 'identifier'],
    [{ identifier: 'https://user@api.example' }, 'identifier'],
    [{ identifier: 'javascript:alert(1)' }, 'identifier'],
    [{ name: '' }, 'name'],
    [{ scopes: [{ name: 'with space' }] }, 'scopes.0.name'],
    [{ scopes: [{ name: 'quote"d' }] }, 'scopes.0.name'],
    [{ scopes: [{ name: 'openid' }] }, 'scopes.0.name'],
    [{ scopes: [{ name: 'offline_access' }] }, 'scopes.0.name'],
    [{ scopes: [{ name: '*' }] }, 'scopes.0.name'],
    [{ scopes: [{ name: 'read' }, { name: 'read' }] }, 'scopes'],
    [{ tokenFormat: 'paseto' }, 'tokenFormat'],
    [{ signingAlg: 'HS256' }, 'signingAlg'],
    [{ signingAlg: 'none' }, 'signingAlg'],
    [{ accessTokenSeconds: 3601 }, 'accessTokenSeconds'],
    [{ accessTokenSeconds: 0 }, 'accessTokenSeconds'],
    [{ tokenFormat: 'opaque', accessTokenSeconds: 86_401 }, 'accessTokenSeconds'],
  ])('%j is refused by the member %s', async (change, member) => {
    await expect(node.apis.create({ ...orders, ...change }, operator)).rejects.toMatchObject({
      code: 'apis.invalid',
      status: 422,
      details: { [member]: expect.any(String) },
    });
  });

  test('may give opaque tokens for a day, since opaque tokens can be revoked', async () => {
    expect(
      await node.apis.create({ ...orders, tokenFormat: 'opaque', accessTokenSeconds: 86_400 }, operator),
    ).toMatchObject({ accessTokenSeconds: 86_400 });
  });

  test('may be named by a URN (RFC 8707 §2)', async () => {
    expect(await node.apis.create({ ...orders, identifier: 'urn:example:orders' }, operator)).toMatchObject({
      identifier: 'urn:example:orders',
    });
  });

  test('has a unique identifier', async () => {
    await node.apis.create(orders, operator);
    await expect(node.apis.create(orders, operator)).rejects.toMatchObject({ code: 'apis.identifier_taken' });
  });

  test('is changed member by member, validated as a whole, and logged before and after', async () => {
    await node.apis.create(orders, operator);
    await node.apis.change(identifier, { accessTokenSeconds: 60 }, operator);
    expect(await node.apis.find(identifier)).toMatchObject({ name: 'Orders', accessTokenSeconds: 60 });
    expect(node.audit.events.at(-1)?.details).toEqual({
      identifier,
      before: { accessTokenSeconds: 600 },
      after: { accessTokenSeconds: 60 },
    });
    await expect(node.apis.change(identifier, { accessTokenSeconds: 86_400 }, operator)).rejects.toMatchObject({
      code: 'apis.invalid',
    });
    await expect(node.apis.change('https://other.example', { name: 'X' }, operator)).rejects.toMatchObject({
      code: 'apis.not_found',
    });
  });

  test('is deleted for every client at once', async () => {
    await node.apis.create(orders, operator);
    const { client } = await node.clients.create({ ...machine, apis: { [identifier]: ['*'] } }, operator);
    expect(await node.apiLookup.findForClient(identifier, client.clientId)).not.toBeNull();
    await node.apis.delete(identifier, operator);
    expect(await node.apiLookup.findForClient(identifier, client.clientId)).toBeNull();
    await expect(node.apis.delete(identifier, operator)).rejects.toMatchObject({ code: 'apis.not_found' });
  });
});

describe('rights of a client at an API', () => {
  test.each([
    [{}, null],
    [{ 'https://other.example': ['*'] }, null],
    [{ [identifier]: ['*'] }, ['read', 'write']],
    [{ [identifier]: ['read'] }, ['read']],
    [{ [identifier]: ['read', 'removed'] }, ['read']],
    [{ [identifier]: ['removed'] }, []],
    [{ [`${identifier}/`]: ['*'] }, null],
  ])('with the access %j: %j', async (apis, scopes) => {
    for (const other of ['https://other.example', `${identifier}/`])
      await node.apis.create({ ...orders, identifier: other }, operator);
    await node.apis.create({ ...orders, scopes: [...orders.scopes, { name: 'removed' }] }, operator);
    const { client } = await node.clients.create({ ...machine, apis }, operator);
    await node.apis.change(identifier, { scopes: orders.scopes }, operator);
    const api = await node.apiLookup.findForClient(identifier, client.clientId);
    expect(api?.scopes.map(({ name }) => name) ?? null).toEqual(scopes);
  });

  test('are empty for a client that is unknown or disabled', async () => {
    await node.apis.create(orders, operator);
    const { client } = await node.clients.create({ ...machine, apis: { [identifier]: ['*'] } }, operator);
    await node.clients.change(client.clientId, { disabled: true }, operator);
    expect(await node.apiLookup.findForClient(identifier, client.clientId)).toBeNull();
    expect(await node.apiLookup.findForClient(identifier, 'nobody')).toBeNull();
  });

  test('include scopes that the API adds later if all scopes are allowed', async () => {
    await node.apis.create(orders, operator);
    const { client } = await node.clients.create({ ...machine, apis: { [identifier]: ['*'] } }, operator);
    await node.apiLookup.findForClient(identifier, client.clientId);
    await node.apis.change(identifier, { scopes: [...orders.scopes, { name: 'delete' }] }, operator);
    expect((await node.apiLookup.findForClient(identifier, client.clientId))?.scopes.map(({ name }) => name)).toEqual([
      'read',
      'write',
      'delete',
    ]);
  });

  test('need no query when they were just read, and follow a change everywhere within five seconds', async () => {
    await node.apis.create(orders, operator);
    const { client } = await node.clients.create({ ...machine, apis: { [identifier]: ['*'] } }, operator);
    for (let n = 0; n < 20; n++) await node.apiLookup.findForClient(identifier, client.clientId);
    expect(node.statements).toHaveLength(2);
    await clientsOn(database).apis.delete(identifier, operator);
    node.clock.advance(5 * SECOND);
    expect(await node.apiLookup.findForClient(identifier, client.clientId)).toBeNull();
  });
});
