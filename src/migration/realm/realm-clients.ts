/** Clients of a realm of Keycloak, as `clients.create` takes them. */
import { isObject, jsonIn, type Members, objectIn, objectsIn, textIn } from '../sources/members.ts';
import { LEAST_SECRET } from '../limits.ts';
import { isOwnClient } from './realm-access.ts';

/** Members of the metadata; one that the server refuses is left out when the client can be without it. */
export type RealmClient = {
  clientId: string;
  input: Record<string, unknown>;
  isDisabled: boolean;
  warnings: string[];
};
type Read = RealmClient | { clientId: string; skipped: string };

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const SEPARATOR = '##';
const STANDARD_SCOPES = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'];
/** Scopes of Keycloak that have no counterpart because everything in them is there anyway, or nothing. */
const OWN_SCOPES = new Set([
  'web-origins',
  'acr',
  'roles',
  'basic',
  'microprofile-jwt',
  'organization',
  'service_account',
  'role_list',
  'saml_organization',
]);
const AUTHENTICATORS: Readonly<Record<string, string>> = {
  'client-secret': 'client_secret_basic',
  'client-jwt': 'private_key_jwt',
  'client-secret-jwt': 'client_secret_jwt',
  'client-x509': 'tls_client_auth',
};

/** The clients of a realm that are not Keycloak's own. */
export function readClients(realm: Members): Read[] {
  return objectsIn(realm, 'clients').flatMap((client) => {
    const clientId = textIn(client, 'clientId');
    return clientId === undefined || isOwnClient(clientId, realm) ? [] : [clientOf(client, clientId)];
  });
}

function clientOf(client: Members, clientId: string): Read {
  if ((textIn(client, 'protocol') ?? 'openid-connect') !== 'openid-connect')
    return { clientId, skipped: 'is a SAML application: add it by saml-application create' };
  if (client['bearerOnly'] === true) return { clientId, skipped: 'is an API: add it by api create' };
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  const grants = grantsOf(client);
  if (grants.length === 0)
    return { clientId, skipped: 'has only flows that are not here: the password grant, or the implicit flow' };
  const redirects = grants.includes('authorization_code') ? redirectUrisOf(client, warn) : [];
  if (grants.includes('authorization_code') && redirects.length === 0)
    return { clientId, skipped: 'has no redirect URI without a wildcard: add it by client create' };
  const isPublic = client['publicClient'] === true;
  const attributes = objectIn(client, 'attributes');
  warnOfFlows(client, attributes, warn);
  const input = {
    client_id: clientId,
    name: nameOf(client, clientId),
    type: typeOf({ isPublic, grants, redirects }),
    first_party: client['consentRequired'] !== true,
    grant_types: grants,
    ...(redirects.length > 0 ? { redirect_uris: redirects } : {}),
    ...(isPublic ? {} : authenticationOf(client, attributes, warn)),
    ...pkceOf(attributes, { isPublic, redirects }, warn),
    ...logoutOf(attributes, redirects, warn),
    ...originsOf(client, redirects, warn),
    ...scopeOf(client, grants, warn),
    ...shownOf(client, attributes),
  };
  return { clientId, input, isDisabled: client['enabled'] === false, warnings };
}

type Warn = (text: string) => void;

function grantsOf(client: Members): string[] {
  const attributes = objectIn(client, 'attributes');
  const isPublic = client['publicClient'] === true;
  const asks = client['standardFlowEnabled'] !== false;
  const isDevice = attributes['oauth2.device.authorization.grant.enabled'] === 'true';
  return [
    ...(asks ? ['authorization_code'] : []),
    ...(isDevice ? [DEVICE_GRANT] : []),
    ...((asks || isDevice) && attributes['use.refresh.tokens'] !== 'false' ? ['refresh_token'] : []),
    ...(client['serviceAccountsEnabled'] === true && !isPublic ? ['client_credentials'] : []),
  ];
}

