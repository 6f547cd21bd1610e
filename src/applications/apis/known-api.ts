import type { ApiResource, ApiScope } from './api-resource.ts';
import { DEFAULT_TOKEN_SECONDS } from '#applications/clients/limits.ts';

/** An API as it is asked about on each request; read-only, and as old as a few seconds. */
export type KnownApi = Readonly<
  Pick<ApiResource, 'identifier' | 'name' | 'tokenFormat' | 'accessTokenSeconds' | 'signingAlg'>
> & { readonly scopes: readonly ApiScope[] };

/** The `resource` (RFC 8707) and the audience of tokens for the management API: the same on every instance, whatever its address. */
export const OWN_API = 'urn:latchkey:api';

/** The management API. It is built in; its tokens are opaque, so that a revoked token is invalid at once. */
export const ownApi = (scopes: Readonly<Record<string, string>>): KnownApi =>
  Object.freeze({
    identifier: OWN_API,
    name: 'Latchkey API',
    scopes: Object.entries(scopes).map(([name, description]) => ({ name, description })),
    tokenFormat: 'opaque',
    accessTokenSeconds: DEFAULT_TOKEN_SECONDS,
    signingAlg: 'ES256',
  });
