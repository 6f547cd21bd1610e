/** Clients. Members in and out are named as on the wire (RFC 7591 §2 and §3.2.1). */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { apiAccessSchema, collectApiAccess } from './api-access.ts';
import type { GivenMetadata } from './client-metadata.ts';
import { presetNames, withPreset } from './client-presets.ts';
import { clientProfiles } from './client-profile.ts';
import type { ClientSecrets } from './client-secrets.ts';
import type { ClientService } from './client-service.ts';
import { clientTypes } from './client-type.ts';
import {
  clientOnWire,
  clientSchema,
  clientWithSecretSchema,
  newSecretOnWire,
  secretOnWire,
  secretSchema,
} from './client-wire.ts';
import { clientIdRetired, clientIdTaken, clientNotFound, metadataInvalid, rightsMissing } from './errors.ts';
import { ownMemberChanges, ownMemberOptions, ownMemberShape } from './own-members.ts';
import { clientChanged, clientCreated, clientDeleted } from './events.ts';

type Services = { clients: ClientService; secrets: ClientSecrets };

const params = { client_id: z.string() };
/** Members of ours; every other member is client metadata, which the service reads. */
const changed = {
  name: z.string().optional().describe('Name that users see'),
  profile: z.enum(clientProfiles).optional().describe('Security profile'),
  first_party: z.boolean().optional().describe('The client belongs to the operator, so that no consent is asked'),
  apis: apiAccessSchema.optional().describe('API that it may ask tokens for, with scopes of it or * for all'),
};
const address = z.string();

const createClient = operation({
  name: 'clients.create',
  permission: 'clients.manage',
  input: z.looseObject({
    ...changed,
    ...ownMemberShape,
    name: z.string().describe('Name that users see'),
    type: z.enum(clientTypes).optional().describe('Type of application; a preset has one'),
    preset: z
      .enum(presetNames)
      .optional()
      .describe('Members for a kind of software; kubernetes suits every tool that reads the ID token alone'),
    redirect_uris: z.array(address).optional().describe('Redirect URI after a sign-in'),
    post_logout_redirect_uris: z.array(address).optional().describe('Redirect URI after a sign-out'),
    backchannel_logout_uri: address.optional().describe('Address that is notified when a session ends'),
    backchannel_logout_session_required: z
      .boolean()
      .optional()
      .describe('The application needs the session in each notice of its end; Latchkey always names it'),
    token_endpoint_auth_method: z.string().optional().describe('Client authentication method, such as private_key_jwt'),
    grant_types: z.array(z.string()).optional().describe('Grant type'),
    scope: z.string().optional().describe('Allowed scopes, separated by spaces'),
    jwks_uri: address.optional().describe('Address of its public keys'),
    client_id: z.string().optional().describe('Identifier, in place of a generated one'),
    client_secret: z.string().optional().describe('Secret, in place of a generated one'),
  }),
  output: clientWithSecretSchema,
  errors: [metadataInvalid, clientIdTaken, clientIdRetired, rightsMissing],
  event: clientCreated,
  description: 'Create a client. Its secret is shown once.',
  example: { name: 'Shop', type: 'web', redirect_uris: ['https://shop.example.com/callback'] },
  command: {
    options: {
      first_party: { flags: '--first-party' },
      token_endpoint_auth_method: { flags: '--auth-method <method>' },
      grant_types: { flags: '--grant <type>' },
      scope: { flags: '--scope <scopes>' },
      apis: { flags: '--api <identifier[=scopes]>', read: collectApiAccess },
      ...ownMemberOptions,
    },
    others: { flags: '--metadata <json>', description: 'Other client metadata (RFC 7591), as JSON' },
  },
  run: async (given, by: By, { clients }: Services) => {
    const { name, type, preset, profile, first_party: firstParty, apis, ...rest } = given;
    const { client_id: clientId, client_secret: clientSecret, ...metadata } = rest;
    const settled = withPreset(preset, type, metadata as GivenMetadata);
    const { client, secret } = await clients.create(
      { ...settled, name, profile, firstParty, clientId, clientSecret, apis },
      by,
    );
    return { ...clientOnWire(client), ...(secret === undefined ? {} : newSecretOnWire(secret, null)) };
  },
});

