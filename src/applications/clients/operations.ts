/** Clients. Members in and out are named as on the wire (RFC 7591 §2 and §3.2.1). */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { changeable, optional } from '#kernel/operations/schemas.ts';
import { apiAccessSchema, collectApiAccess } from './api-access.ts';
import { metadataChanges, metadataShape, rareMembers, specifiedMembers } from './given-metadata.ts';
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
import { LONGEST_CLIENT_ID } from './limits.ts';
import { ownMemberOptions } from './own-members.ts';
import { clientChanged, clientCreated, clientDeleted } from './events.ts';

type Services = { clients: ClientService; secrets: ClientSecrets };

const params = { client_id: z.string().max(LONGEST_CLIENT_ID) };
const apis = apiAccessSchema.describe('API that it may ask tokens for, with scopes of it or * for all');
const firstParty = z.boolean().describe('The client belongs to the operator, so that no consent is asked');

const createClient = operation({
  name: 'clients.create',
  permission: 'clients.manage',
  input: z.strictObject({
    ...metadataShape,
    name: z.string().describe('Name that users see'),
    profile: z.enum(clientProfiles).optional().describe('Security profile'),
    first_party: optional(firstParty),
    apis: optional(apis),
    type: z.enum(clientTypes).optional().describe('Type of application; a preset has one'),
    preset: z
      .enum(presetNames)
      .optional()
      .describe('Members for a kind of software; kubernetes suits every tool that reads the ID token alone'),
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
    others: {
      flags: '--metadata <json>',
      description: 'Other client metadata (RFC 7591), as JSON',
      members: rareMembers,
    },
  },
  run: async (given, by: By, { clients }: Services) => {
    const { name, type, preset, profile, first_party: isFirstParty, apis: access, ...rest } = given;
    const { client_id: clientId, client_secret: clientSecret, ...metadata } = rest;
    const settled = withPreset(preset, type, metadata);
    const { client, secret } = await clients.create(
      { ...settled, name, profile, firstParty: isFirstParty, clientId, clientSecret, apis: access },
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
  input: z.strictObject({
    ...metadataChanges,
    name: z.string().optional().describe('Name that users see'),
    profile: z.enum(clientProfiles).nullable().optional().describe('Security profile'),
    first_party: changeable(firstParty),
    apis: changeable(apis),
    disabled: z.boolean().nullable().optional().describe('The client is disabled, so that it is refused everything'),
  }),
  output: clientWithSecretSchema,
  errors: [clientNotFound, metadataInvalid, rightsMissing],
  event: clientChanged,
  description:
    'Change a client. Members that are not named stay as they are, those that are replace the whole value, and null sets the default.',
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
      members: specifiedMembers,
    },
  },
  run: async (given, by: By, services: Services) => {
    const { client_id: clientId, name, ...rest } = given;
    const { profile, first_party: isFirstParty, disabled, apis: access, ...metadata } = rest;
    const values = {
      profile: profile === null ? ('default' as const) : profile,
      firstParty: isFirstParty === null ? false : isFirstParty,
      disabled: disabled === null ? false : disabled,
      apis: access === null ? {} : access,
    };
    return change(services, clientId, { name, ...values, metadata }, by);
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
