/**
 * A client of type `saml` stands for an application that speaks SAML alone. Its sign-ins are authorization requests of this instance
 * itself, which come back to one address of ours. It has no secret, so that it can authenticate at no endpoint of OAuth.
 */
import type { ClientMetadata } from './client-metadata.ts';
import type { Problems } from './client-profile.ts';

/** Members that an operator may set: what users see, and what a sign-in must prove. */
const settable: ReadonlySet<string> = new Set([
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'contacts',
  'minimum_acr',
  'organization_usage',
] satisfies (keyof ClientMetadata)[]);

/** Where a sign-in for the application comes back to; follows from the issuer, so that it is not stored. */
export const samlReturnPath = (clientId: string): string => `/saml/applications/${clientId}/continue`;

/** The metadata as the engine needs it: it tells of a sign-out only those that have an address for it, and others send the notice. */
export const withOwnAddresses = (metadata: ClientMetadata, issuer: string, clientId: string): ClientMetadata => ({
  ...metadata,
  redirect_uris: [`${issuer}${samlReturnPath(clientId)}`],
  backchannel_logout_uri: `${issuer}/saml/applications/${clientId}/slo`,
});

/** Members that differ from the defaults of the type, of those that no operator may set. */
export function samlProblems(metadata: ClientMetadata, defaults: ClientMetadata): Problems {
  const others = Object.entries(metadata).filter(
    ([member, value]) =>
      !settable.has(member) && JSON.stringify(value) !== JSON.stringify((defaults as Record<string, unknown>)[member]),
  );
  return Object.fromEntries(others.map(([member]) => [member, 'is not for an application that speaks SAML']));
}
