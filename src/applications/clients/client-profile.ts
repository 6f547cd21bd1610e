import type { ClientMetadata } from './client-metadata.ts';

/**
 * default                 what OAuth 2.1 and OpenID Connect ask for
 * fapi2_security          FAPI 2.0 Security Profile
 * fapi2_message_signing   the same with signed requests (RFC 9101) and signed responses (JARM)
 */
export const clientProfiles = ['default', 'fapi2_security', 'fapi2_message_signing'] as const;
export type ClientProfile = (typeof clientProfiles)[number];

/** Member of the metadata -> what is wrong with it. */
export type Problems = Record<string, string>;

/** FAPI 2.0 Security Profile §5.4.1: PS256, ES256 or EdDSA with Ed25519. */
const strongSignatures = ['PS256', 'ES256', 'EdDSA', 'Ed25519'];
const ourSignatures = [
  'id_token_signed_response_alg',
  'userinfo_signed_response_alg',
  'introspection_signed_response_alg',
  'authorization_signed_response_alg',
] as const;
const theirSignatures = ['token_endpoint_auth_signing_alg', 'request_object_signing_alg'] as const;

/** Sets what the profile leaves no choice about; what a client chose itself is left to `profileProblems`. */
export function withProfile(profile: ClientProfile, metadata: ClientMetadata): ClientMetadata {
  if (profile === 'default') return metadata;
  const theirs = signatureOf(metadata);
  const security: Partial<ClientMetadata> = {
    require_pushed_authorization_requests: true,
    id_token_signed_response_alg: metadata.id_token_signed_response_alg ?? 'PS256',
    authorization_signed_response_alg: metadata.authorization_signed_response_alg ?? 'PS256',
    introspection_signed_response_alg: metadata.introspection_signed_response_alg ?? 'PS256',
    ...(metadata.token_endpoint_auth_method === 'private_key_jwt' && !metadata.token_endpoint_auth_signing_alg && theirs
      ? { token_endpoint_auth_signing_alg: theirs }
      : {}),
    ...(metadata.tls_client_certificate_bound_access_tokens
      ? {}
      : { dpop_bound_access_tokens: metadata.dpop_bound_access_tokens ?? true }),
  };
  if (profile === 'fapi2_security') return { ...metadata, ...security };
  return {
    ...metadata,
    ...security,
    require_signed_request_object: true,
    ...(!metadata.request_object_signing_alg && theirs ? { request_object_signing_alg: theirs } : {}),
    response_modes: metadata.response_modes ?? ['jwt', 'query.jwt'],
  };
}

/** Members of the metadata that the profile forbids. */
export function profileProblems(profile: ClientProfile, metadata: ClientMetadata): Problems {
  if (profile === 'default') return {};
  const problems: Problems = {};
  const demand = (holds: boolean, member: string, text: string): void => {
    if (!holds) problems[member] = text;
  };
  const method = metadata.token_endpoint_auth_method;
  // §5.3.2.1: confidential clients, authenticated by private_key_jwt or mutual TLS.
  demand(
    ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'].includes(method),
    'token_endpoint_auth_method',
    'must be private_key_jwt, tls_client_auth or self_signed_tls_client_auth',
  );
  demand(
    metadata.response_types.every((type) => type === 'code'),
    'response_types',
    'must be code alone',
  );
  demand(!metadata.grant_types.includes('implicit'), 'grant_types', 'must not hold implicit');
  demand(
    metadata.redirect_uris.every((uri) => uri.startsWith('https://') || metadata.application_type === 'native'),
    'redirect_uris',
    'must begin with https://',
  );
  demand(
    Boolean(metadata.dpop_bound_access_tokens ?? metadata.tls_client_certificate_bound_access_tokens),
    'dpop_bound_access_tokens',
    'must be true, unless tokens are bound to a certificate',
  );
  for (const member of [...ourSignatures, ...theirSignatures]) {
    const algorithm = metadata[member];
    demand(
      algorithm === undefined || strongSignatures.includes(algorithm),
      member,
      `must be one of ${strongSignatures.join(', ')}`,
    );
  }
  if (method === 'private_key_jwt')
    demand(metadata.token_endpoint_auth_signing_alg !== undefined, 'token_endpoint_auth_signing_alg', 'must be given');
  if (profile === 'fapi2_message_signing') {
    demand(metadata.request_object_signing_alg !== undefined, 'request_object_signing_alg', 'must be given');
    demand(Boolean(metadata.jwks ?? metadata.jwks_uri), 'jwks', 'must be given, or jwks_uri');
    demand(
      metadata.response_modes?.every((mode) => mode.endsWith('jwt')) ?? false,
      'response_modes',
      'must be signed ones, such as jwt',
    );
  }
  return problems;
}

/** The one algorithm of the profile that all the client's keys are for; undefined when there is more to choose from. */
function signatureOf({ jwks }: ClientMetadata): 'PS256' | 'ES256' | 'EdDSA' | undefined {
  const kinds = new Set(jwks?.keys.filter((jwk) => jwk.use !== 'enc').map((jwk) => jwk.kty));
  if (kinds.size !== 1) return undefined;
  if (kinds.has('RSA')) return 'PS256';
  return kinds.has('EC') ? 'ES256' : 'EdDSA';
}
