import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { isConfigured } from './connection-rules.ts';
import type { Connection, ConnectionSettings } from './connection.ts';
import {
  LONGEST_ADDRESS,
  LONGEST_IDENTIFIER,
  LONGEST_NAME,
  LONGEST_SECRET,
  MOST_PROPERTIES,
  MOST_SCOPES,
  MOST_TOKEN_CLIENTS,
} from './limits.ts';
import { membershipMembers, membershipShape } from './membership-rules.ts';
import { samlMembers } from './saml/saml-settings.ts';
import { type samlOnWire, samlSettingsShape, samlShownShape, samlSourceShape } from './saml/saml-wire.ts';
import { clientAuthentications, mappedMembers, providerNames } from './providers/provider.ts';

const address = z.string().max(LONGEST_ADDRESS);
const shortText = z.string().min(1).max(LONGEST_IDENTIFIER);
/** RFC 6749 §3.3 */
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'must be one scope without spaces');
/** Asymmetric ones: with a shared secret the client could sign for the provider. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
  'EdDSA',
] as const;

const settingsShape = {
  issuer: address.describe('Issuer of a provider of OpenID Connect; microsoft and gitlab have one by default'),
  authorization_endpoint: address.describe('Authorization endpoint of oauth2'),
  token_endpoint: address.describe('Token endpoint of oauth2'),
  userinfo_endpoint: address.describe('Endpoint of oauth2 that answers who the user is'),
  scopes: z.array(scope).min(1).max(MOST_SCOPES).describe('Scope, in place of the usual scopes of the provider'),
  client_authentication: z.enum(clientAuthentications).describe('How the token endpoint learns who asks'),
  id_token_algorithms: z.array(z.enum(algorithms)).min(1).describe('Algorithm of ID tokens, in place of RS256'),
  key_id: shortText.describe('Identifier of the private key at the provider'),
  client_certificate: z
    .string()
    .trim()
    .max(LONGEST_SECRET)
    .describe('Certificate of the private key in PEM, where the provider asks for one'),
  team_id: shortText.describe('Team of the Apple developer'),
  claims: z
    .partialRecord(z.enum(mappedMembers), z.string().min(1).max(LONGEST_IDENTIFIER))
    .describe('Claims or SAML attributes with other names, as {"name": "profile.full_name"}'),
  properties: z
    .record(z.string().min(1).max(64), z.string().min(1).max(LONGEST_IDENTIFIER))
    .refine((properties) => Object.keys(properties).length <= MOST_PROPERTIES, `must have at most ${MOST_PROPERTIES}`)
    .describe('Custom properties of users from claims or SAML attributes, as {"team": "department"}'),
  updates_properties: z
    .boolean()
    .describe('Custom properties follow the provider at each sign-in; otherwise the first sign-in decides'),
  token_clients: z
    .array(shortText)
    .max(MOST_TOKEN_CLIENTS)
    .describe('Client that may fetch tokens of the provider for a user who is signed in to it'),
  ...samlSettingsShape,
  ...membershipShape,
} as const;

const switches = {
  trusts_email: z.boolean().describe('Email addresses that the provider verified count as verified here'),
  creates_users: z.boolean().describe('A new user gets an account at the first sign-in'),
  links_by_email: z.boolean().describe('An account is found by a trusted email address'),
  trusts_factors: z.boolean().describe('A second factor at the provider counts as a second factor here'),
  stores_tokens: z.boolean().describe('Tokens of the provider are kept, encrypted, for permitted clients'),
  position: z.int().min(0).max(10_000).describe('Position among the ways to sign in'),
  enabled: z.boolean().describe('Users can sign in with it'),
} as const;

type Shape = Readonly<Record<string, z.ZodType>>;
/** Zod gives the description of a schema to no schema around it. */
const around = (shape: Shape, wrap: (schema: z.ZodType) => z.ZodType): Record<string, z.ZodType> =>
  Object.fromEntries(
    Object.entries(shape).map(([member, schema]) => [member, wrap(schema).describe(schema.description!)]),
  );
type Optional<Given extends Shape> = { [Member in keyof Given]: z.ZodOptional<Given[Member]> };
const optional = <Given extends Shape>(shape: Given): Optional<Given> =>
  around(shape, (schema) => schema.optional()) as Optional<Given>;
type Removable<Given extends Shape> = { [Member in keyof Given]: z.ZodOptional<z.ZodNullable<Given[Member]>> };
const removable = <Given extends Shape>(shape: Given): Removable<Given> =>
  around(shape, (schema) => schema.nullable().optional()) as Removable<Given>;

