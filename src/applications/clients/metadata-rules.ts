import type { z } from 'zod';
import { instance, type Policies } from '#settings/module.ts';
import { metadataInvalid } from './errors.ts';
import { type ClientMetadata, clientMetadataSchema } from './client-metadata.ts';
import { type ClientProfile, type Problems, profileProblems, withProfile } from './client-profile.ts';
import { type ClientType, withDefaults } from './client-type.ts';
import { objectionToRedirectUri, schemesOf } from './redirect-uri.ts';
import { samlProblems } from './saml-client.ts';

/**
 * Reads the metadata of a new or changed client: known members only, defaults of its type, demands of its profile, the rules between
 * members, and the limits of the instance. `before`: the client before a change. Throws `clients.metadata_invalid` with every member
 * that is wrong.
 */
export type ReadMetadata = (
  type: ClientType,
  profile: ClientProfile,
  given: unknown,
  before?: ClientMetadata,
) => ClientMetadata;

/** `certificates`: null where no client certificate can reach the instance. */
export const metadataReader =
  (policies: Policies<'oidc'>, certificates: object | null): ReadMetadata =>
  (type, profile, given, before) => {
    const parsed = clientMetadataSchema.safeParse(given);
    if (!parsed.success) throw metadataInvalid(problemsOf(parsed.error));
    const metadata = withProfile(profile, withDefaults(type, withoutUndefined(parsed.data)));
    const { nativeSchemes } = policies.for(instance).oidc;
    const known = schemesOf([...(before?.redirect_uris ?? []), ...(before?.post_logout_redirect_uris ?? [])]);
    const problems = {
      ...(type === 'saml' ? samlProblems(metadata, withDefaults(type, {})) : typeProblems(type, metadata)),
      ...keyProblems(metadata),
      ...pkceProblems(profile, metadata),
      ...addressProblems(metadata, [...nativeSchemes, ...known]),
      ...profileProblems(profile, metadata),
    };
    if (Object.keys(problems).length > 0) throw metadataInvalid(problems);
    requireCertificates(metadata, { isSupported: certificates !== null, before });
    return metadata;
  };

const certificateMethods: ReadonlySet<string> = new Set(['tls_client_auth', 'self_signed_tls_client_auth']);
const NO_CERTIFICATES =
  'needs client certificates, which cannot reach this instance: set TLS_CLIENT_CA, or CLIENT_CERT_HEADER behind a proxy that ends TLS';

/**
 * Refuses members that need a client certificate (RFC 8705) on an instance that receives none: the client could never
 * authenticate or get a token. A client that has such a member already keeps it, and can still be changed. Throws clients.metadata_invalid.
 */
function requireCertificates(
  metadata: ClientMetadata,
  { isSupported, before }: { isSupported: boolean; before?: ClientMetadata | undefined },
): void {
  if (isSupported) return;
  const problems: Problems = {};
  const method = metadata.token_endpoint_auth_method;
  if (certificateMethods.has(method) && method !== before?.token_endpoint_auth_method)
    problems['token_endpoint_auth_method'] = NO_CERTIFICATES;
  const member = 'tls_client_certificate_bound_access_tokens';
  if (metadata[member] && !before?.[member]) problems[member] = NO_CERTIFICATES;
  if (Object.keys(problems).length > 0) throw metadataInvalid(problems);
}

function problemsOf(error: z.ZodError): Problems {
  return Object.fromEntries(
    error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key): [string, string] => [key, 'is no client metadata that can be set'])
        : [[issue.path.join('.'), issue.message]],
    ),
  );
}

function typeProblems(type: ClientType, metadata: ClientMetadata): Problems {
  const problems: Problems = {};
  const { grant_types: grants, response_types: responses, token_endpoint_auth_method: method } = metadata;
  const isPublic = method === 'none';
  const redirects = responses.length > 0;
  if (type === 'spa' && !isPublic) problems['token_endpoint_auth_method'] = 'must be none: a browser keeps no secret';
  if (type === 'machine' && isPublic)
    problems['token_endpoint_auth_method'] = 'must not be none: the client alone can prove who it is';
  if (type === 'web' && isPublic)
    problems['token_endpoint_auth_method'] = 'must not be none: a public client is of type spa or native';
  if (isPublic && grants.includes('client_credentials'))
    problems['grant_types'] = 'must not hold client_credentials without client authentication (RFC 6749 §4.4)';
  if (type === 'machine' && (redirects || grants.some((grant) => grant !== 'client_credentials')))
    problems['grant_types'] = 'must be client_credentials alone for a machine';
  if (responses.some((response) => words(response).includes('code')) !== grants.includes('authorization_code'))
    problems['response_types'] = 'must hold one with code exactly when grant_types holds authorization_code';
  if (responses.some((response) => /token/.test(response)) !== grants.includes('implicit'))
    problems['response_types'] = 'must hold one with id_token or token exactly when grant_types holds implicit';
  if (redirects && metadata.redirect_uris.length === 0) problems['redirect_uris'] = 'must hold at least one address';
  if (!redirects && metadata.redirect_uris.length > 0)
    problems['redirect_uris'] = 'must be empty: none of the grants redirects';
  if (type !== 'native' && metadata.application_type === 'native')
    problems['application_type'] = 'must be web for this type of client';
  if (type === 'native' && metadata.application_type === 'web')
    problems['application_type'] = 'must be native for this type of client';
  return problems;
}

