/**
 * clients: OAuth clients, which users know as applications.
 *
 * Owns    the tables client, client_secret and retired_client_id; the allowed redirect URIs, grants, algorithms and APIs of a
 *         client; its secrets; clients that registered dynamically.
 * Leaves  the APIs to applications/apis, the protocol to oidc, the right to register to the settings.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import { createCache, keptWhenFound } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { Policies } from '#settings/module.ts';
import { type CachedClient, ClientLookup } from './client-lookup.ts';
import { ClientOrigins } from './client-origins.ts';
import { ClientRights, type OwnApi } from './client-rights.ts';
import { ClientSecrets } from './client-secrets.ts';
import { ClientService, type KnownApis } from './client-service.ts';
import { HybridClients } from './hybrid-clients.ts';
import { EXPLORER_PATH, explorerClient } from './explorer-client.ts';
import { metadataReader } from './metadata-rules.ts';
import { ownClient } from './own-client.ts';
import { RegisteredClients } from './registered-clients.ts';
import { MOST_KEPT_CLIENTS } from './limits.ts';

export type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'sql' | 'transaction'>;
  keyRing: KeyRing;
  audit: Pick<AuditLog, 'record'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
  issuer: string;
  /** Every URL of a path of ours: at the issuer and at its aliases. */
  ownUrls: (path: string) => readonly string[];
  policies: Policies<'branding' | 'oidc' | 'api'>;
  /** Null where no client certificate can reach this instance (RFC 8705). */
  certificates: object | null;
  ownApi: OwnApi;
  /** All APIs; null for one that does not exist. */
  apis: KnownApis;
};

/** Creates the client service, its cached look-up, and self-registered clients. */
export function createClients({
  invalidation,
  issuer,
  ownUrls,
  policies,
  certificates,
  ownApi,
  ...deps
}: Dependencies) {
  const cache = createCache<CachedClient>({
    name: 'clients',
    clock: deps.clock,
    invalidation,
    maxEntries: MOST_KEPT_CLIENTS,
    ttl: keptWhenFound,
  });
  const origins = new ClientOrigins(deps.clock, deps.database);
  const hybrid = new HybridClients(deps.clock, deps.database);
  const changed = (clientId: string): Promise<void> => {
    origins.forget();
    hybrid.forget();
    return cache.drop(clientId);
  };

  const lookup = new ClientLookup({
    ...deps,
    issuer,
    cache,
    ownClient: ownClient(issuer, policies),
    explorerClient: explorerClient({ issuer, redirectUris: ownUrls(EXPLORER_PATH), api: ownApi.identifier }, policies),
  });
  const rights = new ClientRights(ownApi);
  const secrets = new ClientSecrets({ ...deps, rights, changed });
  const readMetadata = metadataReader(policies, certificates);
  return {
    clients: new ClientService({ ...deps, secrets, rights, readMetadata, changed }),
    secrets,
    registered: new RegisteredClients({ ...deps, secrets, readMetadata, changed }),
    /** The hot path. */
    lookup,
    origins,
    hybrid,
  };
}

export { purgeExpiredSecrets } from './client-secrets.ts';
export { Client, RetiredClientId, takeClient } from './client.ts';
export { unsafeClients } from './unsafe-clients.ts';
export { tokenGrantTypes } from './client-metadata.ts';
export { isUsableJwk } from './client-jwks.ts';
export { ClientSecret } from './client-secret.ts';
export type { ClientLookup } from './client-lookup.ts';
export { type ClientProfile, HYBRID_RESPONSE } from './client-profile.ts';
export type { ClientService } from './client-service.ts';
export { isRegisteredUri } from './redirect-uri.ts';
export { EXPLORER_CLIENT_ID } from './explorer-client.ts';
export { OWN_CLIENT_ID, OWN_RETURN_PATH } from './own-client.ts';
export { samlReturnPath } from './saml-client.ts';
export { PROFILE_MEMBER } from './engine-metadata.ts';
export type { Mapping } from './mapped-claims.ts';
export { ownMember, ownMembers } from './own-members.ts';
