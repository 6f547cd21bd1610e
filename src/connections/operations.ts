import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { organizationNotFound, permissionsNotHeld, roleNotFound } from '#directory/organizations/errors.ts';
import type { EntityManager } from '#kernel/database.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, searchText, timeSchema } from '#kernel/operations/schemas.ts';
import type { ConnectionTests } from './connection-tests.ts';
import type { ConnectionService } from './connection-service.ts';
import {
  connectionChangesSchema,
  connectionOnWire,
  connectionSchema,
  newConnectionSchema,
  settingsOf,
  switchesOf,
} from './connection-wire.ts';
import type { Connection, ConnectionId } from './connection.ts';
import {
  connectionDemanded,
  connectionInvalid,
  connectionLastWay,
  connectionNotFound,
  connectionOfEnvironment,
  entityTaken,
  slugTaken,
  tooManyConnections,
} from './errors.ts';
import {
  connectionChanged,
  connectionCreated,
  connectionDeleted,
  connectionMetadataChanged,
  connectionTestCreated,
} from './events.ts';
import { providerNames } from './providers/provider.ts';
import { titleOf } from './providers/providers.ts';
import type { SamlConnections } from './saml/saml-connections.ts';
import { type GivenSource, samlOnWire, sourceOf } from './saml/saml-wire.ts';
import type { ServiceProvider } from './saml/service-provider.ts';
import { tokenOperations } from './token-operations.ts';

type Services = {
  connections: ConnectionService;
  callbackUrl: (connection: Connection) => string;
  saml: SamlConnections;
  tests: ConnectionTests;
  serviceProvider: (connection: Connection) => ServiceProvider;
};

const params = { connection: z.string().max(128).describe('Identifier or slug of the connection') };
const options = {
  client_secret: { flags: '--client-secret-file <file>', isFile: true },
  client_certificate: { flags: '--client-certificate-file <file>', isFile: true },
  trusts_email: { flags: '--trusts-email <yes>' },
  creates_users: { flags: '--creates-users <yes>' },
  links_by_email: { flags: '--links-by-email <yes>' },
  trusts_factors: { flags: '--trusts-factors <yes>' },
  stores_tokens: { flags: '--stores-tokens <yes>' },
  enabled: { flags: '--enabled <yes>' },
  updates_users: { flags: '--updates-users <yes>' },
  updates_properties: { flags: '--updates-properties <yes>' },
  metadata: { flags: '--metadata-file <file>', isFile: true },
  metadata_certificates: { flags: '--metadata-certificates-file <file>', isFile: true },
  certificates: { flags: '--certificates-file <file>', isFile: true },
  allows_cbc: { flags: '--allows-cbc <yes>' },
  allows_unsolicited: { flags: '--allows-unsolicited <yes>' },
  signs_requests: { flags: '--signs-requests <yes>' },
} as const;

async function onWire(row: Connection, services: Services) {
  const [shown] = await allOnWire([row], services);
  return shown!;
}

async function allOnWire(rows: readonly Connection[], { callbackUrl, saml, serviceProvider }: Services) {
  const described = await saml.describe(rows.filter(({ provider }) => provider === 'saml').map(({ id }) => id));
  return rows.map((row) => {
    const theirs = described.get(row.id);
    return connectionOnWire(row, callbackUrl(row), theirs && samlOnWire(theirs, serviceProvider(row)));
  });
}

/** The identity provider that a call names, ready to be written with its connection of SAML. */
async function alongsideOf(
  provider: Connection['provider'],
  id: ConnectionId | null,
  given: GivenSource,
  { saml }: Services,
) {
  const source = sourceOf(given);
  if (provider !== 'saml') {
    if (source !== null) throw connectionInvalid(`${Object.keys(source)[0]} belongs to saml`);
    return null;
  }
  if (source === null && id !== null) return null;
  const read = await saml.read(source ?? {}, id);
  return (em: EntityManager, connection: Connection) => saml.write(em, connection, read);
}

const listConnections = listOperation({
  name: 'connections.list',
  permission: 'connections.read',
  filters: {
    organization_id: idSchema('org').optional().describe('Organization; default: connections of the instance'),
    provider: z.enum(providerNames).optional().describe('Only connections to this provider'),
    enabled: z.boolean().optional().describe('Only connections that are enabled, or that are not'),
    search: searchText.optional().describe('Only connections whose name or slug contains this text'),
  },
  sorts: ['position', 'name', 'created_at'],
  items: 'connections',
  item: connectionSchema,
  description: 'List connections to identity providers, in the order in which users see them.',
  example: { organization_id: 'org_01h455vb4pex5vsknk084sn02q', enabled: true },
  command: { options: { enabled: { flags: '--enabled <yes>' } } },
  run: async ({ organization_id: organizationId = null, ...filters }, page, _by: By, services: Services) => {
    const { items, ...others } = await services.connections.page({ organizationId, ...filters }, page);
    return { ...others, items: await allOnWire(items, services) };
  },
});

