import type { Configuration } from 'oidc-provider';

/** RFC 9068 and the FAPI profiles want these; RS256 stays because OpenID Connect Core §15.1 demands it of every provider. */
const signatures = ['ES256', 'PS256', 'EdDSA', 'Ed25519', 'RS256'] as const;
/** Public-key algorithms alone: a key that both sides hold proves nothing to a third one. */
const encryption = ['RSA-OAEP-256', 'ECDH-ES', 'ECDH-ES+A256KW'] as const;

/**
 * The algorithms for signatures and encryption (RFC 7518, RFC 8037). `none` is never allowed, and HMAC only if a
 * client authenticates with its secret (OpenID Connect Core §9, client_secret_jwt).
 */
export const algorithms: NonNullable<Configuration['enabledJWA']> = {
  idTokenSigningAlgValues: [...signatures],
  userinfoSigningAlgValues: [...signatures],
  introspectionSigningAlgValues: [...signatures],
  authorizationSigningAlgValues: [...signatures],
  requestObjectSigningAlgValues: [...signatures],
  clientAuthSigningAlgValues: [...signatures, 'HS256'],
  dPoPSigningAlgValues: ['ES256', 'EdDSA', 'Ed25519', 'PS256'],
  idTokenEncryptionAlgValues: [...encryption],
  userinfoEncryptionAlgValues: [...encryption],
  introspectionEncryptionAlgValues: [...encryption],
  authorizationEncryptionAlgValues: [...encryption],
  // Request objects come signed by the client's registered key (RFC 9101 §10.2); there is no key of ours to encrypt them for.
  requestObjectEncryptionAlgValues: [],
  requestObjectEncryptionEncValues: [],
};
