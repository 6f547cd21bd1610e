/**
 * apis: APIs, the audiences of access tokens.
 *
 * Owns    the table api_resource: identifiers, scopes, formats and lifetimes of access tokens; the management API, which is built in.
 * Leaves  the access of clients to APIs to clients, the tokens to oidc.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import { createCache, keptWhenFound } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import { ApiLookup, type KnownApi, ownApi } from './api-lookup.ts';
import { ApiService } from './api-service.ts';
import type { ClientLookup } from '#applications/clients/module.ts';
import { MOST_KEPT_CLIENTS } from '#applications/clients/limits.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
  clients: Pick<ClientLookup, 'find'>;
  /** The scopes of the management API, and what each of them allows. */
  ownScopes: Readonly<Record<string, string>>;
};

/** Creates the API service and its cached look-up. */
export function createApis({ clients, invalidation, ownScopes, ...deps }: Dependencies) {
  const cache = createCache<KnownApi | null>({
    name: 'apis',
    clock: deps.clock,
    invalidation,
    maxEntries: MOST_KEPT_CLIENTS,
    ttl: keptWhenFound,
  });
  return {
    apis: new ApiService({ ...deps, changed: (identifier) => cache.drop(identifier) }),
    /** The hot path. */
    lookup: new ApiLookup({ ...deps, clients, cache, ownApi: ownApi(ownScopes) }),
  };
}

export { ApiResource } from './api-resource.ts';
export type { ApiLookup } from './api-lookup.ts';
export { OWN_API, ownApi } from './api-lookup.ts';
