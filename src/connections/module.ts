/**
 * connections: upstream identity providers.
 *
 * Owns    the tables connection and used_upstream_state; the table of providers; requests to them, checks of their answers,
 *         profiles in one form; where users of a domain sign in (home-realms.ts).
 * Leaves  who the user of a profile is, the pages, the cookie and the callback address to sign-in/federation.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import type { IdentityTokens } from '#directory/identities/module.ts';
import { type ConnectionDependencies, ConnectionService } from './connection-service.ts';
import { type HomeRealmDependencies, HomeRealms } from './home-realms.ts';
import { KnownConnections } from './known-connections.ts';
import { UpstreamLogout } from './upstream-logout.ts';
import { UpstreamSignIn, type UpstreamDependencies } from './upstream-sign-in.ts';
import { UpstreamTokens } from './upstream-tokens.ts';
import { callbackUrl, UsableConnections, type UsableDependencies } from './usable-connections.ts';
import { UsedStates } from './used-states.ts';

export type Dependencies = ConnectionDependencies & {
  tokens: IdentityTokens;
  audit: Pick<AuditLog, 'record' | 'note'>;
} & Omit<UpstreamDependencies, 'known' | 'states' | 'usable'> &
  UsableDependencies &
  ConstructorParameters<typeof KnownConnections>[0] &
  Pick<HomeRealmDependencies, 'domains' | 'users' | 'isOwner'>;

/** Creates the administration of connections and the sign-in at their providers. */
export function createConnections(dependencies: Dependencies) {
  const { clock, database, issuer } = dependencies;
  const states = new UsedStates(clock, database);
  const known = new KnownConnections(dependencies);
  const usable = new UsableConnections(dependencies);
  const parts = { ...dependencies, known, states, usable };
  return {
    connections: new ConnectionService(dependencies),
    homeRealms: new HomeRealms(parts),
    callbackUrl: (slug: string) => callbackUrl(issuer, slug),
    states,
    upstream: new UpstreamSignIn(parts),
    logout: new UpstreamLogout(parts),
    upstreamTokens: new UpstreamTokens(parts),
    /** The slugs of the connections of the instance at which users can sign in now. */
    openSlugs: async () => (await known.offered(null)).map(({ slug }) => slug),
  };
}

export { Connection } from './connection.ts';
export { UsedUpstreamState } from './used-states.ts';
