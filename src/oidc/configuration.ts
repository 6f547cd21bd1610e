import { type Configuration, type JWKS, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Clock } from '#kernel/clock.ts';
import { cookieName } from '#kernel/http/cookies.ts';
import type { ClientCertificates } from '#kernel/http/client-certificate.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import { issuerOf, type OwnAddress, ownUrls } from '#kernel/issuer.ts';
import { instance, type Policies } from '#settings/module.ts';
import type { KnownUsers } from '#directory/users/module.ts';
import { findAccount } from './account.ts';
import { algorithms } from './algorithms.ts';
import { claimsWith, scopes } from './claims.ts';
import { assertClientAssertion } from './client-authentication/client-assertions.ts';
import { features } from './features.ts';
import type { FindConsent } from './authority/authority.ts';
import type { CurrentAuthority } from './authority/current-authority.ts';
import { loadExistingGrant } from './grants.ts';
import { policy } from './interaction-policy.ts';
import { acrValues } from './levels.ts';
import { nameGrant } from './introspection/introspection.ts';
import { lifetimes } from './lifetimes.ts';
import { STRICT_CLOCK_SKEW } from './limits.ts';
import { renderError } from './pages/error-page.ts';
import type { DeviceForms } from './device/device-forms.ts';
import type { ShownDevices } from './device/shown-devices.ts';
import type { EnginePages } from './pages/pages.ts';
import { pkce, responseTypes, rotateRefreshToken } from './profiles.ts';
import { pairwiseSubject } from './pairwise-subject.ts';
import { registrationPolicy } from './registration/registration-policy.ts';
import type { ApiStore } from './resources.ts';
import type { OrganizationClaims } from './organizations/organization-claims.ts';
import type { OrganizationRequests } from './organizations/organization-requests.ts';
import { withUsableKeys } from './client-authentication/usable-keys.ts';
import { cookieSignatures } from './cookie-signatures.ts';

type EngineDependencies = {
  clock: Clock;
  address: OwnAddress;
  keyRing: KeyRing;
  users: Pick<KnownUsers, 'find'>;
  apis: ApiStore;
  findConsent: FindConsent;
  authority: CurrentAuthority;
  organizations: OrganizationRequests;
  organizationClaims: OrganizationClaims;
  pages: EnginePages;
  forms: Pick<DeviceForms, 'tokenOf'>;
  shownDevices: ShownDevices;
  languages: readonly string[];
  /** Null where no client certificate can arrive. */
  certificates: ClientCertificates | null;
  /** The one way out of this process. */
  fetch: typeof globalThis.fetch;
  adapter: NonNullable<Configuration['adapter']>;
};

/** Addresses below the issuer. */
const routes = {
  authorization: '/oidc/auth',
  token: '/oidc/token',
  userinfo: '/oidc/userinfo',
  jwks: '/oidc/jwks',
  introspection: '/oidc/introspect',
  revocation: '/oidc/revoke',
  pushed_authorization_request: '/oidc/par',
  registration: '/oidc/register',
  device_authorization: '/oidc/device/auth',
  code_verification: '/oidc/device',
  backchannel_authentication: '/oidc/backchannel',
  end_session: '/oidc/logout',
} as const;

/** All URLs of an endpoint, by its name in the engine. */
const urlsOf = (endpoint: string, address: OwnAddress): readonly string[] =>
  Object.entries(routes).flatMap(([name, path]) => (name === endpoint ? ownUrls(address, path) : []));