function typeOf({ isPublic, grants, redirects }: { isPublic: boolean; grants: string[]; redirects: string[] }): string {
  if (!isPublic) return grants.every((grant) => grant === 'client_credentials') ? 'machine' : 'web';
  return redirects.length === 0 || redirects.some((uri) => !/^https?:/i.test(uri)) ? 'native' : 'spa';
}

/** Addresses are compared as a whole here. Where every one has a wildcard, what stands before it is the only address that is sure. */
function redirectUrisOf(client: Members, warn: Warn): string[] {
  const root = textIn(client, 'rootUrl') ?? textIn(client, 'baseUrl') ?? '';
  const given = textsOf(client['redirectUris']).map((uri) =>
    uri.startsWith('/') ? `${root.replace(/\/$/, '')}${uri}` : uri,
  );
  const exact = given.filter((uri) => !uri.includes('*') && isAbsolute(uri));
  for (const uri of given.filter((each) => !exact.includes(each)))
    warn(
      `redirect_uris: ${uri} is left out: ${uri.includes('*') ? 'addresses are compared as a whole, without wildcards; add each one that the application uses by client change --metadata' : 'it is no absolute address'}`,
    );
  if (exact.length > 0) return [...new Set(exact)];
  const begins = given.filter((uri) => /^[^*]+\*$/.test(uri)).map((uri) => uri.slice(0, -1));
  return [...new Set(begins.filter(isAbsolute))];
}

const isAbsolute = (uri: string): boolean => {
  const url = URL.parse(uri);
  return url !== null && !uri.includes('${') && (!/^https?:/i.test(uri) || url.hostname !== '');
};

function authenticationOf(client: Members, attributes: Members, warn: Warn): Members {
  const kind = textIn(client, 'clientAuthenticatorType') ?? 'client-secret';
  const method = AUTHENTICATORS[kind] ?? 'client_secret_basic';
  if (!(kind in AUTHENTICATORS)) warn(`token_endpoint_auth_method: ${kind} is not known; client_secret_basic is set`);
  if (method === 'private_key_jwt') return { token_endpoint_auth_method: method, ...keysOf(attributes) };
  if (method === 'tls_client_auth')
    return { token_endpoint_auth_method: method, tls_client_auth_subject_dn: textIn(attributes, 'x509.subjectdn') };
  const secret = textIn(client, 'secret');
  const isUsable = secret !== undefined && /^[\x21-\x7e]+$/.test(secret) && !/^\*+$/.test(secret);
  if (isUsable && secret.length >= LEAST_SECRET) return { token_endpoint_auth_method: method, client_secret: secret };
  const why = isUsable ? `it has fewer than ${LEAST_SECRET} characters` : 'the file does not hold it';
  warn(`client_secret: left out: ${why}; client rotate-secret makes a new one`);
  return { token_endpoint_auth_method: method };
}

function keysOf(attributes: Members): Members {
  if (textIn(attributes, 'jwks.url') !== undefined) return { jwks_uri: attributes['jwks.url'] };
  const keys = jsonIn(attributes, 'jwks.string');
  return isObject(keys) && 'keys' in keys ? { jwks: keys } : {};
}

function pkceOf(attributes: Members, about: { isPublic: boolean; redirects: string[] }, warn: Warn): Members {
  const method = textIn(attributes, 'pkce.code.challenge.method');
  if (method === 'S256') return { require_pkce: true };
  if (about.redirects.length > 0 && !about.isPublic)
    warn(
      'require_pkce: Keycloak did not demand PKCE with S256, Latchkey does; a confidential application that cannot send it gets client change --require-pkce false',
    );
  return {};
}

