import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { rightsMissing } from '#directory/users/errors.ts';
import type { RoleHolders } from '#directory/users/module.ts';
import { organizationNotFound, permissionsNotHeld, roleNotFound } from '#directory/organizations/errors.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import type { ConnectionService } from './connection-service.ts';
import {
  connectionChangesSchema,
  connectionOnWire,
  connectionSchema,
  newConnectionSchema,
  settingsOf,
  switchesOf,
} from './connection-wire.ts';
import type { Connection } from './connection.ts';
import {
  connectionInvalid,
  connectionNotFound,
  noUpstreamToken,
  providerUnreachable,
  slugTaken,
  tooManyConnections,
} from './errors.ts';
import { connectionChanged, connectionCreated, connectionDeleted, userUpstreamTokenFetched } from './events.ts';
import { LONGEST_IDENTIFIER } from './limits.ts';
import { titleOf } from './providers/providers.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

type Services = { connections: ConnectionService; callbackUrl: (slug: string) => string };
type TokenServices = {
  upstreamTokens: Pick<UpstreamTokens, 'handOut'>;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
};

const params = { connection: z.string().max(128).describe('Identifier or slug of the connection') };
const options = {
  client_secret: { flags: '--client-secret-file <file>', isFile: true },
  trusts_email: { flags: '--trusts-email <yes>' },
  creates_users: { flags: '--creates-users <yes>' },
  links_by_email: { flags: '--links-by-email <yes>' },
  trusts_factors: { flags: '--trusts-factors <yes>' },
  stores_tokens: { flags: '--stores-tokens <yes>' },
  enabled: { flags: '--enabled <yes>' },
  updates_users: { flags: '--updates-users <yes>' },
} as const;

const onWire = (row: Connection, { callbackUrl }: Services) => connectionOnWire(row, callbackUrl(row.slug));

const listConnections = operation({
  name: 'connections.list',
  permission: 'connections.read',
  input: z.strictObject({
    organization_id: idSchema('org').optional().describe('Organization; default: connections of the instance'),
  }),
  output: z.strictObject({ connections: z.array(connectionSchema) }),
  description: 'List connections to identity providers, in the order in which users see them.',
  example: { organization_id: 'org_01h455vb4pex5vsknk084sn02q' },
  run: async ({ organization_id: organizationId = null }, _by: By, services: Services) => ({
    connections: (await services.connections.list(organizationId)).map((row) => onWire(row, services)),
  }),
});

const createConnection = operation({
  name: 'connections.create',
  permission: 'connections.manage',
  input: newConnectionSchema,
  output: connectionSchema,
  errors: [organizationNotFound, connectionInvalid, slugTaken, tooManyConnections, roleNotFound, permissionsNotHeld],
  event: connectionCreated,
  description: 'Create a connection to an identity provider. Register its callback address there.',
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
        clientId: given.client_id,
        secret: given.client_secret ?? null,
        organizationId: given.organization_id ?? null,
        settings: settingsOf(given),
        ...switchesOf(given),
      },
      by,
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
  errors: [connectionNotFound, connectionInvalid, roleNotFound, permissionsNotHeld],
  event: connectionChanged,
  description:
    'Change a connection. A change of its issuer or of an endpoint removes its secret, unless the secret is given again.',
  example: { name: 'Company account', enabled: true },
  command: { options },
  run: async ({ connection: idOrSlug, ...given }, by: By, services: Services) => {
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
    );
    return { ...onWire(connection, services), ...(secretRemoved ? { client_secret_removed: true as const } : {}) };
  },
});

const deleteConnection = operation({
  name: 'connections.delete',
  permission: 'connections.manage',
  params,
  output: z.strictObject({ id: z.string(), deleted: z.literal(true) }),
  errors: [connectionNotFound],
  event: connectionDeleted,
  description: 'Delete a connection. Users with no other way to sign in must recover their accounts by email.',
  run: async ({ connection }, by: By, { connections }: Services) => {
    const { id } = await connections.delete(connection, by);
    return { id, deleted: true as const };
  },
});

const fetchToken = operation({
  name: 'users.identities.fetch_token',
  permission: 'identities.tokens.export',
  params: { user_id: idSchema('usr'), connection: z.string().max(128).describe('Slug of the connection') },
  input: z.strictObject({
    subject: z
      .string()
      .max(LONGEST_IDENTIFIER)
      .optional()
      .describe('Subject of the identity there, where the user has several; default: the one that was used last'),
  }),
  output: z.strictObject({
    access_token: z.string(),
    token_type: z.string(),
    expires_at: timeSchema.nullable(),
    scope: z.string().nullable(),
  }),
  errors: [rightsMissing, noUpstreamToken, providerUnreachable],
  event: userUpstreamTokenFetched,
  description:
    'Fetch an access token of a user at an identity provider whose connection keeps tokens. One that has expired is refreshed.',
  example: {},
  run: async ({ user_id: userId, connection, subject = null }, by: By, services: TokenServices) => {
    await services.roleHolders.requireRightsOver(userId, by);
    const token = await services.upstreamTokens.handOut({ userId, connection, subject }, by);
    return {
      access_token: token.accessToken,
      token_type: token.tokenType,
      expires_at: token.expiresAt === null ? null : new Date(token.expiresAt).toISOString(),
      scope: token.scope,
    };
  },
});

/** Those that an organization has for its own connections too. */
export const connectionAdministration = [
  listConnections,
  createConnection,
  readConnection,
  updateConnection,
  deleteConnection,
];
export const connectionOperations = [...connectionAdministration, fetchToken];