/** The configuration of the engine. Values of policies are read at each use, or rebuild the engine. */
export function configuration(
  deps: EngineDependencies,
  policies: Policies<'oidc' | 'profile' | 'session'>,
  jwks: JWKS,
): Configuration {
  const issuer = issuerOf(deps.address.issuerUrl);
  const secure = deps.address.issuerUrl.protocol === 'https:';
  const { oidc, profile } = policies.for(instance);
  return {
    adapter: deps.adapter,
    routes,
    jwks,
    acrValues: [...acrValues],
    claims: claimsWith(profile.properties),
    scopes: [...scopes],
    features: features(deps, policies),
    findAccount: findAccount(deps.users, policies),
    loadExistingGrant: loadExistingGrant(deps.findConsent, deps.authority),
    interactions: {
      policy: policy(deps.organizations, deps.findConsent),
      url: (_ctx, interaction) => `${issuer}/interaction/${interaction.uid}`,
    },
    renderError: renderError(deps.clock),
    ttl: lifetimes(deps.clock, policies),
    responseTypes: [...responseTypes(oidc, 'fapi1_advanced')],
    pkce: pkce(policies),
    formats: { bitsOfOpaqueRandomness: 256, customizers: { jwt: nameGrant(deps.organizationClaims) } },
    extraParams: {
      organization: (ctx, _value, client) => deps.organizations.read(ctx, client),
      // Which upstream provider a sign-in begins at; the pages of the sign-in read them.
      connection: null,
      domain_hint: null,
    },
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: async (_ctx, accountId, client) => pairwiseSubject(deps.keyRing, client, accountId),
    sectorIdentifierUriValidate: () => isRegistering(Provider.ctx),
    rotateRefreshToken,
    extraClientMetadata: registrationPolicy(policies, deps),
    issueRefreshToken: async (ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') &&
      source.scopes.has('offline_access') &&
      ctx.oidc.grant?.getOIDCScopeFiltered(new Set(['offline_access'])) !== '',
    allowOmittingSingleRegisteredRedirectUri: false,
    // Which claims of the granted scopes an ID token holds is decided in told-claims.ts.
    conformIdTokenClaims: false,
    assertJwtClientAuthClaimsAndHeader: assertClientAssertion(deps.clock, (endpoint) => urlsOf(endpoint, deps.address)),
    clockTolerance: STRICT_CLOCK_SKEW,
    // A request is not refused for its origin; who may read the answer is decided in cors.ts.
    clientBasedCORS: () => true,
    clientDefaults: {
      id_token_signed_response_alg: 'RS256',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'none',
      ...(deps.certificates ? (['tls_client_auth', 'self_signed_tls_client_auth'] as const) : []),
    ],
    enabledJWA: algorithms,
    cookies: {
      keys: cookieSignatures(deps.keyRing),
      names: cookieNames(deps.address.issuerUrl),
      long: sessionCookie(secure),
      short: { signed: true, httpOnly: true, sameSite: 'lax', secure },
    },
    discovery: {
      ui_locales_supported: [...deps.languages],
      claims_locales_supported: [...deps.languages],
      display_values_supported: ['page', 'popup', 'touch'],
      // Initiating User Registration via OpenID Connect 1.0 §4.1.
      prompt_values_supported: ['none', 'login', 'consent', 'select_account', 'create'],
    },
    fetch: withUsableKeys(deps.fetch),
  };
}

/**
 * OpenID Connect Dynamic Client Registration §5: the document is read when a client registers itself. Later its host may
 * be away, and that shall keep no user from signing in; what an operator registered is the operator's word.
 */
function isRegistering(ctx: KoaContextWithOIDC | undefined): boolean {
  return ctx?.oidc.route === 'registration' || ctx?.oidc.route === 'client_update';
}

/** Attributes of the cookie that holds a session. */
export const sessionCookie = (secure: boolean) =>
  ({ signed: true, httpOnly: true, sameSite: 'lax', secure, path: '/' }) as const;

/** The prefixes bind a cookie to this host and to TLS (RFC 6265bis §4.1.3); cookies that need a path cannot be __Host-. */
const cookieNames = (issuer: URL) => ({
  session: cookieName(issuer, 'session'),
  interaction: cookieName(issuer, 'interaction', '__Secure-'),
  resume: cookieName(issuer, 'resume', '__Secure-'),
});