function logoutOf(attributes: Members, redirects: string[], warn: Warn): Members {
  const given = (textIn(attributes, 'post.logout.redirect.uris') ?? '')
    .split(SEPARATOR)
    .filter((uri) => uri !== '' && uri !== '-');
  const uris = given.flatMap((uri) => (uri === '+' ? redirects : [uri]));
  const exact = [...new Set(uris.filter((uri) => !uri.includes('*') && isAbsolute(uri)))];
  for (const uri of uris.filter((each) => !exact.includes(each)))
    warn(`post_logout_redirect_uris: ${uri} is left out: addresses are compared as a whole, without wildcards`);
  const backchannel = textIn(attributes, 'backchannel.logout.url');
  if (textIn(attributes, 'frontchannel.logout.url') !== undefined)
    warn('frontchannel.logout.url: left out: sign-outs are announced by the back channel');
  return {
    ...(exact.length > 0 ? { post_logout_redirect_uris: exact } : {}),
    ...(backchannel === undefined ? {} : { backchannel_logout_uri: backchannel }),
    ...(backchannel !== undefined && attributes['backchannel.logout.session.required'] === 'true'
      ? { backchannel_logout_session_required: true }
      : {}),
  };
}

/** The origins of redirect URIs are allowed anyway. */
function originsOf(client: Members, redirects: string[], warn: Warn): Members {
  const known = new Set(redirects.map((uri) => URL.parse(uri)?.origin));
  const given = textsOf(client['webOrigins']).filter((origin) => origin !== '+' && origin !== '');
  if (given.includes('*')) warn('allowed_origins: * is left out: each origin is named');
  const origins = [...new Set(given.map((origin) => origin.replace(/\/$/, '')))].filter(
    (origin) => !origin.includes('*') && isAbsolute(origin) && !known.has(origin),
  );
  return origins.length > 0 ? { allowed_origins: origins } : {};
}

function scopeOf(client: Members, grants: string[], warn: Warn): Members {
  const lists = [client['defaultClientScopes'], client['optionalClientScopes']].filter(Array.isArray);
  if (lists.length === 0 || !grants.some((grant) => grant !== 'client_credentials')) return {};
  const named = lists.flatMap(textsOf);
  const others = named.filter((scope) => !STANDARD_SCOPES.includes(scope) && !OWN_SCOPES.has(scope));
  for (const scope of others) warn(`scope: ${scope} is left out: scopes of your own belong to an API (api create)`);
  return { scope: STANDARD_SCOPES.filter((scope) => scope === 'openid' || named.includes(scope)).join(' ') };
}

function shownOf(client: Members, attributes: Members): Members {
  const algorithm = textIn(attributes, 'id.token.signed.response.alg');
  const home = [textIn(client, 'baseUrl'), textIn(client, 'rootUrl')].find(
    (uri) => uri !== undefined && isAbsolute(uri),
  );
  return {
    ...(home === undefined ? {} : { client_uri: home }),
    ...(algorithm === undefined ? {} : { id_token_signed_response_alg: algorithm }),
    ...Object.fromEntries(
      Object.entries({ logoUri: 'logo_uri', policyUri: 'policy_uri', tosUri: 'tos_uri' }).flatMap(([name, member]) =>
        textIn(attributes, name) === undefined ? [] : [[member, attributes[name]]],
      ),
    ),
  };
}

function warnOfFlows(client: Members, attributes: Members, warn: Warn): void {
  if (client['implicitFlowEnabled'] === true)
    warn('grant_types: implicit is left out: the code flow with PKCE takes its place');
  if (client['directAccessGrantsEnabled'] === true)
    warn('grant_types: password is left out: applications never see the password of a user');
  if (attributes['oidc.ciba.grant.enabled'] === 'true') warn('grant_types: CIBA is left out');
  const mappers = objectsIn(client, 'protocolMappers').filter(
    ({ name }) => !/^Client (ID|Host|IP Address)$/.test(String(name)),
  );
  if (mappers.length > 0) warn(`protocolMappers: ${mappers.length} are left out: see mapped_claims in docs/clients.md`);
}

const nameOf = (client: Members, clientId: string): string => {
  const name = textIn(client, 'name')?.trim() ?? '';
  return name === '' || name.includes('${') ? clientId : name;
};

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string').map((each) => each.trim()) : [];
