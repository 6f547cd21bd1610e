/**
 * oidc: the OpenID provider.
 *
 * Owns    the engine (node-oidc-provider): its configuration, its artifacts (table oidc_artifact), claims, grants, the
 *         discovery documents and every endpoint below /oidc; the table of access revocation (sessions/access-revocation.ts). The
 *         only importer of the engine.
 * Leaves  the pages of users to sign-in, clients to applications/clients, signing keys to oidc/keys, consents to oidc/consents.
 * URLs    /.well-known/openid-configuration, /.well-known/oauth-authorization-server, /oidc/*.
 */
import compose from 'koa-compose';
import type { Middleware } from 'koa';
import type { Middleware as PageMiddleware } from '#kernel/http/context.ts';
import type { JSONWebKeySet } from 'jose';
import type { AuditLog } from '#audit/module.ts';
import type { Config } from '#kernel/config.ts';
import { noteFault } from '#kernel/http/error-boundary.ts';
import type { ClientCertificates } from '#kernel/http/client-certificate.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Jobs } from '#kernel/jobs.ts';
import type { Log } from '#kernel/log.ts';
import type { RedisPort } from '#kernel/redis/port.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { Policies, SettingsService, UserPolicies } from '#settings/module.ts';
import type { KnownUsers, UserActivity, UserId } from '#directory/users/module.ts';
import { AccessTokens } from './access-tokens.ts';
import { RecentChecks } from './recent-checks.ts';
import { CompletedSignIns } from './completed-sign-ins.ts';
import { TokenSubjects } from './token-subjects.ts';
import type { Kind } from './artifacts/artifact-store.ts';
import { createStorage } from './artifacts/storage.ts';
import { settleClientAuthentication } from './client-authentication/client-authentication.ts';
import { ClientFailures } from './client-authentication/client-failures.ts';
import { clientAdapter, type ClientStore } from './client-store.ts';
import { InitialTokens } from './registration/initial-tokens.ts';
import { configuration, sessionCookie } from './configuration.ts';
import { cookieSignatures } from './cookie-signatures.ts';
import { closeToStrangers } from './cors.ts';
import type { Engine } from './engine.ts';
import { createEngine } from './patches/patches.ts';
import { ClaimsPreview } from './told-claims/claims-preview.ts';
import { constantDocuments, type HybridClients } from './discovery.ts';
import { noteActivity, noteEvents, recordEvents } from './engine-events.ts';
import { requestsOfEngine } from './requests/requests-of-engine.ts';
import type { FindConsent } from './authority/authority.ts';
import { CurrentAuthority } from './authority/current-authority.ts';
import { GoneSignIns } from './gone-sign-ins.ts';
import { Interactions } from './interactions.ts';
import { BegunSignIns } from './sessions/begun-sign-ins.ts';
import { AppGrants } from './sessions/app-grants.ts';
import { CurrentSessions } from './sessions/current-session.ts';
import type { HeldSessions } from './sessions/held-sessions.ts';
import { type LogoutElsewhere, settleLogoutReturn } from './sessions/logout-return.ts';
import { deliverLogoutNotices } from './sessions/backchannel-logout.ts';
import { ownPages } from './pages/own-pages.ts';
import { pageLanguage } from './pages/page-language.ts';
import type { EnginePages } from './pages/pages.ts';
import { sayForDevice } from './device/device-claim.ts';
import { DeviceForms } from './device/device-forms.ts';
import { ShownDevices } from './device/shown-devices.ts';
import { limitRegistrations } from './registration/registration-limit.ts';
import { OrganizationClaims } from './organizations/organization-claims.ts';
import { OrganizationRequests, type SignInWays } from './organizations/organization-requests.ts';
import type { FindChosenOrganization, OrganizationStore } from './organizations/organization-store.ts';
import type { ApiStore } from './resources.ts';

