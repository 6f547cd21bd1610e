/** The OpenID provider, and what it knows of users: their consents and their signed-in browsers. */
import { ConsentService } from '#oidc/consents/module.ts';
import { OWN_CLIENT_ID, OWN_RETURN_PATH } from '#applications/clients/module.ts';
import { clientCertificatesOf } from '#kernel/http/client-certificate.ts';
import { languages } from '#kernel/i18n.ts';
import { createDevice } from '#sign-in/device/module.ts';
import { createLogout } from '#sign-in/logout/module.ts';
import { createOidc, KnownStore } from '#oidc/module.ts';
import { beganIn, browserCookies, PasskeysHere, RememberedAccounts, Ways } from '#sign-in/interaction/module.ts';
import { createUpstreamRequests } from '#sign-in/federation/module.ts';
import { createSessions } from '#oidc/sessions/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { SamlRecords } from './saml-messages.ts';
import { KEY_SET_LIMITS } from '#kernel/http/limits.ts';

export type Provider = ReturnType<typeof createProvider>;

/** Creates the OpenID provider with consents and sessions, and what the browsers of users remember. */
export function createProvider(
  kernel: Kernel,
  {
    audit,
    policies,
    settings,
    look,
    users,
    knownUsers,
    activity,
    clients,
    apis,
    keys,
    credentials,
    accessRevocation,
    held,
    texts,
    knownOrganizations,
    organizations,
    effective,
    organizationClients,
    organizationChoices,
    connections,
    identities,
  }: Nouns,
  { elsewhere: logoutElsewhere, launches }: SamlRecords,
) {
  const { config, clock, keyRing, database, outbound, jobs, throttle, redis, log, metrics, invalidation } = kernel;
  const { dress } = look.branding;
  const consents = new ConsentService({
    clock,
    database,
    audit,
    invalidation,
    accessRevocation,
    clients: clients.lookup,
  });
  const upstream = createUpstreamRequests({
    config,
    clock,
    database,
    keyRing,
    policies,
    browsers: held.browsers,
    accessRevocation,
    providers: connections.upstream,
    realms: connections.homeRealms,
    log,
    logout: connections.logout,
    tokens: identities.tokens,
  });
  const logout = createLogout({
    users,
    upstream: upstream.signOut,
    signInUrl: config.embedded ? '/demo' : null,
    dress,
  });
  const knownStore = new KnownStore({
    known: knownOrganizations,
    members: organizations.members,
    allowsClient: (id, clientId) => organizationClients.allowedSince(id, clientId),
    effective,
  });
  const device = createDevice({ clock, users, apis: apis.lookup, dress });
  const oidc = createOidc({
    config,
    clock,
    keyRing,
    database,
    audit,
    policies,
    settings,
    users: {
      find: (id) => knownUsers.find(id),
      isActive: (accountId) => knownUsers.isActive(accountId),
    },
    clients: {
      findForEngine: (clientId) => clients.lookup.findForEngine(clientId),
      isDisabled: (clientId) => clients.lookup.isDisabled(clientId),
      hasHybrid: () => clients.hybrid.exist(),
      verifySecret: (clientId, secret) => clients.lookup.verifySecret(clientId, secret),
      saveRegistered: (metadata) => clients.registered.saveRegistered(metadata),
      removeRegistered: (clientId) => clients.registered.removeRegistered(clientId),
    },
    hasOrigin: (origin) => clients.origins.has(origin),
    apis: apis.lookup,
    keys: keys.service,
    findConsent: (accountId, clientId) => consents.findForEngine(accountId, clientId),
    organizations: knownStore,
    ways: {
      beganIn,
      findDemandedConnections: (accountId) => connections.homeRealms.connectionsDemandedOf(accountId),
    },
    findChosenOrganization: (accountId, clientId) => organizationChoices.find(accountId, clientId),
    held,
    logoutElsewhere,
    pages: {
      confirmLogout: logout.pages.confirmLogout,
      leaveUpstream: logout.pages.leaveUpstream,
      offerUpstream: logout.pages.offerUpstream,
      loggedOut: logout.pages.loggedOut,
      deviceCode: device.pages.deviceCode,
      deviceRefused: device.pages.deviceRefused,
      deviceConfirm: device.pages.deviceConfirm,
      deviceDone: device.pages.deviceDone,
    },
    languages: Object.keys(languages),
    certificates: clientCertificatesOf(config),
    fetch: outbound.limited(KEY_SET_LIMITS),
    fetchKeys: outbound.logged(KEY_SET_LIMITS),
    jobs,
    throttle,
    redis,
    log,
    countToken: metrics?.countToken,
    activity,
  });
  const cookies = browserCookies(config.issuerUrl);
  const ways = new Ways({ policies, passkeys: credentials.passkeys, texts });
  const remembered = new RememberedAccounts({ clock, keyRing, policies, ways, cookies });
  const passkeysHere = new PasskeysHere({ clock, keyRing, policies, cookies });
  const { sessions, ownPages, recentProof, routes } = createSessions({
    config,
    clock,
    keyRing,
    database,
    accessRevocation,
    users,
    browsers: oidc.browsers,
    current: oidc.current,
    client: { id: OWN_CLIENT_ID, returnPath: OWN_RETURN_PATH },
    remembered,
    demandedConnections: (user) => connections.homeRealms.demandedOf(user),
    reachable: (userId) => credentials.secondFactorOverviews.reachableLevel(userId),
  });
  return {
    consents,
    oidc,
    knownStore,
    launches,
    cookies,
    ways,
    remembered,
    passkeysHere,
    sessions,
    ownPages,
    recentProof,
    upstream,
    routes: [routes, device.routes],
  };
}
