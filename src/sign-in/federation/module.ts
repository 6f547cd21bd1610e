/**
 * federation: sign-in by upstream providers.
 *
 * Owns    the tables federation_attempt and upstream_session, the decision which account belongs to an identity (resolve-user.ts), the callback of providers,
 *         views/sign-in/federation.
 * Leaves  the protocols of providers to connections, linked identities to directory/identities, new accounts to registration, the
 *         next step to interaction/next-step.
 * URLs    /interaction/:uid/federation and below, /federation/:connection/callback, backchannel-logout, frontchannel-logout, signed-out,
 *         /federation/:connection/test/:link and below, /saml/:connection/acs, landing, metadata, request and slo.
 */
import { byUser } from '#audit/module.ts';
import { beginsWith } from '#credentials/module.ts';
import type { IdentityTokens } from '#directory/identities/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { type Context, visitorOf } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import { parseId } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import { leadingOut, type Mount, READ_AND_SEND } from '#kernel/http/mounts.ts';
import { instance, type Policies } from '#settings/module.ts';
import type {
  Interaction,
  OfferedProvider,
  ProviderButtons,
  SignInEnd,
  SignInStep,
  Upstream,
} from '#sign-in/interaction/module.ts';
import { type ArrivalDependencies, Arrivals } from './arrivals.ts';
import { Attempts } from './attempts.ts';
import { callbackRoutes } from './callback-routes.ts';
import { LARGEST_SAML_FORM, PROVIDER_REMEMBERED_FOR } from './limits.ts';
import { leads, type Realms } from './leads.ts';
import { Linking } from './linking.ts';
import { federationRoutes, type RouteDependencies } from './routes.ts';
import { type SamlRouteDependencies, samlRoutes } from './saml-routes.ts';
import { type ConnectionTests, testRoutes } from './test-routes.ts';
import { type UpstreamLogoutDependencies, upstreamLogoutRoutes } from './upstream-logout-routes.ts';
import { type UpstreamProviders, UpstreamRequests } from './upstream-requests.ts';
import { UpstreamSessions } from './upstream-sessions.ts';
import { UpstreamSignOut } from './upstream-sign-out.ts';

type RequestDependencies = {
  config: Pick<Config, 'issuer' | 'issuerUrl'>;
  clock: Clock;
  database: Database;
  keyRing: Pick<KeyRing, 'seal' | 'open'>;
  policies: Policies<'signIn'>;
  providers: UpstreamProviders;
  realms: Realms;
  log: Pick<Log, 'info'>;
  tokens: Pick<IdentityTokens, 'keep'>;
  logout: ConstructorParameters<typeof UpstreamSignOut>[0]['providers'];
} & ConstructorParameters<typeof UpstreamSessions>[0];

/** Creates the requests to upstream providers, for sign-ins and for links; and the buttons that begin them. */
export function createUpstreamRequests(dependencies: RequestDependencies) {
  const { config, policies, providers, realms, log } = dependencies;
  const attempts = new Attempts(dependencies);
  const requests = new UpstreamRequests(providers, attempts, config.issuer);
  const sessions = new UpstreamSessions(dependencies);
  const lastProviderCookie = browserCookie(config.issuerUrl, 'provider', { maxAge: PROVIDER_REMEMBERED_FOR });
  /** The providers that a sign-in can begin with; none where policy closes that way. */
  async function offered(organization: string | null): Promise<readonly OfferedProvider[]> {
    const organizationId = organization === null ? null : parseId('org', organization);
    return isOpenFor(organization) ? providers.offered({ organizationId }) : [];
  }
  function isOpenFor(organization: string | null): boolean {
    const { methods: opened } = policies.for(organization === null ? instance : { organization }).signIn;
    return beginsWith('federation', opened);
  }
  return {
    attempts,
    requests,
    lastProviderCookie,
    lastUsed: (ctx: Context): string | null => lastProviderCookie.read(ctx) ?? null,
    offered,
    ...leads({ providers, realms, log, isOpenFor }),
    sessions,
    signOut: new UpstreamSignOut({ ...dependencies, sessions, issuer: config.issuer, providers: dependencies.logout }),
    linking: new Linking(requests, () => offered(null), dependencies.tokens),
    /** Whether the sign-in may go on at a provider after the page for the address: the last page of ours then has the box. */
    mayLeadAway: async ({ providers: shown }: Interaction): Promise<boolean> =>
      shown.length > 0 || (isOpenFor(null) && (await providers.haveOrganizations())),
    /** For the pages of other steps that show the buttons. */
    buttons: (ctx: Context, { path, providers: shown }: Interaction): ProviderButtons => ({
      action: `${path}/federation`,
      providers: shown,
      lastProvider: lastProviderCookie.read(ctx) ?? null,
    }),
  };
}

