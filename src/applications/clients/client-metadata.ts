import { z } from 'zod';
import { isLoopback } from '#kernel/issuer.ts';
import { readNewMailAddress } from '#kernel/mail/address.ts';
import { publicJwksSchema } from './client-jwks.ts';
import { LONGEST_REDIRECT_URI, MOST_ADDRESSES } from './limits.ts';
import { distinct, ownMemberShape } from './own-members.ts';

const text = (length: number) => z.string().min(1).max(length);
/** A page or end point of the client: https, or http on this machine during development. */
const webAddress = text(LONGEST_REDIRECT_URI).refine(isWebAddress, 'must be an address that begins with https://');
/** Where the specifications allow no exception (OpenID Connect Core §4, Dynamic Client Registration §5). */
const secureAddress = webAddress.refine(
  (uri) => uri.startsWith('https://'),
  'must be an address that begins with https://',
);
const address = text(LONGEST_REDIRECT_URI);
const addresses = distinct(address, MOST_ADDRESSES);

/** Public keys alone: what both sides can sign proves nothing to a third one (RFC 8725 §3.2). */
const signature = z.enum(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']);
/** OpenID Connect Core §9: `client_secret_jwt` is the one place where the secret is a key. */
const authenticationSignature = z.enum([...signature.options, 'HS256']);
const keyEncryption = z.enum(['RSA-OAEP-256', 'ECDH-ES', 'ECDH-ES+A256KW']);
const contentEncryption = z.enum(['A128CBC-HS256', 'A256CBC-HS512', 'A128GCM', 'A256GCM']);

export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials', 'implicit', DEVICE_GRANT] as const;

/** Grants of the token endpoint, where implicit flows issue nothing. */
export const tokenGrantTypes = grantTypes.filter((grant) => grant !== 'implicit');

/** Scopes of OpenID Connect Core §5.4 and §11; API scopes are allowed one by one (see api-access.ts). */
export const standardScopes = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'] as const;
const scopeText = z
  .string()
  .max(256)
  .refine((value) => value.split(' ').every((scope) => (standardScopes as readonly string[]).includes(scope)), {
    error: `may hold ${standardScopes.join(', ')}; scopes of an API are allowed together with the API`,
  });

/**
 * The metadata of a client, named as on the wire: RFC 7591 §2, OpenID Connect Dynamic Client Registration §2,
 * RP-Initiated and Back-Channel Logout, RFC 8705, RFC 9101, RFC 9126, RFC 9449, RFC 9701, JARM, and members of
 * Latchkey's own. Nothing else is taken.
 */
export const clientMetadataSchema = z.strictObject({
  redirect_uris: addresses.optional(),
  post_logout_redirect_uris: addresses.optional(),
  application_type: z.enum(['web', 'native']).optional(),
  grant_types: distinct(z.enum(grantTypes), 5).optional(),
  response_types: distinct(
    z
      .string()
      .transform(sortWords)
      .pipe(
        z.enum(['code', 'id_token', 'id_token token', 'code id_token', 'code token', 'code id_token token', 'none']),
      ),
    7,
  ).optional(),
  response_modes: distinct(
    z.enum([
      'query',
      'fragment',
      'form_post',
      'web_message',
      'jwt',
      'query.jwt',
      'fragment.jwt',
      'form_post.jwt',
      'web_message.jwt',
    ]),
    9,
  )
    .refine((modes) => modes.length > 0, 'must hold at least one')
    .optional(),
  token_endpoint_auth_method: z
    .enum([
      'none',
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'tls_client_auth',
      'self_signed_tls_client_auth',
    ])
    .optional(),
  token_endpoint_auth_signing_alg: authenticationSignature.optional(),
  scope: scopeText.optional(),
  client_uri: webAddress.optional(),
  logo_uri: webAddress.optional(),
  policy_uri: webAddress.optional(),
  tos_uri: webAddress.optional(),
  contacts: distinct(
    z.string().refine((address) => readNewMailAddress(address) !== null, 'must be an email address'),
    20,
  ).optional(),
  software_id: text(256).optional(),
  software_version: text(64).optional(),
  jwks: publicJwksSchema.optional(),
  jwks_uri: webAddress.optional(),
  subject_type: z.enum(['public', 'pairwise']).optional(),
  sector_identifier_uri: secureAddress.optional(),
  initiate_login_uri: secureAddress.optional(),
  default_max_age: z.int().min(0).optional(),
  require_auth_time: z.boolean().optional(),
  default_acr_values: distinct(text(256), 10).optional(),
  backchannel_logout_uri: webAddress.optional(),
  backchannel_logout_session_required: z.boolean().optional(),
  id_token_signed_response_alg: signature.optional(),
  id_token_encrypted_response_alg: keyEncryption.optional(),
  id_token_encrypted_response_enc: contentEncryption.optional(),
  userinfo_signed_response_alg: signature.optional(),
  userinfo_encrypted_response_alg: keyEncryption.optional(),
  userinfo_encrypted_response_enc: contentEncryption.optional(),
  introspection_signed_response_alg: signature.optional(),
  introspection_encrypted_response_alg: keyEncryption.optional(),
  introspection_encrypted_response_enc: contentEncryption.optional(),
  authorization_signed_response_alg: signature.optional(),
  authorization_encrypted_response_alg: keyEncryption.optional(),
  authorization_encrypted_response_enc: contentEncryption.optional(),
  request_object_signing_alg: signature.optional(),
  require_signed_request_object: z.boolean().optional(),
  require_pushed_authorization_requests: z.boolean().optional(),
  dpop_bound_access_tokens: z.boolean().optional(),
  tls_client_certificate_bound_access_tokens: z.boolean().optional(),
  tls_client_auth_subject_dn: text(1024).optional(),
  tls_client_auth_san_dns: text(253).optional(),
  tls_client_auth_san_uri: address.optional(),
  tls_client_auth_san_ip: text(64).optional(),
  tls_client_auth_san_email: text(254).optional(),
  use_mtls_endpoint_aliases: z.boolean().optional(),
  ...ownMemberShape,
});

export type GivenMetadata = z.input<typeof clientMetadataSchema>;

type Parsed = z.output<typeof clientMetadataSchema>;
/** These are always there once defaults were filled in. */
type Settled = 'redirect_uris' | 'application_type' | 'grant_types' | 'response_types' | 'token_endpoint_auth_method';
export type ClientMetadata = {
  [M in keyof Parsed as undefined extends Parsed[M] ? M : never]?: Exclude<Parsed[M], undefined>;
} & {
  [M in Settled]: Exclude<Parsed[M], undefined>;
};

function isWebAddress(value: string): boolean {
  const url = URL.parse(value);
  if (!url || value.includes('#') || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

/** OAuth 2.0 Multiple Response Types §3: the order of the words has no meaning. */
function sortWords(value: string): string {
  return [...new Set(value.split(' '))].sort().join(' ');
}
