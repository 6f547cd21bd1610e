/** APIs that access tokens are made for. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { changeable, optional, searchText } from '#kernel/operations/schemas.ts';
import { apiSigningAlgs, tokenFormats } from './api-tokens.ts';
import { apiOnWire, apiSchema } from './api-wire.ts';
import type { ApiService } from './api-service.ts';
import { apiInvalid, apiNotFound, apiTaken } from '#applications/clients/errors.ts';
import { apiChanged, apiCreated, apiDeleted } from '#applications/clients/events.ts';

type Services = { apis: ApiService };

const params = { api_id: z.string().max(2048).describe('Id of the API, or its identifier') };
const tokenFormat = z.string().describe(`Format of its tokens: ${tokenFormats.join(' or ')} (default jwt)`);
const accessTokenSeconds = z.number().describe('Lifetime of its tokens in seconds');
const signingAlg = z.string().describe(`${apiSigningAlgs.join(', ')} (default ES256)`);
const organizationPermissions = z
  .boolean()
  .describe('Tokens for an organization list the permissions of the user in it');
const instancePermissions = z
  .boolean()
  .describe('Tokens for no organization list the roles and permissions of the user on the instance');
const scopes = z
  .array(z.strictObject({ name: z.string(), description: z.string().default('') }))
  .describe('Scope, as "read" or "read: See your invoices"');
const options = {
  scopes: { flags: '--scope <scope>', read: collectScope },
  token_format: { flags: '--token-format <format>' },
  signing_alg: { flags: '--signing-alg <alg>' },
} as const;

const createApi = operation({
  name: 'apis.create',
  permission: 'apis.manage',
  input: z.strictObject({
    identifier: z.string().describe('Absolute URI, the audience of its tokens'),
    name: z.string().optional().describe('Name that users see; by default the identifier'),
    scopes: optional(scopes),
    token_format: optional(tokenFormat),
    access_token_seconds: optional(accessTokenSeconds),
    signing_alg: optional(signingAlg),
    organization_permissions: optional(organizationPermissions),
    instance_permissions: optional(instancePermissions),
  }),
  output: apiSchema,
  errors: [apiInvalid, apiTaken],
  event: apiCreated,
  description: 'Create an API, for which clients can get access tokens.',
  example: { identifier: 'https://api.example.com', scopes: [{ name: 'read', description: 'See your invoices' }] },
  command: { options: { ...options, identifier: { flags: '--identifier <uri>' } } },
  run: async (given, by: By, { apis }: Services) => {
    const { identifier, name = identifier } = given;
    return apiOnWire(await apis.create({ ...valuesOf(given), identifier, name }, by));
  },
});

const listApis = listOperation({
  name: 'apis.list',
  permission: 'apis.read',
  filters: {
    search: searchText.optional().describe('Only APIs whose name or identifier contains this text'),
  },
  sorts: ['created_at', 'name', 'identifier'],
  items: 'apis',
  item: apiSchema,
  description: 'List APIs, oldest first.',
  example: { limit: 20 },
  run: async (filters, page, _by: By, { apis }: Services) => {
    const { items, ...others } = await apis.page(filters, page);
    return { ...others, items: items.map(apiOnWire) };
  },
});

const readApi = operation({
  name: 'apis.read',
  permission: 'apis.read',
  params,
  output: apiSchema,
  errors: [apiNotFound],
  description: 'Show one API.',
  run: async ({ api_id: id }, _by: By, { apis }: Services) => apiOnWire(await apis.requireNamed(id)),
});

const updateApi = operation({
  name: 'apis.update',
  permission: 'apis.manage',
  params,
  input: z.strictObject({
    name: z.string().nullable().optional().describe('Name that users see; null for the identifier'),
    scopes: changeable(scopes),
    token_format: changeable(tokenFormat),
    access_token_seconds: changeable(accessTokenSeconds),
    signing_alg: changeable(signingAlg),
    organization_permissions: changeable(organizationPermissions),
    instance_permissions: changeable(instancePermissions),
  }),
  output: apiSchema,
  errors: [apiNotFound, apiInvalid],
  event: apiChanged,
  description: 'Change an API. Scopes that are named replace all that it had; null sets the default of a member.',
  example: { name: 'Invoices' },
  command: {
    options: {
      ...options,
      organization_permissions: { flags: '--organization-permissions <yes>' },
      instance_permissions: { flags: '--instance-permissions <yes>' },
    },
  },
  run: async ({ api_id: id, ...given }, by: By, { apis }: Services) => {
    const { identifier } = await apis.requireNamed(id);
    return apiOnWire(await apis.change(identifier, { ...valuesOf(given), name: given.name }, by));
  },
});

const deleteApi = operation({
  name: 'apis.delete',
  permission: 'apis.manage',
  params,
  output: z.strictObject({ id: z.string(), identifier: z.string(), deleted: z.literal(true) }),
  errors: [apiNotFound],
  event: apiDeleted,
  description: 'Delete an API. No more tokens are issued for it.',
  run: async ({ api_id: name }, by: By, { apis }: Services) => {
    const { id, identifier } = await apis.requireNamed(name);
    await apis.delete(identifier, by);
    return { id, identifier, deleted: true as const };
  },
});

/** `read`, or `read: See your invoices`. */
function collectScope(text: string, previous: unknown): unknown {
  const [, name = text, description = ''] = /^(.*?):\s+(.*)$/.exec(text) ?? [];
  return [...((previous as unknown[] | undefined) ?? []), { name, description }];
}

/** Members of the wire in the words of the service, without the names. */
const valuesOf = <Scopes, Format, Seconds, Alg, Flag>(given: {
  scopes?: Scopes;
  token_format?: Format;
  access_token_seconds?: Seconds;
  signing_alg?: Alg;
  organization_permissions?: Flag;
  instance_permissions?: Flag;
}) => ({
  scopes: given.scopes,
  tokenFormat: given.token_format,
  accessTokenSeconds: given.access_token_seconds,
  signingAlg: given.signing_alg,
  organizationPermissions: given.organization_permissions,
  instancePermissions: given.instance_permissions,
});

export const apiOperations = [createApi, listApis, readApi, updateApi, deleteApi];
