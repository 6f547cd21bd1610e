/** APIs that access tokens are made for. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import type { ApiResource } from './api-resource.ts';
import { apiSigningAlgs, tokenFormats } from './api-tokens.ts';
import type { ApiService } from './api-service.ts';
import { apiInvalid, apiNotFound, apiTaken } from '#applications/clients/errors.ts';
import { LISTED_PAGE } from '#applications/clients/limits.ts';
import { listed } from '#applications/clients/listed.ts';
import { apiCreated, apiDeleted } from '#applications/clients/events.ts';

type Services = { apis: ApiService };

const apiSchema = z.strictObject({
  id: z.string(),
  identifier: z.string().describe('The resource of requests (RFC 8707) and the audience of tokens'),
  name: z.string(),
  scopes: z.array(z.strictObject({ name: z.string(), description: z.string() })),
  token_format: z.enum(tokenFormats),
  access_token_seconds: z.int(),
  signing_alg: z.enum(apiSigningAlgs),
  organization_permissions: z
    .boolean()
    .describe('Its tokens list the permissions of the user in the organization that they are for'),
  instance_permissions: z
    .boolean()
    .describe('Its tokens for no organization list the roles and permissions of the user on the instance'),
});

const createApi = operation({
  name: 'apis.create',
  permission: 'apis.manage',
  input: z.strictObject({
    identifier: z.string().describe('Absolute URI, the audience of its tokens'),
    name: z.string().optional().describe('Name that users see; by default the identifier'),
    scopes: z
      .array(z.strictObject({ name: z.string(), description: z.string().default('') }))
      .optional()
      .describe('Scope, as "read" or "read: See your invoices"'),
    token_format: z
      .string()
      .optional()
      .describe(`Format of its tokens: ${tokenFormats.join(' or ')} (default jwt)`),
    access_token_seconds: z.number().optional().describe('Lifetime of its tokens in seconds'),
    signing_alg: z
      .string()
      .optional()
      .describe(`${apiSigningAlgs.join(', ')} (default ES256)`),
    organization_permissions: z
      .boolean()
      .optional()
      .describe('Tokens for an organization list the permissions of the user in it'),
    instance_permissions: z
      .boolean()
      .optional()
      .describe('Tokens for no organization list the roles and permissions of the user on the instance'),
  }),
  output: apiSchema,
  errors: [apiInvalid, apiTaken],
  event: apiCreated,
  description: 'Create an API, for which clients can get access tokens.',
  example: { identifier: 'https://api.example.com', scopes: [{ name: 'read', description: 'See your invoices' }] },
  command: {
    options: {
      identifier: { flags: '--identifier <uri>' },
      scopes: { flags: '--scope <scope>', read: collectScope },
      token_format: { flags: '--token-format <format>' },
      signing_alg: { flags: '--signing-alg <alg>' },
    },
  },
  run: async (given, by: By, { apis }: Services) => {
    const { identifier, name = identifier, scopes } = given;
    const { token_format: tokenFormat, access_token_seconds: accessTokenSeconds, signing_alg: signingAlg } = given;
    const { organization_permissions: organizationPermissions, instance_permissions: instancePermissions } = given;
    const tokens = { tokenFormat, accessTokenSeconds, signingAlg };
    const rights = { organizationPermissions, instancePermissions };
    return apiOnWire(await apis.create({ identifier, name, scopes, ...tokens, ...rights }, by));
  },
});

const listApis = operation({
  name: 'apis.list',
  permission: 'apis.read',
  input: z.strictObject({
    limit: z.int().min(1).max(LISTED_PAGE).optional().describe('Maximum number; all by default'),
    after: z.string().optional().describe('API identifier after which the list goes on'),
  }),
  output: z.strictObject({ apis: z.array(apiSchema) }),
  errors: [apiNotFound],
  description: 'List APIs, oldest first.',
  example: { limit: 20 },
  command: { options: { after: { flags: '--after <identifier>' } } },
  run: async ({ limit, after }, _by: By, { apis }: Services) => {
    const from = after === undefined ? undefined : (await apis.require(after)).id;
    const found = await listed<ApiResource>((page) => apis.list(page), { limit, after: from });
    return { apis: found.map(apiOnWire) };
  },
});

const deleteApi = operation({
  name: 'apis.delete',
  permission: 'apis.manage',
  params: { identifier: z.string() },
  output: z.strictObject({ identifier: z.string(), deleted: z.literal(true) }),
  errors: [apiNotFound],
  event: apiDeleted,
  description: 'Delete an API. No more tokens are issued for it.',
  run: async ({ identifier }, by: By, { apis }: Services) => {
    await apis.delete(identifier, by);
    return { identifier, deleted: true as const };
  },
});

/** `read`, or `read: See your invoices`. */
function collectScope(text: string, previous: unknown): unknown {
  const [, name = text, description = ''] = /^(.*?):\s+(.*)$/.exec(text) ?? [];
  return [...((previous as unknown[] | undefined) ?? []), { name, description }];
}

function apiOnWire(api: ApiResource): z.input<typeof apiSchema> {
  const { id, identifier, name, scopes, tokenFormat, accessTokenSeconds, signingAlg } = api;
  return {
    id,
    identifier,
    name,
    scopes,
    token_format: tokenFormat,
    access_token_seconds: accessTokenSeconds,
    signing_alg: signingAlg,
    organization_permissions: api.organizationPermissions,
    instance_permissions: api.instancePermissions,
  };
}

export const apiOperations = [createApi, listApis, deleteApi];
