/** Scopes of APIs, one by one; `apis.update` replaces all of them. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { apiInvalid, apiNotFound, scopeNotFound, scopeTaken } from '#applications/clients/errors.ts';
import { apiChanged } from '#applications/clients/events.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import type { ApiService } from './api-service.ts';
import { scopeOnWire } from './api-wire.ts';

type Services = { apis: ApiService };

const params = { api_id: z.string().max(2048).describe('Id of the API, or its identifier') };
const scopeParams = { ...params, scope: z.string().max(256).describe('Name of the scope') };

const listScopes = listOperation({
  name: 'apis.scopes.list',
  permission: 'apis.read',
  params,
  sorts: ['name'],
  items: 'scopes',
  item: scopeOnWire,
  errors: [apiNotFound],
  description: 'List the scopes of an API by name.',
  example: { limit: 20 },
  command: { words: 'api list-scopes' },
  run: async ({ api_id: id }, page, _by: By, { apis }: Services) =>
    pageOfAll((await apis.requireNamed(id)).scopes, page, ({ name }) => name),
});

const readScope = operation({
  name: 'apis.scopes.read',
  permission: 'apis.read',
  params: scopeParams,
  output: scopeOnWire,
  errors: [apiNotFound, scopeNotFound],
  description: 'Show one scope of an API.',
  command: { words: 'api show-scope' },
  run: async ({ api_id: id, scope }, _by: By, { apis }: Services) => scopeNamed(scope, await apis.requireNamed(id)),
});

const createScope = operation({
  name: 'apis.scopes.create',
  permission: 'apis.manage',
  params,
  input: z.strictObject({
    name: z.string().describe('Name of the scope, which tokens contain'),
    description: z.string().default('').describe('Explanation that users read when they consent'),
  }),
  output: scopeOnWire,
  errors: [apiNotFound, apiInvalid, scopeTaken],
  event: apiChanged,
  description: 'Add a scope to an API.',
  example: { name: 'write', description: 'Change your invoices' },
  command: { words: 'api add-scope' },
  run: async ({ api_id: id, name, description }, by: By, { apis }: Services) => {
    const { identifier } = await apis.requireNamed(id);
    return scopeNamed(name, await apis.addScope(identifier, { name, description }, by));
  },
});

const updateScope = operation({
  name: 'apis.scopes.update',
  permission: 'apis.manage',
  params: scopeParams,
  input: z.strictObject({
    description: z.string().nullable().optional().describe('Explanation that users read when they consent'),
  }),
  output: scopeOnWire,
  errors: [apiNotFound, apiInvalid, scopeNotFound],
  event: apiChanged,
  description: 'Change the explanation of a scope. Its name stays, because tokens and clients have it.',
  example: { description: 'Change your invoices' },
  command: { words: 'api change-scope' },
  run: async ({ api_id: id, scope, description }, by: By, { apis }: Services) => {
    const api = await apis.requireNamed(id);
    const { description: before } = scopeNamed(scope, api);
    const text = description === undefined ? before : (description ?? '');
    return scopeNamed(scope, await apis.changeScope(api.identifier, scope, text, by));
  },
});

const deleteScope = operation({
  name: 'apis.scopes.delete',
  permission: 'apis.manage',
  params: scopeParams,
  output: z.strictObject({ api_id: z.string(), name: z.string(), deleted: z.literal(true) }),
  errors: [apiNotFound, scopeNotFound],
  event: apiChanged,
  description: 'Remove a scope from an API. No more tokens have it.',
  command: { words: 'api remove-scope' },
  run: async ({ api_id: name, scope }, by: By, { apis }: Services) => {
    const { id, identifier } = await apis.requireNamed(name);
    await apis.removeScope(identifier, scope, by);
    return { api_id: id, name: scope, deleted: true as const };
  },
});

type Scopes = { scopes: readonly { name: string; description: string }[] };

function scopeNamed(name: string, { scopes }: Scopes): { name: string; description: string } {
  const found = scopes.find((scope) => scope.name === name);
  if (!found) throw scopeNotFound();
  return found;
}

export const apiScopeOperations = [listScopes, readScope, createScope, updateScope, deleteScope];