export type Dependencies = {
  config: Pick<Config, 'issuer' | 'issuerUrl' | 'issuerAliases'>;
  clock: Clock;
  keyRing: KeyRing;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'oidc' | 'profile' | 'session' | 'limits' | 'mfa' | 'signIn' | 'networks'> &
    UserPolicies<'session' | 'mfa' | 'signIn' | 'networks'>;
  ways: SignInWays;
  settings: Pick<SettingsService, 'onChange'>;
  users: Pick<KnownUsers, 'find'> & {
    /** Answers from memory for a few seconds; nodes notify each other of changes. */
    isActive(accountId: string): Promise<boolean>;
  };
  clients: ClientStore & HybridClients;
  /** Whether some browser app lives at an origin. */
  hasOrigin(origin: string): Promise<boolean>;
  apis: ApiStore;
  keys: {
    findSigningKeys(): readonly Record<string, unknown>[];
    publishedJwks(): { readonly keys: readonly unknown[] };
    onChange(listener: () => void): void;
  };
  findConsent: FindConsent;
  /** Read with every use of a token that is for an organization. */
  organizations: OrganizationStore;
  /** The choice that a user made the last time. */
  findChosenOrganization: FindChosenOrganization;
  held: HeldSessions;
  logoutElsewhere: LogoutElsewhere;
  pages: EnginePages;
  languages: readonly string[];
  certificates: ClientCertificates | null;
  /** For notices of the end of a session. */
  fetch: typeof globalThis.fetch;
  /** For key sets and documents of clients; the engine does not say why it got none. */
  fetchKeys: typeof globalThis.fetch;
  /** Not open yet: the queues of the engine are defined here. */
  jobs: Pick<Jobs, 'define'>;
  throttle: Throttle;
  redis: RedisPort | null;
  log: Pick<Log, 'warn'>;
  /** Told the grant type of every token response. */
  countToken?: ((grant: string) => void) | undefined;
  /** Told the user of every answer to an authorization request, every token response and every use of a page of ours. */
  activity: Pick<UserActivity, 'note'>;
};

