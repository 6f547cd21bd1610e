import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { clientsOn } from '../../support/clients.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let node: ReturnType<typeof clientsOn>;
let call: ReturnType<typeof clientsOn>['call'];

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.sql('delete from client');
  await database.sql('delete from api_resource');
  node = clientsOn(database);
  ({ call } = node);
});

const shop = { name: 'Shop', type: 'web', redirect_uris: ['http://127.0.0.1:9/cb'] };

describe('client create', () => {
  test('answers with the client information response of RFC 7591 §3.2.1', async () => {
    const answer = await call('clients.create', shop);
    expect(answer).toMatchObject({
      client_id: expect.stringMatching(/^client_/),
      client_secret: expect.stringMatching(/^lk_cs_/),
      client_secret_expires_at: 0,
      client_id_issued_at: 1_893_456_000,
      client_name: 'Shop',
      redirect_uris: ['http://127.0.0.1:9/cb'],
      token_endpoint_auth_method: 'client_secret_basic',
      first_party: false,
    });
    expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
    expect(node.audit.events).toEqual([
      expect.objectContaining({ type: 'client.created', actor: { type: 'operator' } }),
    ]);
  });

  test('accepts every Latchkey member and every metadata member', async () => {
    await call('apis.create', { identifier: 'https://api.example', scopes: [{ name: 'read' }] });
    const answer = await call('clients.create', {
      name: 'Robot',
      type: 'machine',
      client_id: 'robot',
      client_secret: 'a-secret-that-was-agreed-upon-before',
      first_party: true,
      apis: { 'https://api.example': ['read'] },
      token_endpoint_auth_method: 'client_secret_post',
    });
    expect(answer).toMatchObject({
      client_id: 'robot',
      first_party: true,
      apis: { 'https://api.example': ['read'] },
      token_endpoint_auth_method: 'client_secret_post',
    });
  });

  test.each([
    [{}, ['name'], 'input.invalid'],
    [{ name: 'Shop' }, ['type'], 'clients.metadata_invalid'],
    [{ ...shop, preset: 'desktop' }, ['preset'], 'input.invalid'],
    [{ ...shop, type: 'desktop' }, ['type'], 'input.invalid'],
    [{ ...shop, profile: 'fapi1' }, ['profile'], 'input.invalid'],
    [{ ...shop, redirect_uri: 'https://shop.example/cb' }, ['redirect_uri'], 'input.invalid'],
    [{ ...shop, disabled: true }, ['disabled'], 'input.invalid'],
    [null, ['input'], 'input.invalid'],
  ])('%j is refused and names %j with %s', async (input, members, code) => {
    await expect(call('clients.create', input)).rejects.toMatchObject({
      code,
      details: Object.fromEntries(members.map((member) => [member, expect.any(String)])),
    });
  });
});

