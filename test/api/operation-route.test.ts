import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { routeOf } from '../../src/api/operation-route.ts';
import { mountedOperations } from '../../src/api/mounted-operation.ts';
import { queryReader } from '../../src/api/query-text.ts';
import { bindOperations } from '#kernel/operations/bound-operation.ts';
import { operation } from '#kernel/operations/operation.ts';

const params = (...names: string[]) => z.strictObject(Object.fromEntries(names.map((name) => [name, z.string()])));

describe('the route of an operation', () => {
  test.each<[string, string[], string, number]>([
    ['clients.list', [], 'GET /api/v1/clients', 200],
    ['clients.create', [], 'POST /api/v1/clients', 201],
    ['clients.read', ['client_id'], 'GET /api/v1/clients/{client_id}', 200],
    ['clients.update', ['client_id'], 'PATCH /api/v1/clients/{client_id}', 200],
    ['clients.delete', ['client_id'], 'DELETE /api/v1/clients/{client_id}', 200],
    ['users.disable', ['user_id'], 'POST /api/v1/users/{user_id}/disable', 200],
    ['users.require_password', ['user_id'], 'POST /api/v1/users/{user_id}/require-password', 200],
    ['keys.rotate', [], 'POST /api/v1/keys/rotate', 200],
    ['clients.secrets.create', ['client_id'], 'POST /api/v1/clients/{client_id}/secrets', 201],
    ['clients.secrets.rotate', ['client_id'], 'POST /api/v1/clients/{client_id}/secrets/rotate', 200],
    ['clients.secrets.delete', ['client_id', 'id'], 'DELETE /api/v1/clients/{client_id}/secrets/{id}', 200],
    ['users.consents.delete', ['user_id', 'client_id'], 'DELETE /api/v1/users/{user_id}/consents/{client_id}', 200],
    ['users.sessions.end_all', ['user_id'], 'POST /api/v1/users/{user_id}/sessions/end-all', 200],
    ['me.read', [], 'GET /api/v1/me', 200],
    ['me.sessions.delete', ['session_id'], 'DELETE /api/v1/me/sessions/{session_id}', 200],
    ['branding.clients.update', ['client_id'], 'PATCH /api/v1/branding/clients/{client_id}', 200],
    ['organizations.branding.read', ['organization_id'], 'GET /api/v1/organizations/{organization_id}/branding', 200],
    ['users.constructor', ['user_id'], 'POST /api/v1/users/{user_id}/constructor', 200],
  ])('%s of %j', (name, names, expected, status) => {
    const route = routeOf({ name, params: params(...names) });
    expect([`${route.method} ${route.path}`, route.status]).toEqual([expected, status]);
  });

  test.each<[string, string[]]>([
    ['clients', []],
    ['', []],
    ['Clients.list', []],
    ['clients..list', []],
    ['clients.a/b', []],
    ['clients.a-b', []],
    ['clients.read', ['client-id']],
    ['clients.read', ['__proto__x']],
  ])('%j of %j has none', (name, names) => {
    expect(() => routeOf({ name, params: params(...names) })).toThrow('has no route');
  });
});

describe('mounting', () => {
  const declared = (name: `${string}.${string}`, permission = 'users.read', id = 'user_id') =>
    operation({
      name,
      permission,
      params: { [id]: z.string() },
      output: z.strictObject({}),
      description: 'Test.',
      run: async () => ({}),
    });
  const bound = bindOperations(
    [declared('users.read'), declared('users.hide', 'users.hide'), declared('users.delete'), declared('users.list')],
    {},
  );

  test.each<[string, string[], string]>([
    ['an operation that does not exist', ['users.vanish'], 'there is no operation users.vanish'],
    ['a permission that does not exist', ['users.hide'], 'needs a permission that does not exist'],
    ['a list without a limit', ['users.list'], 'the list users.list has no limit'],
    ['an address twice', ['users.read', 'users.read'], 'two operations have the address GET /api/v1/users/{}'],
  ])('%s is refused when the server starts', (_what, names, message) => {
    expect(() => mountedOperations(bound as never, names)).toThrow(message);
  });

  test('two methods of one address do not conflict', () => {
    expect(mountedOperations(bound as never, ['users.read', 'users.delete'])).toHaveLength(2);
  });
});

describe('a query', () => {
  const read = queryReader(
    z.strictObject({
      limit: z.int().optional(),
      ratio: z.number().optional(),
      all: z.boolean().optional(),
      name: z.string().optional(),
    }),
  );
  test.each([
    [{ limit: '20' }, { limit: 20 }],
    [{ limit: '-3' }, { limit: -3 }],
    [{ limit: '0x10' }, { limit: '0x10' }],
    [{ ratio: '0.25' }, { ratio: 0.25 }],
    [{ ratio: 'NaN' }, { ratio: 'NaN' }],
    [{ all: 'true' }, { all: true }],
    [{ all: 'yes' }, { all: 'yes' }],
    [{ all: 'constructor' }, { all: 'constructor' }],
    [{ name: '20' }, { name: '20' }],
    [{ unknown: '20' }, { unknown: '20' }],
  ])('%j is read as %j', (query, expected) => {
    expect(read(query)).toEqual(expected);
  });
});