export type Dependencies = ArrivalDependencies & {
  upstream: Pick<
    ReturnType<typeof createUpstreamRequests>,
    'attempts' | 'requests' | 'lastProviderCookie' | 'sessions' | 'signOut'
  >;
  config: Pick<Config, 'issuerUrl'>;
  tests: ConnectionTests;
} & Pick<RouteDependencies, 'invitationCookie' | 'createUrl'> &
  Pick<SamlRouteDependencies, 'serviceProvider' | 'initiateLogin' | 'applications'> &
  Pick<UpstreamLogoutDependencies, 'logout'>;

/** Creates the sign-in by upstream providers. */
export function createFederation(dependencies: Dependencies): SignInStep {
  const { attempts, requests, lastProviderCookie, sessions, signOut } = dependencies.upstream;
  const { config, tests, serviceProvider, initiateLogin, applications } = dependencies;
  const arrivals = new Arrivals(dependencies);
  const link = mailedLink(config.issuerUrl, 'connection-test');
  /** Whether the identity that waits is of this user. A new account says how it was made. */
  const isOf = (upstream: Upstream, { userId, facts }: SignInEnd): boolean =>
    upstream.userId === null ? facts.chosenMethod !== null : upstream.userId === userId;
  return {
    name: 'federation',
    routes: (interactions) => [
      federationRoutes({ ...dependencies, interactions, requests, arrivals, sessions, lastProviderCookie }),
      callbackRoutes(attempts),
      samlRoutes({ attempts, arrivals, sessions, signOut, serviceProvider, initiateLogin, applications }),
      testRoutes({ requests, tests, link }),
      upstreamLogoutRoutes({ sessions, signOut, logout: dependencies.logout }),
    ],
    ending(_ctx, end) {
      const { uid, userId, upstream, facts, sessionId } = end;
      const isProved = facts.proofs.some(({ factor }) => factor === 'federation');
      return isProved || (upstream !== null && isOf(upstream, end)) ? [sessions.begun(uid, userId, sessionId)] : [];
    },
    async signedIn(ctx, end) {
      const { uid, userId, upstream, question } = end;
      if (upstream === null || !isOf(upstream, end)) return;
      await arrivals.linkWaiting(upstream, userId, byUser(userId, visitorOf(ctx), question.client.id));
      const identity = { ...upstream, connection: upstream.connection.slug };
      await arrivals.keepTokens(userId, identity, await sessions.takeTokens(uid));
    },
  };
}

/** In addition to the pages below /interaction. */
export const federationMounts: readonly Mount[] = [
  { path: '/federation/*', audience: 'page', methods: READ_AND_SEND, getActs: true, ...leadingOut },
  // Answers may be large.
  {
    path: '/saml/*',
    audience: 'page',
    methods: READ_AND_SEND,
    getActs: true,
    ...leadingOut,
    bodyLimit: LARGEST_SAML_FORM,
  },
];

export { FederationAttempt } from './attempts.ts';
export { UpstreamSession } from './upstream-sessions.ts';