describe('the other commands for clients', () => {
  test('list and show print everything but secrets', async () => {
    const { client_id: clientId, client_secret: secret } = await call('clients.create', shop);
    const list = await call('clients.list');
    const shown = await call('clients.read', { client_id: clientId });
    expect(list.clients).toEqual([expect.objectContaining({ client_id: clientId, client_name: 'Shop' })]);
    expect(shown.client_secrets).toEqual([
      { id: expect.stringMatching(/^csec_/), created_at: '2030-01-01T00:00:00.000Z', expires_at: null },
    ]);
    expect(JSON.stringify([list, shown])).not.toContain(secret);
  });

  test('list goes beyond one page', async () => {
    for (let n = 0; n < 201; n++) await call('clients.create', { name: `Robot ${n}`, type: 'machine' });
    const first = await call('clients.list', { limit: 200, include_total: true });
    expect([first.clients.length, first.total]).toEqual([200, 201]);
    const last = await call('clients.list', { limit: 200, cursor: first.next_cursor });
    expect([last.clients.length, last.next_cursor]).toEqual([1, null]);
  });

  test('change, disable, enable and delete', async () => {
    const { client_id: clientId } = await call('clients.create', { ...shop, tos_uri: 'https://shop.example/terms' });
    const changed = await call('clients.update', { client_id: clientId, name: 'Store', tos_uri: null });
    expect(changed).toMatchObject({ client_name: 'Store', redirect_uris: shop.redirect_uris });
    expect(changed).not.toHaveProperty('tos_uri');
    expect(await call('clients.disable', { client_id: clientId })).toMatchObject({ disabled: true });
    expect(await call('clients.enable', { client_id: clientId })).toMatchObject({ disabled: false });
    expect(await call('clients.delete', { client_id: clientId })).toEqual({ client_id: clientId, deleted: true });
    await expect(call('clients.read', { client_id: clientId })).rejects.toMatchObject({ code: 'clients.not_found' });
  });

  test('a change of the method prints the new secret', async () => {
    const { client_id: clientId } = await call('clients.create', shop);
    const changed = await call('clients.update', {
      client_id: clientId,
      token_endpoint_auth_method: 'client_secret_jwt',
    });
    expect(await node.lookup.verifySecret(clientId, String(changed.client_secret))).toBe(true);
  });

  test('rotate-secret, add-secret and remove-secret', async () => {
    const { client_id: clientId, client_secret: first } = await call('clients.create', shop);
    const rotated = await call('clients.secrets.rotate', { client_id: clientId });
    expect(await node.lookup.verifySecret(clientId, String(first))).toBe(true);
    const {
      client_secrets: [, old],
    } = await call('clients.read', { client_id: clientId });
    expect(old?.expires_at).toBe('2030-01-02T00:00:00.000Z');
    const named = { client_id: clientId, client_secret_id: old?.id };
    expect(await call('clients.secrets.read', named)).toEqual(old);
    expect((await call('clients.secrets.list', { client_id: clientId, limit: 1 })).client_secrets).toEqual([old]);
    await call('clients.secrets.delete', named);
    await expect(call('clients.secrets.read', named)).rejects.toMatchObject({ code: 'clients.secret_not_found' });
    expect(await node.lookup.verifySecret(clientId, String(first))).toBe(false);
    const added = await call('clients.secrets.create', { client_id: clientId, expires_in_seconds: 60 });
    expect(added.client_secret_expires_at).toBe(1_893_456_060);
    for (const { client_secret: secret } of [rotated, added])
      expect(await node.lookup.verifySecret(clientId, String(secret))).toBe(true);
  });

  test.each([
    ['clients.read', {}, 'client_id'],
    ['clients.update', { name: 'X' }, 'client_id'],
    ['clients.delete', { client_id: 1 }, 'client_id'],
    ['clients.secrets.rotate', { client_id: 'x', overlap_seconds: -1 }, 'overlap_seconds'],
    ['clients.secrets.create', { client_id: 'x', expires_in_seconds: 0 }, 'expires_in_seconds'],
    ['clients.secrets.delete', { client_id: 'x', client_secret_id: 'usr_1' }, 'client_secret_id'],
  ] as const)('%s with %j is refused by the member %s', async (name, input, member) => {
    await expect(call(name, input)).rejects.toMatchObject({ details: { [member]: expect.any(String) } });
  });
});

