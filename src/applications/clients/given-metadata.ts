/** Client metadata as operations take them: the schema of each member that is stored, in the words of the documents. */
import type { z } from 'zod';
import { clientMetadataSchema } from './client-metadata.ts';
import type { ownMembers } from './own-members.ts';

type Shape = typeof clientMetadataSchema.shape;
type Member = keyof Shape;
type OwnMember = (typeof ownMembers)[number];

/** Members of specifications. Latchkey's own members have a description in their declaration. */
const words: Readonly<Record<Exclude<Member, OwnMember>, string>> = {
  redirect_uris: 'Redirect URI after a sign-in',
  post_logout_redirect_uris: 'Redirect URI after a sign-out',
  application_type: 'Kind of application for its redirect URIs',
  grant_types: 'Grant type',
  response_types: 'Response type',
  response_modes: 'Response mode that the client may ask for; all by default',
  token_endpoint_auth_method: 'Client authentication method, such as private_key_jwt',
  token_endpoint_auth_signing_alg: 'Signing algorithm of its client assertions',
  scope: 'Allowed scopes, separated by spaces',
  client_uri: 'Home page of the application',
  logo_uri: 'Picture of the application',
  policy_uri: 'Privacy policy of the application',
  tos_uri: 'Terms of the application',
  contacts: 'Email address of someone responsible',
  software_id: 'Identifier of the software (RFC 7591)',
  software_version: 'Version of the software',
  jwks: 'Its public keys (RFC 7517)',
  jwks_uri: 'Address of its public keys',
  subject_type: 'Whether each sector sees another sub of a user',
  sector_identifier_uri: 'Address of the list of its redirect URIs, for pairwise subs',
  initiate_login_uri: 'Address at which a sign-in begins from outside',
  default_max_age: 'Seconds after which users authenticate again, where the request does not say',
  require_auth_time: 'ID tokens always contain auth_time',
  default_acr_values: 'Level of authentication, where the request does not say',
  backchannel_logout_uri: 'Address that is notified when a session ends',
  backchannel_logout_session_required:
    'The application needs the session in each notice of its end; Latchkey always names it',
  id_token_signed_response_alg: 'Signing algorithm of ID tokens',
  id_token_encrypted_response_alg: 'Key encryption of ID tokens',
  id_token_encrypted_response_enc: 'Content encryption of ID tokens',
  userinfo_signed_response_alg: 'Signing algorithm of answers of userinfo',
  userinfo_encrypted_response_alg: 'Key encryption of answers of userinfo',
  userinfo_encrypted_response_enc: 'Content encryption of answers of userinfo',
  introspection_signed_response_alg: 'Signing algorithm of answers of introspection (RFC 9701)',
  introspection_encrypted_response_alg: 'Key encryption of answers of introspection',
  introspection_encrypted_response_enc: 'Content encryption of answers of introspection',
  authorization_signed_response_alg: 'Signing algorithm of authorization responses (JARM)',
  authorization_encrypted_response_alg: 'Key encryption of authorization responses',
  authorization_encrypted_response_enc: 'Content encryption of authorization responses',
  request_object_signing_alg: 'Signing algorithm of request objects (RFC 9101)',
  require_signed_request_object: 'Every authorization request is a signed request object',
  require_pushed_authorization_requests: 'Every authorization request is pushed first (RFC 9126)',
  dpop_bound_access_tokens: 'Every token is bound to a key (RFC 9449)',
  tls_client_certificate_bound_access_tokens: 'Access tokens are bound to its certificate (RFC 8705)',
  tls_client_auth_subject_dn: 'Subject of its certificate',
  tls_client_auth_san_dns: 'DNS name of its certificate',
  tls_client_auth_san_uri: 'URI of its certificate',
  tls_client_auth_san_ip: 'IP address of its certificate',
  tls_client_auth_san_email: 'Email address of its certificate',
  use_mtls_endpoint_aliases: 'The client uses the endpoints for client certificates (RFC 8705)',
};

const isNamed = (member: string): member is keyof typeof words => Object.hasOwn(words, member);
const names = Object.keys(clientMetadataSchema.shape) as Member[];

const shapeOf = (wrap: (schema: z.ZodType) => z.ZodType): object =>
  Object.fromEntries(
    names.map((name) => {
      const wrapped = wrap(clientMetadataSchema.shape[name]);
      return [
        name,
        wrapped.describe(isNamed(name) ? words[name] : (clientMetadataSchema.shape[name].description ?? '')),
      ];
    }),
  );

/** For a client that is created. */
export const metadataShape = shapeOf((schema) => schema) as Shape;
/** For a change, in which null sets the default again. */
export const metadataChanges = shapeOf((schema) => schema.nullable().optional()) as {
  [M in Member]: z.ZodOptional<z.ZodNullable<Shape[M]>>;
};

/** Members that specifications name. `client change` takes them as one JSON object. */
export const specifiedMembers: readonly string[] = Object.keys(words);
const asked: ReadonlySet<string> = new Set([
  'redirect_uris',
  'post_logout_redirect_uris',
  'backchannel_logout_uri',
  'backchannel_logout_session_required',
  'token_endpoint_auth_method',
  'grant_types',
  'scope',
  'jwks_uri',
]);
/** Those without an option of their own in `client create`. */
export const rareMembers = specifiedMembers.filter((name) => !asked.has(name));
