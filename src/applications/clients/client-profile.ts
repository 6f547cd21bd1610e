import type { ClientMetadata } from './client-metadata.ts';

/**
 * default                 what OAuth 2.1 and OpenID Connect ask for
 * fapi2_security          FAPI 2.0 Security Profile
 * fapi2_message_signing   the same with signed requests (RFC 9101) and signed responses (JARM)
 * fapi1_advanced          FAPI 1.0 Part 2: Advanced, for applications that are still on it
 */
export const clientProfiles = ['default', 'fapi2_security', 'fapi2_message_signing', 'fapi1_advanced'] as const;
export type ClientProfile = (typeof clientProfiles)[number];

/** Member of the metadata -> what is wrong with it. */
export type Problems = Record<string, string>;

/** FAPI 1.0 Advanced §5.2.2-2: the ID token signs the response; with `code` alone JARM does. */
export const HYBRID_RESPONSE = 'code id_token' as const;

/** FAPI 2.0 Security Profile §5.4.1: PS256, ES256 or EdDSA with Ed25519. FAPI 1.0 Advanced §8.6: PS256 or ES256. */
const strongSignatures = {
  fapi2_security: ['PS256', 'ES256', 'EdDSA', 'Ed25519'],
  fapi2_message_signing: ['PS256', 'ES256', 'EdDSA', 'Ed25519'],
  fapi1_advanced: ['PS256', 'ES256'],
} as const satisfies Record<Exclude<ClientProfile, 'default'>, readonly string[]>;
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
  const common: Partial<ClientMetadata> = {
    id_token_signed_response_alg: metadata.id_token_signed_response_alg ?? 'PS256',
    authorization_signed_response_alg: metadata.authorization_signed_response_alg ?? 'PS256',
    introspection_signed_response_alg: metadata.introspection_signed_response_alg ?? 'PS256',
    ...(metadata.token_endpoint_auth_method === 'private_key_jwt' && !metadata.token_endpoint_auth_signing_alg && theirs
      ? { token_endpoint_auth_signing_alg: theirs }
      : {}),
  };
  const signed: Partial<ClientMetadata> = {
    require_signed_request_object: true,
    ...(!metadata.request_object_signing_alg && theirs ? { request_object_signing_alg: theirs } : {}),
  };
  const security: Partial<ClientMetadata> = {
    require_pushed_authorization_requests: true,
    ...(metadata.tls_client_certificate_bound_access_tokens
      ? {}
      : { dpop_bound_access_tokens: metadata.dpop_bound_access_tokens ?? true }),
  };
  const bound = metadata.tls_client_certificate_bound_access_tokens ?? true;
  switch (profile) {
    case 'fapi2_security':
      return { ...metadata, ...common, ...security };
    case 'fapi2_message_signing':
      return {
        ...metadata,
        ...common,
        ...security,
        ...signed,
        response_modes: metadata.response_modes ?? ['jwt', 'query.jwt'],
      };
    case 'fapi1_advanced':
      return {
        ...metadata,
        ...common,
        ...(metadata.response_types.length > 0 ? signed : {}),
        tls_client_certificate_bound_access_tokens: bound,
      };
  }
}

/** Members of the metadata that the profile forbids. */
export function profileProblems(profile: ClientProfile, metadata: ClientMetadata): Problems {
  if (profile === 'default') return {};
  const problems: Problems = {};
  const demand = (holds: boolean, member: string, text: string): void => {
    if (!holds) problems[member] = text;
  };
  const method = metadata.token_endpoint_auth_method;
  // FAPI 2.0 §5.3.2.1, FAPI 1.0 Advanced §5.2.2-14 and 16: confidential clients, authenticated by private_key_jwt or mutual TLS.
  demand(
    ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'].includes(method),
    'token_endpoint_auth_method',
    'must be private_key_jwt, tls_client_auth or self_signed_tls_client_auth',
  );
  demand(
    metadata.redirect_uris.every((uri) => uri.startsWith('https://') || metadata.application_type === 'native'),
    'redirect_uris',
    `must begin with https:// in the profile ${profile}`,
  );
  const strong: readonly string[] = strongSignatures[profile];
  for (const member of [...ourSignatures, ...theirSignatures]) {
    const algorithm = metadata[member];
    demand(algorithm === undefined || strong.includes(algorithm), member, `must be one of ${strong.join(', ')}`);
  }
  if (method === 'private_key_jwt')
    demand(metadata.token_endpoint_auth_signing_alg !== undefined, 'token_endpoint_auth_signing_alg', 'must be given');
  if (profile === 'fapi2_message_signing' || (profile === 'fapi1_advanced' && metadata.response_types.length > 0)) {
    demand(metadata.request_object_signing_alg !== undefined, 'request_object_signing_alg', 'must be given');
    demand(Boolean(metadata.jwks ?? metadata.jwks_uri), 'jwks', 'must be given, or jwks_uri');
  }
  return {
    ...problems,
    ...(profile === 'fapi1_advanced' ? advancedProblems(metadata) : securityProblems(profile, metadata)),
  };
}

/** FAPI 2.0 Security Profile §5.3.2, and Message Signing §5.4. */
function securityProblems(profile: ClientProfile, metadata: ClientMetadata): Problems {
  return {
    ...(metadata.response_types.every((type) => type === 'code') ? {} : { response_types: 'must be code alone' }),
    ...(metadata.grant_types.includes('implicit') ? { grant_types: 'must not hold implicit' } : {}),
    ...(metadata.dpop_bound_access_tokens || metadata.tls_client_certificate_bound_access_tokens
      ? {}
      : { dpop_bound_access_tokens: 'must be true, unless tokens are bound to a certificate' }),
    ...(profile === 'fapi2_security' || metadata.response_modes?.every((mode) => mode.endsWith('jwt'))
      ? {}
      : { response_modes: 'must be signed ones, such as jwt' }),
  };
}

/** FAPI 1.0 Advanced §5.2.2: response types (2), tokens bound to a certificate (5, 6), signed requests (1). */
function advancedProblems(metadata: ClientMetadata): Problems {
  const responses = metadata.response_types;
  const isSigned = (mode: string) => mode.endsWith('jwt');
  return {
    ...(responses.every((type) => type === 'code' || type === HYBRID_RESPONSE)
      ? {}
      : { response_types: `must be code or ${HYBRID_RESPONSE}` }),
    ...(metadata.tls_client_certificate_bound_access_tokens
      ? {}
      : { tls_client_certificate_bound_access_tokens: 'must be true' }),
    ...(responses.length === 0 ||
    responses.includes(HYBRID_RESPONSE) ||
    (metadata.response_modes?.some(isSigned) ?? true)
      ? {}
      : { response_modes: `must hold a signed one, such as jwt, unless response_types holds ${HYBRID_RESPONSE}` }),
  };
}

/** The one algorithm of the profile that all the client's keys are for; undefined when there is more to choose from. */
function signatureOf({ jwks }: ClientMetadata): 'PS256' | 'ES256' | 'EdDSA' | undefined {
  const kinds = new Set(jwks?.keys.filter((jwk) => jwk.use !== 'enc').map((jwk) => jwk.kty));
  if (kinds.size !== 1) return undefined;
  if (kinds.has('RSA')) return 'PS256';
  return kinds.has('EC') ? 'ES256' : 'EdDSA';
}
