import { inPopup, leadingOut, type Mount, READ, READ_AND_SEND } from '#kernel/http/mounts.ts';

/** Endpoints of OAuth and OpenID Connect; the engine reads their parameters itself. */
export const oidcMounts: readonly Mount[] = [
  {
    path: '/.well-known/openid-configuration',
    audience: 'oauth',
    methods: ['GET', 'OPTIONS'],
    crossOrigin: true,
    constant: true,
    wellKnown: 'before-path',
  },
  {
    path: '/.well-known/oauth-authorization-server',
    audience: 'oauth',
    methods: ['GET', 'OPTIONS'],
    crossOrigin: true,
    constant: true,
    wellKnown: 'before-path',
  },
  { path: '/oidc/jwks', audience: 'oauth', methods: ['GET', 'OPTIONS'], crossOrigin: true, constant: true },
  { path: '/oidc/auth', audience: 'page', methods: READ_AND_SEND, delegated: true, getActs: true, ...leadingOut },
  { path: '/oidc/auth/*', audience: 'page', methods: READ, delegated: true, getActs: true, ...leadingOut },
  { path: '/oidc/token', audience: 'oauth', methods: ['POST', 'OPTIONS'], crossOrigin: true, delegated: true },
  {
    path: '/oidc/userinfo',
    audience: 'oauth',
    methods: ['GET', 'POST', 'OPTIONS'],
    crossOrigin: true,
    delegated: true,
  },
  { path: '/oidc/introspect', audience: 'oauth', methods: ['POST'], delegated: true },
  { path: '/oidc/revoke', audience: 'oauth', methods: ['POST', 'OPTIONS'], crossOrigin: true, delegated: true },
  { path: '/oidc/par', audience: 'oauth', methods: ['POST', 'OPTIONS'], crossOrigin: true, delegated: true },
  { path: '/oidc/register', audience: 'oauth', methods: ['POST'], delegated: true },
  { path: '/oidc/register/*', audience: 'oauth', methods: ['GET', 'PUT', 'DELETE'], delegated: true },
  { path: '/oidc/device/auth', audience: 'oauth', methods: ['POST'], delegated: true },
  { path: '/oidc/device', audience: 'page', methods: READ_AND_SEND, delegated: true, getActs: true, ...inPopup },
  { path: '/oidc/device/*', audience: 'page', methods: READ, delegated: true, getActs: true, ...inPopup },
  { path: '/oidc/logout', audience: 'page', methods: READ_AND_SEND, delegated: true, getActs: true, ...leadingOut },
  { path: '/oidc/logout/confirm', audience: 'page', methods: ['POST'], delegated: true, ...leadingOut },
  { path: '/oidc/logout/success', audience: 'page', methods: READ, delegated: true, ...inPopup },
];