describe('the commands for APIs', () => {
  const input = {
    identifier: 'https://api.example',
    scopes: [{ name: 'read', description: 'Read orders' }],
    access_token_seconds: 300,
  };

  test('create, list and delete', async () => {
    const created = await call('apis.create', input);
    expect(created).toEqual({
      id: expect.stringMatching(/^api_/),
      identifier: 'https://api.example',
      name: 'https://api.example',
      scopes: [{ name: 'read', description: 'Read orders' }],
      token_format: 'jwt',
      access_token_seconds: 300,
      signing_alg: 'ES256',
      organization_permissions: false,
      instance_permissions: false,
    });
    expect(await call('apis.list')).toEqual({ apis: [created], next_cursor: null });
    for (const api_id of [created['id'], created['identifier']])
      expect(await call('apis.read', { api_id })).toEqual(created);
    expect(await call('apis.delete', { api_id: 'https://api.example' })).toEqual({
      id: created['id'],
      identifier: 'https://api.example',
      deleted: true,
    });
  });

  test('update changes what is named, and null sets the default', async () => {
    const { id: api_id } = await call('apis.create', { ...input, name: 'Orders', token_format: 'opaque' });
    const changed = await call('apis.update', { api_id, access_token_seconds: 60, organization_permissions: true });
    expect(changed).toMatchObject({ name: 'Orders', scopes: input.scopes, access_token_seconds: 60 });
    const defaults = { name: null, scopes: null, token_format: null, organization_permissions: null };
    expect(await call('apis.update', { api_id, ...defaults })).toMatchObject({
      name: 'https://api.example',
      scopes: [],
      token_format: 'jwt',
      access_token_seconds: 60,
      organization_permissions: false,
    });
    expect(node.audit.events.at(-1)).toMatchObject({ type: 'api.changed', details: { before: { name: 'Orders' } } });
  });

  test('scopes are added, changed and removed one by one', async () => {
    const { id: api_id } = await call('apis.create', input);
    expect(await call('apis.scopes.create', { api_id, name: 'write' })).toEqual({ name: 'write', description: '' });
    const changed = { name: 'read', description: 'Read all orders' };
    expect(await call('apis.scopes.update', { api_id, scope: 'read', description: changed.description })).toEqual(
      changed,
    );
    expect(await call('apis.scopes.update', { api_id, scope: 'read' })).toEqual(changed);
    expect(await call('apis.scopes.list', { api_id })).toMatchObject({ scopes: [changed, { name: 'write' }] });
    expect(await call('apis.scopes.delete', { api_id, scope: 'read' })).toEqual({
      api_id,
      name: 'read',
      deleted: true,
    });
    expect(await call('apis.scopes.read', { api_id, scope: 'write' })).toMatchObject({ name: 'write' });
    expect(await call('apis.read', { api_id })).toMatchObject({ scopes: [{ name: 'write' }] });
  });

  test.each([
    ['apis.read', { api_id: 'https://gone.example' }, 'apis.not_found'],
    ['apis.update', { api_id: 'api_01h455vb4pex5vsknk084sn02q', name: 'X' }, 'apis.not_found'],
    ['apis.update', { token_format: 'paper' }, 'apis.invalid'],
    ['apis.delete', { api_id: 'https://gone.example' }, 'apis.not_found'],
    ['apis.scopes.list', { api_id: 'https://gone.example' }, 'apis.not_found'],
    ['apis.scopes.read', { scope: 'fly' }, 'apis.scope_not_found'],
    ['apis.scopes.read', { api_id: 'https://gone.example', scope: 'fly' }, 'apis.not_found'],
    ['apis.scopes.create', { name: 'read' }, 'apis.scope_exists'],
    ['apis.scopes.create', { name: 'openid' }, 'apis.invalid'],
    ['apis.scopes.create', { api_id: 'https://gone.example', name: 'fly' }, 'apis.not_found'],
    ['apis.scopes.update', { scope: 'fly', description: '' }, 'apis.scope_not_found'],
    ['apis.scopes.update', { scope: 'read', description: 'a\nb' }, 'apis.invalid'],
    ['apis.scopes.update', { api_id: 'https://gone.example', scope: 'fly' }, 'apis.not_found'],
    ['apis.scopes.delete', { scope: 'fly' }, 'apis.scope_not_found'],
    ['apis.scopes.delete', { api_id: 'https://gone.example', scope: 'fly' }, 'apis.not_found'],
  ] as const)('%s with %j is refused with %s', async (name, given, code) => {
    const { id: api_id } = await call('apis.create', input);
    const refusal = await call(name, { api_id, ...given }).catch((error: object) => error);
    expect(refusal).toMatchObject({ code });
  });

  test.each([
    ['apis.create', {}, 'identifier'],
    ['apis.create', { ...input, ttl: 1 }, 'ttl'],
    ['apis.delete', {}, 'api_id'],
  ] as const)('%s with %j is refused by the member %s', async (name, given, member) => {
    await expect(call(name, given)).rejects.toMatchObject({
      code: 'input.invalid',
      details: { [member]: expect.any(String) },
    });
  });
});