function keyProblems(metadata: ClientMetadata): Problems {
  const problems: Problems = {};
  const { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: algorithm } = metadata;
  if (metadata.jwks && metadata.jwks_uri) problems['jwks'] = 'must not be given together with jwks_uri';
  if (needsKeys(metadata) && !metadata.jwks && !metadata.jwks_uri) problems['jwks'] = 'must be given, or jwks_uri';
  if (algorithm?.startsWith('HS') && method !== 'client_secret_jwt')
    problems['token_endpoint_auth_signing_alg'] = 'must be an asymmetric algorithm for this method';
  if (algorithm && !algorithm.startsWith('HS') && method !== 'private_key_jwt')
    problems['token_endpoint_auth_signing_alg'] = 'is meant for private_key_jwt';
  const subjects = [
    metadata.tls_client_auth_subject_dn,
    metadata.tls_client_auth_san_dns,
    metadata.tls_client_auth_san_uri,
    metadata.tls_client_auth_san_ip,
    metadata.tls_client_auth_san_email,
  ].filter(Boolean).length;
  if (method === 'tls_client_auth' && subjects !== 1)
    problems['tls_client_auth_subject_dn'] =
      'must be given, or exactly one tls_client_auth_san_ member (RFC 8705 §2.1.2)';
  if (metadata.dpop_bound_access_tokens && metadata.tls_client_certificate_bound_access_tokens)
    problems['dpop_bound_access_tokens'] = 'must not be combined with tls_client_certificate_bound_access_tokens';
  return problems;
}

/** RFC 9700 §2.1.1: a public client has nothing but PKCE; FAPI 2.0 Security Profile §5.3.2.2 demands it of every client. */
function pkceProblems(profile: ClientProfile, metadata: ClientMetadata): Problems {
  if (metadata.require_pkce !== false) return {};
  if (metadata.token_endpoint_auth_method === 'none')
    return { require_pkce: 'must not be false: a public client has no other proof' };
  return profile.startsWith('fapi2_') ? { require_pkce: 'must not be false for this profile' } : {};
}

function addressProblems(metadata: ClientMetadata, nativeSchemes: readonly string[]): Problems {
  const problems: Problems = {};
  for (const member of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
    for (const uri of metadata[member] ?? []) {
      const objection = objectionToRedirectUri(uri, metadata.application_type, nativeSchemes);
      if (objection) problems[member] = `holds ${JSON.stringify(uri)}, which ${objection}`;
    }
  }
  const front = metadata.redirect_uris.find((uri) => !isForFrontChannel(uri));
  if (metadata.application_type === 'web' && metadata.grant_types.includes('implicit') && front !== undefined)
    problems['redirect_uris'] =
      `holds ${JSON.stringify(front)}, which must begin with https:// and not name localhost, because of the grant type implicit`;
  const hosts = new Set(metadata.redirect_uris.map((uri) => URL.parse(uri)?.host));
  // OpenID Connect Core §8.1: several hosts need a document that says they belong together.
  if (metadata.subject_type === 'pairwise' && hosts.size > 1 && !metadata.sector_identifier_uri)
    problems['sector_identifier_uri'] = 'must be given for pairwise subjects at more than one host';
  return problems;
}

/** OpenID Connect Dynamic Client Registration §2: where a web client gets tokens by the implicit grant. */
function isForFrontChannel(uri: string): boolean {
  const url = URL.parse(uri);
  return url?.protocol === 'https:' && url.hostname !== 'localhost';
}

function needsKeys(metadata: ClientMetadata): boolean {
  const signs = metadata.request_object_signing_alg !== undefined;
  const encrypts = encryptionMembers.some((member) => metadata[member] !== undefined);
  return (
    ['private_key_jwt', 'self_signed_tls_client_auth'].includes(metadata.token_endpoint_auth_method) ||
    signs ||
    encrypts
  );
}

const encryptionMembers = [
  'id_token_encrypted_response_alg',
  'userinfo_encrypted_response_alg',
  'introspection_encrypted_response_alg',
  'authorization_encrypted_response_alg',
] as const;

const words = (text: string): string[] => text.split(' ');

function withoutUndefined<T extends object>(value: T): { [M in keyof T]?: Exclude<T[M], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [M in keyof T]?: Exclude<T[M], undefined>;
  };
}
