import type { Mount } from '#kernel/http/mounts.ts';

const reads = ['GET'] as const;
const posts = ['POST', 'OPTIONS'] as const;
const both = ['GET', 'POST'] as const;

/** A relying party may show these in a popup (see `Mount`). */
const popup = { keepsOpener: true } as const;
/** The last form of a sign-in or a sign-out ends at the relying party. */
const leadsOut = { ...popup, formsLeadOut: true } as const;

/** Endpoints of OAuth and OpenID Connect; the engine reads their parameters itself. */
const provider: readonly Mount[] = [
  {
    path: '/.well-known/openid-configuration',
    audience: 'oauth',
    methods: ['GET', 'OPTIONS'],
    crossOrigin: true,
    constant: true,
  },
  {
    path: '/.well-known/oauth-authorization-server',
    audience: 'oauth',
    methods: ['GET', 'OPTIONS'],
    crossOrigin: true,
    constant: true,
  },
  { path: '/oidc/jwks', audience: 'oauth', methods: ['GET', 'OPTIONS'], crossOrigin: true, constant: true },
  { path: '/oidc/auth', audience: 'page', methods: both, delegated: true, getActs: true, ...leadsOut },
  { path: '/oidc/auth/*', audience: 'page', methods: reads, delegated: true, getActs: true, ...leadsOut },
  { path: '/oidc/token', audience: 'oauth', methods: posts, crossOrigin: true, delegated: true },
  {
    path: '/oidc/userinfo',
    audience: 'oauth',
    methods: ['GET', 'POST', 'OPTIONS'],
    crossOrigin: true,
    delegated: true,
  },
  { path: '/oidc/introspect', audience: 'oauth', methods: ['POST'], delegated: true },
  { path: '/oidc/revoke', audience: 'oauth', methods: posts, crossOrigin: true, delegated: true },
  { path: '/oidc/par', audience: 'oauth', methods: posts, crossOrigin: true, delegated: true },
  { path: '/oidc/register', audience: 'oauth', methods: ['POST'], delegated: true },
  { path: '/oidc/register/*', audience: 'oauth', methods: ['GET', 'PUT', 'DELETE'], delegated: true },
  { path: '/oidc/device/auth', audience: 'oauth', methods: ['POST'], delegated: true },
  { path: '/oidc/device', audience: 'page', methods: both, delegated: true, getActs: true, ...popup },
  { path: '/oidc/device/*', audience: 'page', methods: reads, delegated: true, getActs: true, ...popup },
  { path: '/oidc/logout', audience: 'page', methods: both, delegated: true, getActs: true, ...leadsOut },
  { path: '/oidc/logout/confirm', audience: 'page', methods: ['POST'], delegated: true, ...leadsOut },
  { path: '/oidc/logout/success', audience: 'page', methods: reads, delegated: true, ...popup },
];

/** Pages of ours, and what they load. */
const pages: readonly Mount[] = [
  { path: '/', audience: 'page', methods: reads },
  { path: '/assets/*', audience: 'page', methods: reads },
  { path: '/favicon.ico', audience: 'page', methods: reads },
  { path: '/apple-touch-icon.png', audience: 'page', methods: reads },
  { path: '/.well-known/webauthn', audience: 'problem', methods: reads, crossOrigin: true },
  { path: '/robots.txt', audience: 'page', methods: reads },
  { path: '/interaction/*', audience: 'page', methods: both, getActs: true, ...leadsOut },
  { path: '/invitation/*', audience: 'page', methods: both, getActs: true },
  { path: '/waitlist', audience: 'page', methods: both },
  { path: '/waitlist/*', audience: 'page', methods: both, getActs: true },
  { path: '/not-me', audience: 'page', methods: reads },
  { path: '/not-me/*', audience: 'page', methods: both },
  { path: '/recovery', audience: 'page', methods: both },
  { path: '/recovery/*', audience: 'page', methods: both, getActs: true },
  { path: '/setup/*', audience: 'page', methods: both },
  { path: '/verification/revert', audience: 'page', methods: reads },
  { path: '/verification/revert/*', audience: 'page', methods: both },
  { path: '/verification/reverted', audience: 'page', methods: reads },
  { path: '/branding/preview', audience: 'page', methods: reads },
  { path: '/branding/preview/*', audience: 'page', methods: reads },
  { path: '/session/return', audience: 'page', methods: reads },
  { path: '/account', audience: 'page', methods: both },
  { path: '/account/*', audience: 'page', methods: both },
  // A photograph and what the form adds to it; pages of applications show the picture.
  { path: '/account/picture', audience: 'page', methods: ['POST'], bodyLimit: 5 * 1024 * 1024 },
  { path: '/account/picture/*', audience: 'page', methods: both, crossOrigin: true },
];

/** What is there only while somebody tries Latchkey out on the embedded database. */
const trial: readonly Mount[] = [
  { path: '/demo', audience: 'page', methods: both },
  { path: '/demo/*', audience: 'page', methods: both, getActs: true },
  { path: '/dev/mailbox', audience: 'page', methods: both },
  { path: '/dev/mailbox/*', audience: 'page', methods: both },
];

/** Every address of the product, on one page. What is not listed does not exist. */
export function siteMap({ embedded }: { embedded: boolean }): readonly Mount[] {
  return [...provider, ...pages, ...(embedded ? trial : [])];
}