/** Creates the OpenID provider: engine, storage, policies, events and clean-up. */
export function createOidc({
  config,
  clock,
  keyRing,
  database,
  audit,
  policies,
  settings,
  users,
  clients,
  hasOrigin,
  apis,
  keys,
  findConsent,
  organizations: organizationStore,
  findChosenOrganization: findChosen,
  ways,
  held,
  logoutElsewhere,
  pages,
  languages,
  certificates,
  fetch,
  fetchKeys,
  jobs,
  throttle,
  redis,
  log,
  countToken,
  activity,
}: Dependencies) {
  const { browsers, signIns, handles, recent, notices } = held;
  const storage = createStorage({ clock, keyRing, database, redis, policies, handles, recent });
  const { heldWrites, rotations, reuse, stores } = storage;
  const clientsOfEngine = clientAdapter(clients, policies);
  const adapter = (kind: string) => (kind === 'Client' ? clientsOfEngine : storage.adapterOf(kind as Kind));

  deliverLogoutNotices({ jobs, engine: () => current.engine, elsewhere: logoutElsewhere, fetch, log });
  const begunSignIns = new BegunSignIns({ issuer: config.issuerUrl, clock, keyRing });
  const forms = new DeviceForms(keyRing);
  const shownDevices = new ShownDevices({ issuer: config.issuerUrl, clock, keyRing });
  const failures = new ClientFailures(clock, throttle, policies);
  const authentication = { failures, database, audit };
  const authority = new CurrentAuthority({ apis, findConsent, policies });
  const rules = { clock, policies, findConsent, findChosen, ...ways };
  const organizations = new OrganizationRequests({ store: organizationStore, ...rules });
  const findUsername = async (id: string) => (await users.find(id as UserId))?.username ?? null;
  const organizationClaims = new OrganizationClaims({ store: organizationStore, apis, findUsername });

  const build = (): { engine: Engine; serve: Middleware } => {
    const jwks = { keys: keys.findSigningKeys() } as never;
    const settingsOfEngine = configuration(
      {
        clock,
        address: config,
        keyRing,
        users,
        apis,
        findConsent,
        authority,
        organizations,
        organizationClaims,
        pages,
        forms,
        shownDevices,
        languages,
        certificates,
        fetch: fetchKeys,
        adapter,
      },
      policies,
      jwks,
    );
    const engine = createEngine(settingsOfEngine, {
      issuer: config.issuer,
      clock,
      clients,
      tellLogout: notices.send,
      signIns,
      heldWrites,
      rotations,
      authentication,
      handles,
      forms,
      jwks: keys.publishedJwks() as JSONWebKeySet,
      enforcement: {
        clock,
        authority,
        apis,
        isActive: users.isActive,
        handles,
        sessionsOf: async (accountId) => (await browsers.list(accountId)).map(({ id }) => id),
        policies,
        organizations: organizationStore,
        organizationRequests: organizations,
        organizationClaims,
      },
      organizations,
      organizationClaims,
      organizationStore,
      throttle,
      policies,
    });
    sayForDevice(engine);
    noteEvents(engine, reuse);
    noteActivity(engine, activity);
    engine.on('server_error', (ctx, error) => noteFault(ctx as never, error));
    engine.on('grant.success', (ctx) => countToken?.(String(ctx.oidc.params?.['grant_type'])));
    return {
      engine,
      serve: compose([
        constantDocuments(policies, clients),
        limitRegistrations(throttle, policies) as Middleware,
        closeToStrangers(hasOrigin),
        settleClientAuthentication(authentication),
        recordEvents({ database, audit, throttle }),
        rotations.middleware(),
        heldWrites.middleware(),
        begunSignIns.middleware() as Middleware,
        settleLogoutReturn(pages, logoutElsewhere),
        pageLanguage as Middleware,
        ownPages(() => current.engine, pages, forms),
        requestsOfEngine(config.issuer, () => current.engine),
        ...engine.middleware,
      ]) as Middleware,
    };
  };

  let current = build();
  // Requests in flight end on the engine that they began on.
  const rebuild = () => void (current = build());
  keys.onChange(rebuild);
  settings.onChange(rebuild);

  return {
    /** The cookie signatures of the application: the engine writes some cookies through its context. */
    cookieKeys: cookieSignatures(keyRing),
    interactions: new Interactions(() => current.engine, begunSignIns, signIns),
    gone: new GoneSignIns(config.issuer, () => current.engine, begunSignIns, signIns),
    /** Checks the access tokens that requests to APIs of this process show. */
    accessTokens: new AccessTokens(() => current.engine, new RecentChecks({ clock, database, recent })),
    tokenSubjects: new TokenSubjects(() => current.engine),
    completedSignIns: new CompletedSignIns(() => current.engine),
    appGrants: new AppGrants(clock, database),
    current: new CurrentSessions({
      clock,
      engine: () => current.engine,
      database,
      policies,
      activity,
      cookie: sessionCookie(config.issuerUrl.protocol === 'https:'),
    }),
    /** The stores to purge: machine tokens only if they are in memory, because the other stores need no help. */
    stores,
    browsers,
    claimsPreview: new ClaimsPreview(() => current.engine, { users, policies, organizations: organizationStore }),
    initialTokens: new InitialTokens({ clock, database, audit, policies, engine: () => current.engine }),
    /** Serves the endpoints that are the engine's alone, before anything else looks at the request. */
    delegated: ((ctx, next) => (ctx.state.mount?.delegated ? current.serve(ctx, next) : next())) as PageMiddleware,
    /** Serves the endpoints of the engine; everything else goes on to `next`. */
    middleware: ((ctx, next) => current.serve(ctx, next)) as PageMiddleware,
  };
}

export type { AccessTokens, ShownToken, TokenCheck } from './access-tokens.ts';
export type { Decision, EngineInteraction, Interactions, PromptName } from './interactions.ts';
export type { GoneSignIn, GoneSignIns } from './gone-sign-ins.ts';
export type { Kept, OpenSignIns } from './artifacts/open-sign-ins.ts';
export type { AppGrant, AppGrants } from './sessions/app-grants.ts';
export type { CurrentSessions } from './sessions/current-session.ts';
export { createHeldSessions } from './sessions/held-sessions.ts';
export { type Ending, endings, engineEndings, organizationEndings } from './sessions/access-revocation.ts';
export type { SignedInBrowser } from './sessions/signed-in-browsers.ts';
export { isByDemanded, refusalOf, type Refusal, type Spared } from './authority/organization-demands.ts';
export type { RememberedConsent } from './authority/authority.ts';
export type { EnginePages } from './pages/pages.ts';
export { ORGANIZATION_REASONS } from './organizations/organization-prompt.ts';
export { KnownStore } from './organizations/known-store.ts';
export { OidcArtifact } from './artifacts/artifact.ts';
export { claimNames } from './claims.ts';
export { FRESH_PROOF, SIGN_IN_LIFETIME } from './lifetimes.ts';
export { purgeExpired } from './artifacts/maintenance.ts';
export { acrOf, type AskedLevel, type Level } from './levels.ts';
export { isSignInExpired } from './errors.ts';
