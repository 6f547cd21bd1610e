/**
 * connections: upstream identity providers.
 *
 * Owns    the tables connection, connection_test, saml_identity_provider and used_upstream_state; the table of providers; requests to
 *         them, checks of their answers, profiles in one form; where users of a domain sign in (home-realms.ts); this instance as a
 *         service provider of SAML (saml/).
 * Leaves  who the user of a profile is, the pages, the cookie and the callback address to sign-in/federation.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import type { IdentityTokens } from '#directory/identities/module.ts';
import type { Config } from '#kernel/config.ts';
import type { Throttle } from '#kernel/throttle.ts';
import { applyEnvironment } from './environment-connections.ts';
import { type ConnectionDependencies, ConnectionService } from './connection-service.ts';
import { ConnectionTests } from './connection-tests.ts';
import { Connection } from './connection.ts';
import { type HomeRealmDependencies, HomeRealms } from './home-realms.ts';
import { KnownConnections } from './known-connections.ts';
import { createSaml, type SamlDependencies } from './saml/saml.ts';
import { UpstreamLogout } from './upstream-logout.ts';
import { UpstreamSignIn, type UpstreamDependencies } from './upstream-sign-in.ts';
import { UpstreamTokens } from './upstream-tokens.ts';
import { callbackUrl, UsableConnections, type UsableDependencies } from './usable-connections.ts';
import { UsedStates } from './used-states.ts';

export type Dependencies = ConnectionDependencies & {
  tokens: IdentityTokens;
  audit: Pick<AuditLog, 'record' | 'note'>;
  throttle: Pick<Throttle, 'consume'>;
} & Omit<UpstreamDependencies, 'known' | 'states' | 'usable' | 'saml'> &
  Omit<SamlDependencies, 'used' | 'usable' | 'audit'> &
  UsableDependencies &
  ConstructorParameters<typeof KnownConnections>[0] &
  Pick<HomeRealmDependencies, 'domains' | 'users' | 'isOwner'>;

/** Creates the administration of connections and the sign-in at their providers. */
export function createConnections(dependencies: Dependencies) {
  const { clock, database, issuer } = dependencies;
  const connections = new ConnectionService(dependencies);
  const states = new UsedStates(clock, database);
  const known = new KnownConnections(dependencies);
  const usable = new UsableConnections(dependencies);
  const saml = createSaml({ ...dependencies, used: states, usable });
  const parts = { ...dependencies, known, states, usable, saml: saml.protocol, samlLogout: saml.logout };
  return {
    connections,
    /** Brings the connections in the database to what the variables of this process say. */
    applyEnvironment: (variables: Config['connectionVariables']) => applyEnvironment(variables, connections),
    known,
    homeRealms: new HomeRealms(parts),
    callbackUrl: (connection: Connection) =>
      connection.provider === 'saml' ? saml.serviceProvider(connection).acsUrl : callbackUrl(issuer, connection.slug),
    serviceProvider: saml.serviceProvider,
    saml: saml.connections,
    samlServiceProvider: saml.ours,
    tests: new ConnectionTests(dependencies),
    states,
    upstream: new UpstreamSignIn(parts),
    logout: new UpstreamLogout(parts),
    upstreamTokens: new UpstreamTokens(parts),
    /** The slugs of the connections of the instance at which users can sign in now. */
    openSlugs: async () => (await known.offered(null)).map(({ slug }) => slug),
  };
}

export { Connection };
export { ConnectionTest } from './connection-tests.ts';
export { SamlIdentityProvider } from './saml/identity-provider.ts';
export { UsedUpstreamState } from './used-states.ts';