const listClients = listOperation({
  name: 'clients.list',
  permission: 'clients.read',
  filters: {
    type: z.enum(clientTypes).optional().describe('Only clients of this type'),
    disabled: z.boolean().optional().describe('Only clients that are disabled, or that are not'),
    search: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .optional()
      .describe('Only clients whose name or client_id contains this text'),
  },
  sorts: ['created_at', 'name'],
  items: 'clients',
  item: clientSchema,
  description: 'List clients, oldest first.',
  example: { limit: 20, type: 'machine' },
  run: async (filters, page, _by: By, { clients }: Services) => {
    const { items, ...others } = await clients.page(filters, page);
    return { ...others, items: items.map(clientOnWire) };
  },
});

const readClient = operation({
  name: 'clients.read',
  permission: 'clients.read',
  params,
  output: clientSchema.extend({ client_secrets: z.array(secretSchema) }),
  errors: [clientNotFound],
  description: 'Show one client, and its secrets by their ids.',
  run: async ({ client_id: clientId }, _by: By, { clients, secrets }: Services) => {
    const client = await clients.require(clientId);
    return { ...clientOnWire(client), client_secrets: (await secrets.list(client)).map(secretOnWire) };
  },
});

const updateClient = operation({
  name: 'clients.update',
  permission: 'clients.manage',
  params,
  input: z.looseObject({
    ...changed,
    ...ownMemberChanges,
    disabled: z.boolean().optional().describe('The client is disabled, so that it is refused everything'),
  }),
  output: clientWithSecretSchema,
  errors: [clientNotFound, metadataInvalid, rightsMissing],
  event: clientChanged,
  description: 'Change a client. Members that are not named stay as they are.',
  example: { name: 'Shop and café' },
  command: {
    options: {
      first_party: { flags: '--first-party <yes>' },
      disabled: { flags: '--disabled <yes>' },
      apis: { flags: '--api <identifier[=scopes]>', read: collectApiAccess },
      ...ownMemberOptions,
    },
    others: {
      flags: '--metadata <json>',
      description: 'Client metadata (RFC 7591) to change, as JSON; null sets the default',
    },
  },
  run: async (given, by: By, services: Services) => {
    const { client_id: clientId, name, profile, first_party: firstParty, disabled, apis, ...metadata } = given;
    return change(services, clientId, { name, profile, firstParty, disabled, apis, metadata }, by);
  },
});

const disableClient = operation({
  name: 'clients.disable',
  permission: 'clients.manage',
  params,
  output: clientWithSecretSchema,
  errors: [clientNotFound, metadataInvalid, rightsMissing],
  event: clientChanged,
  description: 'Disable a client. All its requests are refused.',
  run: async ({ client_id: clientId }, by: By, services: Services) =>
    change(services, clientId, { disabled: true }, by),
});

const enableClient = operation({
  name: 'clients.enable',
  permission: 'clients.manage',
  params,
  output: clientWithSecretSchema,
  errors: [clientNotFound, metadataInvalid, rightsMissing],
  event: clientChanged,
  description: 'Enable a client that was disabled.',
  run: async ({ client_id: clientId }, by: By, services: Services) =>
    change(services, clientId, { disabled: false }, by),
});

const deleteClient = operation({
  name: 'clients.delete',
  permission: 'clients.manage',
  params,
  output: z.strictObject({ client_id: z.string(), deleted: z.literal(true) }),
  errors: [clientNotFound, rightsMissing],
  event: clientDeleted,
  description: 'Delete a client and all its tokens.',
  run: async ({ client_id: clientId }, by: By, { clients }: Services) => {
    await clients.delete(clientId, by);
    return { client_id: clientId, deleted: true as const };
  },
});

async function change(
  { clients }: Pick<Services, 'clients'>,
  clientId: string,
  values: Parameters<ClientService['change']>[1],
  by: By,
): Promise<z.input<typeof clientWithSecretSchema>> {
  const { client, secret } = await clients.change(clientId, values, by);
  return { ...clientOnWire(client), ...(secret === undefined ? {} : newSecretOnWire(secret, null)) };
}

export const clientOperations = [
  createClient,
  listClients,
  readClient,
  updateClient,
  disableClient,
  enableClient,
  deleteClient,
];
