/**
 * connections: upstream identity providers.
 *
 * Owns    the tables connection and used_upstream_state; the table of providers; requests to them, checks of their answers,
 *         profiles in one form.
 * Leaves  who the user of a profile is, the pages, the cookie and the callback address to sign-in/federation.
 * URLs    none.
 */
import { type ConnectionDependencies, ConnectionService } from './connection-service.ts';
import { KnownConnections } from './known-connections.ts';
import { callbackUrl, UpstreamSignIn, type UpstreamDependencies } from './upstream-sign-in.ts';
import { UsedStates } from './used-states.ts';

export type Dependencies = ConnectionDependencies &
  Omit<UpstreamDependencies, 'known' | 'states'> &
  ConstructorParameters<typeof KnownConnections>[0];

/** Creates the administration of connections and the sign-in at their providers. */
export function createConnections(dependencies: Dependencies) {
  const { clock, database, issuer } = dependencies;
  const states = new UsedStates(clock, database);
  const known = new KnownConnections(dependencies);
  return {
    connections: new ConnectionService(dependencies),
    callbackUrl: (slug: string) => callbackUrl(issuer, slug),
    states,
    upstream: new UpstreamSignIn({ ...dependencies, known, states }),
    /** The slugs of the connections of the instance at which users can sign in now. */
    openSlugs: async () => (await known.offered(null)).map(({ slug }) => slug),
  };
}

export { Connection } from './connection.ts';
export { UsedUpstreamState } from './used-states.ts';