const createConnection = operation({
  name: 'connections.create',
  permission: 'connections.manage',
  input: newConnectionSchema,
  output: connectionSchema,
  errors: [
    organizationNotFound,
    connectionInvalid,
    slugTaken,
    tooManyConnections,
    entityTaken,
    roleNotFound,
    permissionsNotHeld,
  ],
  event: connectionCreated,
  description:
    'Create a connection to an identity provider. Register its callback address there, or at SAML the metadata of this instance.',
  example: {
    slug: 'google',
    provider: 'google',
    client_id: '1234.apps.googleusercontent.com',
    client_secret: 'secret',
  },
  command: {
    arguments: { provider: { flags: '<provider>' }, slug: { flags: '<slug>' } },
    options,
  },
  run: async (given, by: By, services: Services) => {
    const row = await services.connections.create(
      {
        slug: given.slug,
        provider: given.provider,
        name: given.name ?? titleOf(given.provider),
        clientId: given.client_id ?? '',
        secret: given.client_secret ?? null,
        organizationId: given.organization_id ?? null,
        settings: settingsOf(given),
        ...switchesOf(given),
      },
      by,
      await alongsideOf(given.provider, null, given, services),
    );
    return onWire(row, services);
  },
});

const readConnection = operation({
  name: 'connections.read',
  permission: 'connections.read',
  params,
  output: connectionSchema,
  errors: [connectionNotFound],
  description: 'Show one connection, without its secret.',
  run: async ({ connection }, _by: By, services: Services) =>
    onWire(await services.connections.require(connection), services),
});

const updateConnection = operation({
  name: 'connections.update',
  permission: 'connections.manage',
  params,
  input: connectionChangesSchema,
  output: connectionSchema.extend({ client_secret_removed: z.literal(true).optional() }),
  errors: [
    connectionNotFound,
    connectionInvalid,
    connectionOfEnvironment,
    entityTaken,
    roleNotFound,
    permissionsNotHeld,
  ],
  event: connectionChanged,
  description:
    'Change a connection. A change of its issuer or of an endpoint removes its secret, unless the secret is given again.',
  example: { name: 'Company account', enabled: true },
  command: { options },
  run: async ({ connection: idOrSlug, ...given }, by: By, services: Services) => {
    const { id, provider } = await services.connections.require(idOrSlug);
    const { connection, secretRemoved } = await services.connections.change(
      idOrSlug,
      {
        ...(given.name === undefined ? {} : { name: given.name }),
        ...(given.client_id === undefined ? {} : { clientId: given.client_id }),
        ...(given.client_secret === undefined ? {} : { secret: given.client_secret }),
        settings: settingsOf(given),
        ...switchesOf(given),
      },
      by,
      await alongsideOf(provider, id, given, services),
    );
    return {
      ...(await onWire(connection, services)),
      ...(secretRemoved ? { client_secret_removed: true as const } : {}),
    };
  },
});

const deleteConnection = operation({
  name: 'connections.delete',
  permission: 'connections.manage',
  params,
  input: z.strictObject({
    force: z.boolean().default(false).describe('Also where users or domains cannot do without it'),
  }),
  output: z.strictObject({ id: z.string(), deleted: z.literal(true) }),
  errors: [connectionNotFound, connectionOfEnvironment, connectionDemanded, connectionLastWay],
  event: connectionDeleted,
  description:
    'Delete a connection, with the identities of its users there and their tokens. Users without a password recover their accounts by email.',
  example: { force: false },
  run: async ({ connection, force: isForced }, by: By, { connections }: Services) => {
    const { id } = await connections.delete(connection, isForced, by);
    return { id, deleted: true as const };
  },
});

const testConnection = operation({
  name: 'connections.test',
  permission: 'connections.manage',
  params,
  output: z.strictObject({ url: z.string(), expires_at: timeSchema }),
  errors: [connectionNotFound],
  event: connectionTestCreated,
  description:
    'Create a link that tests a connection, also one that is disabled. A sign-in with it changes nothing and shows what the provider said, or why its answer is refused.',
  run: async ({ connection }, by: By, { connections, tests }: Services) => {
    const row = await connections.require(connection);
    const { url, expiresAt } = await tests.create(row, by);
    return { url, expires_at: expiresAt.toISOString() };
  },
});

const refreshMetadata = operation({
  name: 'connections.refresh_metadata',
  permission: 'connections.manage',
  params,
  output: connectionSchema,
  errors: [connectionNotFound, connectionInvalid],
  event: connectionMetadataChanged,
  command: { words: 'connection refresh-metadata' },
  description: 'Read the metadata of a SAML provider again from its address, which happens every day.',
  run: async ({ connection }, by: By, services: Services) => {
    const row = await services.connections.require(connection);
    await services.saml.refresh(row.id, by);
    return onWire(row, services);
  },
});

/** Those that an organization has for its own connections too. */
export const connectionAdministration = [
  listConnections,
  createConnection,
  readConnection,
  updateConnection,
  deleteConnection,
  testConnection,
  refreshMetadata,
];
export const connectionOperations = [...connectionAdministration, ...tokenOperations];
