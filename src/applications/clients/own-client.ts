import { instance, type Policies } from '#settings/module.ts';
import type { KnownClient } from './known-client.ts';

/** The client id of our own pages. No row of the table can have this id. */
export const OWN_CLIENT_ID = 'latchkey-pages';
/** Where the browser comes back to after it. */
export const OWN_RETURN_PATH = '/session/return';

/**
 * Our own pages as a relying party: they sign in through the provider like every client. Built in, so that it can neither
 * be listed nor changed nor deleted. It never redeems a code: what it wants is the session, which it reads.
 */
export function ownClient(issuer: string, policies: Policies<'branding'>): () => KnownClient {
  let built: KnownClient | undefined;
  return () => {
    const { name } = policies.for(instance).branding;
    if (built?.name !== name) built = build(issuer, name);
    return built;
  };
}

function build(issuer: string, name: string): KnownClient {
  const metadata = {
    application_type: 'web',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    redirect_uris: [`${issuer}${OWN_RETURN_PATH}`],
    scope: 'openid',
  } satisfies KnownClient['metadata'];
  return Object.freeze({
    clientId: OWN_CLIENT_ID,
    name,
    type: 'web',
    profile: 'default',
    firstParty: true,
    registered: false,
    metadata,
    apis: {},
    secrets: [],
    engine: Object.freeze({
      ...metadata,
      client_id: OWN_CLIENT_ID,
      client_name: name,
      client_uri: `${issuer}/account`,
    }),
  });
}
