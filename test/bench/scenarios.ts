/** The requests to the servers, once for each server. */
import type { Job } from './load.ts';
import type { Prepared } from './product.ts';
import { get, post, postJson } from './wire.ts';

export type Against = 'engine' | 'http';
export type Scenario = {
  what: string;
  against: Against;
  target?: number;
  /** With tokens that were never shown before, and are shown again when nothing remembers them any more. */
  isCold?: boolean;
  /** The bytes of a request to a server with the host `host`. */
  work(host: string, tokens: SideTokens): Job['work'];
};

/** Tokens of one side: each server knows its own alone. */
export type SideTokens = { accessTokens: readonly string[]; chains: string[] };

export const scope = 'openid profile email';

export function scenarios({ authorization, apis, service }: Prepared): Scenario[] {
  const headers = { Authorization: authorization };
  const same = (requests: string[], holds: string): Job['work'] => ({ kind: 'requests', requests, status: 200, holds });

  const credentials = (extra: Record<string, string>) => (host: string) =>
    same(
      [post({ host, path: '/oidc/token', headers }, { grant_type: 'client_credentials', ...extra })],
      '"access_token":"',
    );
  const apiOf = (alg: string): Record<string, string> => ({
    resource: apis.find((api) => api.alg === alg)?.identifier ?? '',
    scope: 'read',
  });
  const document = (path: string, holds: string) => (host: string) => same([get({ host, path })], holds);

  const introspection = (what: string, target?: number): Scenario => ({
    what,
    against: 'engine',
    ...(target === undefined ? {} : { target }),
    work: (host, { accessTokens }) =>
      same(
        accessTokens.map((token) => post({ host, path: '/oidc/introspect', headers }, { token })),
        '"active":true',
      ),
  });
  const userinfo = (what: string): Scenario => ({
    what,
    against: 'engine',
    work: (host, { accessTokens }) =>
      same(
        accessTokens.map((token) =>
          get({ host, path: '/oidc/userinfo', headers: { Authorization: `Bearer ${token}` } }),
        ),
        '"email":"',
      ),
  });

  return [
    { what: 'client credentials, opaque', against: 'engine', target: 0.7, work: credentials({}) },
    { what: 'client credentials, JWT ES256', against: 'engine', target: 0.9, work: credentials(apiOf('ES256')) },
    { what: 'client credentials, JWT RS256', against: 'engine', target: 0.9, work: credentials(apiOf('RS256')) },
    {
      what: 'refresh',
      against: 'engine',
      target: 0.4,
      work: (host, { chains }) => ({ kind: 'refresh', host, path: '/oidc/token', authorization, chains }),
    },
    introspection('introspection', 0.8),
    userinfo('userinfo'),
    { ...introspection('introspection of new tokens'), isCold: true },
    { ...userinfo('userinfo with new tokens'), isCold: true },
    {
      what: 'discovery',
      against: 'http',
      target: 0.7,
      work: document('/.well-known/openid-configuration', '"issuer":"'),
    },
    { what: 'JWKS', against: 'http', target: 0.7, work: document('/oidc/jwks', '"keys":[') },
    {
      what: 'access.check',
      against: 'http',
      target: 0.35,
      work: (host, { accessTokens: [token] }) =>
        same(
          service.memberIds.map((user_id) =>
            postJson(
              { host, path: '/api/v1/access/check', headers: { Authorization: `Bearer ${token}` } },
              { user_id, permission: 'organization.members.manage', organization_id: service.organizationId },
            ),
          ),
          '"allowed":true',
        ),
    },
  ];
}
