import { instance, type Policies } from '#settings/module.ts';
import { ALL_SCOPES } from './api-access.ts';
import type { KnownClient } from './known-client.ts';

/** The client id of the explorer of the management API. No row of the table can have this id. */
export const EXPLORER_CLIENT_ID = 'latchkey-api-docs';
/** The page to which the browser comes back. */
export const EXPLORER_PATH = '/api/docs';

/**
 * The explorer of the management API as a relying party: public, with PKCE, and with the redirect URIs of the present addresses.
 * Built in, so that it exists at the first start and can neither be listed nor changed. The setting `api.explorer` turns it off: it is then
 * null, like a client that does not exist. A token of it has the rights of the user who signed in, and no more.
 */
export function explorerClient(
  { issuer, redirectUris, api }: { issuer: string; redirectUris: readonly string[]; api: string },
  policies: Policies<'branding' | 'api'>,
): () => KnownClient | null {
  let built: KnownClient | undefined;
  return () => {
    const { api: own, branding } = policies.for(instance);
    if (own.explorer === 'off') return null;
    const name = `${branding.name} API`;
    if (built?.name !== name) built = build(name, { issuer, redirectUris, api });
    return built;
  };
}

function build(
  name: string,
  { issuer, redirectUris, api }: { issuer: string; redirectUris: readonly string[]; api: string },
): KnownClient {
  const metadata = {
    application_type: 'web',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    redirect_uris: [...redirectUris],
    scope: 'openid',
  } satisfies KnownClient['metadata'];
  return Object.freeze({
    clientId: EXPLORER_CLIENT_ID,
    name,
    type: 'spa',
    profile: 'default',
    firstParty: true,
    registered: false,
    metadata,
    apis: { [api]: [ALL_SCOPES] },
    secrets: [],
    engine: Object.freeze({
      ...metadata,
      client_id: EXPLORER_CLIENT_ID,
      client_name: name,
      client_uri: `${issuer}${EXPLORER_PATH}`,
    }),
  });
}