const name = z.string().trim().min(1).max(LONGEST_NAME).describe('Name that users see');
const clientId = shortText.describe(
  'Client identifier that the provider gave. At saml: the entity ID of this instance there; default: the address of its metadata',
);
const clientSecret = z
  .string()
  .trim()
  .min(1)
  .max(LONGEST_SECRET)
  .describe('Client secret that the provider gave, or the private key in PEM. It is never shown again');

export const newConnectionSchema = z.strictObject({
  slug: z
    .string()
    .max(63)
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters and digits, with single hyphens between them')
    .describe('Name in the callback address; it never changes'),
  provider: z.enum(providerNames).describe('Identity provider'),
  ...optional({ name, client_id: clientId, client_secret: clientSecret }),
  organization_id: idSchema('org').optional().describe('Organization whose users sign in with it; default: everyone'),
  ...optional(settingsShape),
  ...optional(samlSourceShape),
  ...optional(switches),
});

export const connectionChangesSchema = z.strictObject({
  ...optional({ name, client_id: clientId, client_secret: clientSecret }),
  ...removable(settingsShape),
  ...removable(samlSourceShape),
  ...optional(switches),
});

export const connectionSchema = z.strictObject({
  id: z.string(),
  slug: z.string(),
  provider: z.enum(providerNames),
  name: z.string(),
  organization_id: z.string().optional(),
  client_id: z.string(),
  has_client_secret: z.boolean(),
  from_environment: z.boolean().describe('Environment variables configure it'),
  callback_url: z.string(),
  ...optional(settingsShape),
  client_certificate_expires_at: timeSchema.optional(),
  ...samlShownShape,
  ...switches,
  status: z.enum(['offered', 'disabled', 'not_configured']),
  created_at: timeSchema,
  updated_at: timeSchema,
});

const columns = {
  trusts_email: 'trustsEmail',
  creates_users: 'createsUsers',
  links_by_email: 'linksByEmail',
  trusts_factors: 'trustsFactors',
  stores_tokens: 'storesTokens',
  position: 'position',
  enabled: 'enabled',
} as const;
const members = {
  issuer: 'issuer',
  authorization_endpoint: 'authorizationEndpoint',
  token_endpoint: 'tokenEndpoint',
  userinfo_endpoint: 'userinfoEndpoint',
  scopes: 'scopes',
  client_authentication: 'clientAuthentication',
  id_token_algorithms: 'idTokenAlgorithms',
  key_id: 'keyId',
  client_certificate: 'clientCertificate',
  team_id: 'teamId',
  claims: 'claims',
  properties: 'properties',
  updates_properties: 'updatesProperties',
  token_clients: 'tokenClients',
  ...membershipMembers,
  ...samlMembers,
} as const satisfies Record<string, keyof ConnectionSettings>;

type Wire = Readonly<Record<string, unknown>>;

/** The given members under their names here. */
const renamed = (wire: Wire, names: Readonly<Record<string, string>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(names).flatMap(([there, here]) => (wire[there] === undefined ? [] : [[here, wire[there]]])),
  );

/** The settings that a caller gave; null removes one. */
export const settingsOf = (wire: Wire): ConnectionSettings => renamed(wire, members);
/** The switches that a caller gave. */
export const switchesOf = (wire: Wire): Partial<Pick<Connection, (typeof columns)[keyof typeof columns]>> =>
  renamed(wire, columns);

const turned = (names: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(names).map(([there, here]) => [here, there]));

const expiryOf = ({ clientCertificate: pem }: ConnectionSettings) =>
  pem === undefined ? {} : { client_certificate_expires_at: new X509Certificate(pem).validToDate.toISOString() };

/** A connection as operations answer it, without its secret. */
export function connectionOnWire(
  row: Connection,
  callbackUrl: string,
  saml: ReturnType<typeof samlOnWire> = {},
): z.input<typeof connectionSchema> {
  const { id, slug, provider, name: title, organizationId } = row;
  return {
    id,
    slug,
    provider,
    name: title,
    ...(organizationId ? { organization_id: organizationId } : {}),
    client_id: row.clientId || saml.service_provider?.entity_id || '',
    has_client_secret: Boolean(row.sealedSecret),
    from_environment: row.fromEnvironment,
    callback_url: callbackUrl,
    ...renamed(row.settings, turned(members)),
    ...expiryOf(row.settings),
    ...saml,
    ...(renamed(row, turned(columns)) as Pick<z.input<typeof connectionSchema>, keyof typeof columns>),
    status: !isConfigured(row) ? 'not_configured' : row.enabled ? 'offered' : 'disabled',
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}
