/** Rules for the members of a connection, so that its provider can be asked. */
import { isWebAddress } from '#kernel/issuer.ts';
import type { By } from '#audit/module.ts';
import type { Connection, ConnectionSettings } from './connection.ts';
import { connectionInvalid } from './errors.ts';
import { certificateProblem, keyProblem, secretProblem } from './key-rules.ts';
import type { ClientAuthentication, Provider, ProviderName, SamlProvider } from './providers/provider.ts';
import { providers } from './providers/providers.ts';
import { samlMemberOf, samlProblem } from './saml/saml-rules.ts';

type Ruled = Pick<Connection, 'provider' | 'settings'> & Partial<Pick<Connection, 'slug' | 'clientId'>>;

/** How the token endpoint learns who asks. A certificate is of a key that signs. */
export const methodOf = ({ provider, settings }: Ruled): ClientAuthentication =>
  settings.clientAuthentication ??
  (settings.clientCertificate === undefined ? providers[provider].clientAuthentications[0]! : 'private_key_jwt');

/** Whether the table knows the protocol of the provider alone. */
export const isGeneric = (provider: ProviderName): boolean =>
  provider === 'oidc' || provider === 'oauth2' || provider === 'saml';

/** A public client has no secret. */
export const isConfigured = (connection: Ruled & Pick<Connection, 'sealedSecret'>): boolean =>
  Boolean(connection.sealedSecret) || methodOf(connection) === 'none';

const endpointMembers = ['authorizationEndpoint', 'tokenEndpoint', 'userinfoEndpoint'] as const;
/** The addresses that see the secret, or that say where it is sent. */
const secretGoesTo = ['issuer', ...endpointMembers] as const;

/** Whether a secret that was given for the settings before must not stay with those after. */
export const losesSecret = (before: ConnectionSettings, after: Ruled): boolean =>
  methodOf(after) === 'none' || secretGoesTo.some((member) => before[member] !== after.settings[member]);

/** `secret` is in the clear. Throws connections.invalid. */
export function requireUsable(connection: Ruled, secret: string | null): void {
  const problem = problemOf(connection, providers[connection.provider], secret);
  if (problem !== null) throw connectionInvalid(problem);
}

function problemOf(connection: Ruled, provider: Provider, secret: string | null): string | null {
  const { settings } = connection;
  if (provider.protocol === 'saml') return samlProblem(connection, secret);
  const { mfaContexts: contexts = [], ...others } = settings;
  const foreign = samlMemberOf(provider.protocol === 'openid' ? others : settings);
  if (foreign !== null) return `${foreign} belongs to saml`;
  // They are sent in a list with spaces (OpenID Connect Core §3.1.2.1, `acr_values`).
  if (contexts.some((context) => /\s/.test(context))) return 'mfa_contexts must be without spaces';
  if (connection.clientId === '') return 'client_id must be given';
  const method = methodOf(connection);
  if (!provider.clientAuthentications.includes(method))
    return `client_authentication of ${provider.title} must be ${provider.clientAuthentications.join(' or ')}`;
  if (settings.claims !== undefined && !isGeneric(connection.provider)) return 'claims belong to oidc and oauth2';
  if (connection.provider !== 'oauth2' && settings.claims?.sub !== undefined)
    return 'the subject of OpenID Connect is sub, and no other claim';
  return (
    addressProblem(provider, settings) ??
    scopeProblem(provider, settings) ??
    keyProblem(connection, method) ??
    certificateProblem(provider, settings, method) ??
    (secret === null ? null : secretProblem(connection, method, secret))
  );
}

function addressProblem(provider: Exclude<Provider, SamlProvider>, settings: ConnectionSettings): string | null {
  const given = endpointMembers.filter((member) => settings[member] !== undefined);
  if (provider.protocol === 'openid') {
    if (given.length > 0) return `${wireName(given[0]!)} belongs to oauth2; the endpoints come from the issuer`;
    if (provider.issuer === null && settings.issuer === undefined) return 'issuer must be given';
    if (provider.issuer?.kind === 'fixed' && settings.issuer !== undefined)
      return `issuer of ${provider.title} is always the same`;
  } else {
    if (settings.issuer !== undefined) return 'issuer belongs to providers of OpenID Connect';
    if (settings.idTokenAlgorithms !== undefined) return 'id_token_algorithms belongs to providers of OpenID Connect';
    if (provider.endpoints !== null && given.length > 0) return `endpoints of ${provider.title} are always the same`;
    const missing = endpointMembers.find((member) => provider.endpoints === null && settings[member] === undefined);
    if (missing !== undefined) return `${wireName(missing)} must be given`;
  }
  const wrong = secretGoesTo.find((member) => settings[member] !== undefined && !isWebAddress(settings[member]));
  return wrong === undefined ? null : `${wireName(wrong)} must begin with https:// and have no user and no fragment`;
}

function scopeProblem({ protocol }: Provider, { scopes }: ConnectionSettings): string | null {
  if (scopes === undefined || protocol !== 'openid' || scopes.includes('openid')) return null;
  return 'scopes must contain openid';
}

/** The name of a member in operations and events. */
export const wireName = (member: string): string => member.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The settings that variables give. */
export const environmentSettings = ['issuer', 'scopes', 'keyId', 'clientCertificate', 'teamId'] as const;

/** Whether a change names a member that variables give. */
export const isOfVariables = (change: Readonly<Record<string, unknown>>): boolean =>
  ['name', 'clientId', 'secret', ...environmentSettings].some((member) => change[member] !== undefined);

/** Members of events about a connection. */
export function eventAbout({ id, slug, provider, organizationId = null }: Connection, by: By) {
  return {
    ...by,
    subject: { type: 'connection', id },
    ...(organizationId === null ? {} : { organizationId }),
    details: { connection: slug, connection_id: id, provider },
  };
}
