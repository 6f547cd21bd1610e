/** The OpenID provider, and what it knows of people: their consents and their signed-in browsers. */
import { ConsentService } from '#consent/module.ts';
import { OWN_CLIENT_ID, OWN_RETURN_PATH } from '#clients/module.ts';
import { hasConfirmed } from '#credentials/module.ts';
import { createAddressResolver } from '#kernel/http/client-address.ts';
import { createClientCertificates } from '#kernel/http/client-certificate.ts';
import { KEY_SET_LIMITS } from '#kernel/http/outbound.ts';
import { languages } from '#kernel/i18n.ts';
import { createDevice } from '#device/module.ts';
import { createLogout } from '#logout/module.ts';
import { createOidc } from '#oidc/module.ts';
import { createSessions } from '#sessions/module.ts';
import type { UserId } from '#users/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';

export type Provider = ReturnType<typeof createProvider>;

export function createProvider(
  kernel: Kernel,
  { audit, policies, settings, look, users, activePeople, clients, keys, credentials, access, held }: Nouns,
) {
  const { config, clock, keyRing, database, outbound, jobs, throttle, redis, metrics, invalidation } = kernel;
  const consents = new ConsentService({
    clock,
    database,
    audit,
    invalidation,
    access,
  });
  const logout = createLogout({ users, signInUrl: config.embedded ? '/demo' : null });
  const device = createDevice({ clock, users, apis: clients.apiLookup });
  /** The page, in the brand of the client that it names. */
  const inBrand =
    <C extends { state: object }, P extends { client: { id: string } | null }>(
      page: (ctx: C, content: P) => Promise<void>,
    ) =>
    async (ctx: C, content: P): Promise<void> => {
      if (content.client) await look.branding.dress(ctx as never, content.client.id);
      return page(ctx, content);
    };
  const oidc = createOidc({
    config,
    clock,
    keyRing,
    database,
    audit,
    policies,
    settings,
    users: {
      findForClaims: (id) => users.findForClaims(id),
      isActive: (accountId) => activePeople.isActive(accountId),
    },
    clients: {
      findForEngine: (clientId) => clients.lookup.findForEngine(clientId),
      verifySecret: (clientId, secret) => clients.lookup.verifySecret(clientId, secret),
      saveRegistered: (metadata) => clients.registered.saveRegistered(metadata),
      removeRegistered: (clientId) => clients.registered.removeRegistered(clientId),
    },
    hasOrigin: (origin) => clients.origins.has(origin),
    apis: clients.apiLookup,
    keys: keys.service,
    findConsent: async (accountId, clientId) =>
      (await clients.lookup.find(clientId))?.firstParty ? 'everything' : consents.find(accountId as UserId, clientId),
    held,
    pages: {
      ...logout.pages,
      ...device.pages,
      confirmLogout: inBrand(logout.pages.confirmLogout),
      deviceConfirm: inBrand(device.pages.deviceConfirm),
    },
    languages: Object.keys(languages),
    certificates:
      config.tls?.clientCaFile || config.clientCertHeader
        ? createClientCertificates({
            header: config.clientCertHeader,
            addresses: createAddressResolver(config.trustedProxies),
          })
        : null,
    fetch: outbound.limited(KEY_SET_LIMITS),
    fetchKeys: outbound.logged(KEY_SET_LIMITS),
    jobs,
    throttle,
    redis,
    countToken: metrics?.countToken,
  });
  const { sessions, ownPages, routes } = createSessions({
    config,
    clock,
    keyRing,
    database,
    access,
    users,
    browsers: oidc.browsers,
    current: oidc.current,
    client: { id: OWN_CLIENT_ID, returnPath: OWN_RETURN_PATH },
    reachable: async (userId) => {
      const person = await credentials.secondFactorOverviews.find(userId);
      return person !== null && hasConfirmed(person) ? 2 : 1;
    },
  });
  return { consents, oidc, sessions, ownPages, routes: [routes] };
}
