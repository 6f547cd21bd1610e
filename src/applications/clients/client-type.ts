import { type ClientMetadata, DEVICE_GRANT, type GivenMetadata } from './client-metadata.ts';

/** web: runs on a server · spa: runs in the browser · native: runs on the person's device · machine: acts for itself. */
export const clientTypes = ['web', 'spa', 'native', 'machine'] as const;
/** saml: a SAML service provider, which its own operations create. */
export type ClientType = (typeof clientTypes)[number] | 'saml';

type Defaults = Pick<
  ClientMetadata,
  'application_type' | 'grant_types' | 'response_types' | 'token_endpoint_auth_method'
>;

const codeFlow = {
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
} satisfies Partial<Defaults>;

/** Default metadata of each client type. */
const typeDefaults: Readonly<Record<ClientType, Readonly<Defaults>>> = {
  web: { application_type: 'web', token_endpoint_auth_method: 'client_secret_basic', ...codeFlow },
  spa: { application_type: 'web', token_endpoint_auth_method: 'none', ...codeFlow },
  native: { application_type: 'native', token_endpoint_auth_method: 'none', ...codeFlow },
  machine: {
    application_type: 'web',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    response_types: [],
  },
  saml: {
    application_type: 'web',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code'],
    response_types: ['code'],
  },
};

/** Fills in what a client of that type did not say. Grants without a redirect need no response type. */
export function withDefaults(type: ClientType, given: Partial<ClientMetadata>): ClientMetadata {
  const defaults = typeDefaults[type];
  const grants = given.grant_types ?? defaults.grant_types;
  const redirects = grants.includes('authorization_code') || grants.includes('implicit');
  return { ...defaults, ...(redirects ? {} : { response_types: [] }), redirect_uris: [], ...given };
}

/** The type of a client that registered itself: RFC 7591 has no such member, so it follows from the others. */
export function typeOfRegistered(metadata: GivenMetadata): ClientType {
  const grants = metadata.grant_types ?? ['authorization_code'];
  if (!grants.some((grant) => grant === 'authorization_code' || grant === 'implicit' || grant === DEVICE_GRANT))
    return 'machine';
  if (metadata.application_type === 'native') return 'native';
  return metadata.token_endpoint_auth_method === 'none' ? 'spa' : 'web';
}
