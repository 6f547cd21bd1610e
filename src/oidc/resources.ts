import { type Client, errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { scopes as standardScopes } from './claims.ts';
import { nameOrganization, namesOrganization } from './organizations/asked-organization.ts';

/** An API as the engine needs it. */
type Api = {
  identifier: string;
  scopes: readonly { name: string }[];
  tokenFormat: 'jwt' | 'opaque';
  accessTokenSeconds: number;
  signingAlg: string;
  /** Its tokens list the permissions of the user in the organization that they are for. */
  organizationPermissions: boolean;
  /** Its tokens that are for no organization list the roles and permissions of the user on the instance. */
  instancePermissions: boolean;
};

export type ApiStore = {
  /** The registered API, narrowed to the scopes that this client may ask for; null when there is none or it may not. */
  findForClient(identifier: string, clientId: string): Promise<Api | null>;
  /** The APIs that are open to this client, each with the scopes that it may ask for. */
  listForClient(clientId: string): Promise<readonly Api[]>;
  /** Whether the client is the API itself, which may ask about tokens that were made for it. */
  isServedBy(identifier: string, clientId: string): Promise<boolean>;
};

/** RFC 8707: a token names the one API that it is for. The only place that decides which one it is, and whether a scope is one. */
export function resourceIndicators(
  apis: ApiStore,
): NonNullable<NonNullable<Configuration['features']>['resourceIndicators']> {
  return {
    enabled: true,
    /** `oneOf`: the APIs of a code or of a refresh token; undefined where a request names no API. */
    async defaultResource(ctx, client, oneOf) {
      if (ctx.oidc.route !== 'token' && ctx.oidc.params) nameOrganization(ctx.oidc.params, client);
      return (await findByScope(apis, ctx, client, oneOf)) ?? oneOf;
    },
    async getResourceServerInfo(ctx, identifier, client) {
      const api = await apis.findForClient(identifier, client.clientId);
      if (!api) throw new errors.CustomOIDCProviderError('invalid_target', 'no such API is open to the client');
      if (isMachine(ctx)) requireAnyOf(api, ctx);
      return {
        scope: api.scopes.map((scope) => scope.name).join(' '),
        audience: api.identifier,
        accessTokenTTL: api.accessTokenSeconds,
        accessTokenFormat: api.tokenFormat,
        ...(api.tokenFormat === 'jwt' ? { jwt: { sign: { alg: api.signingAlg as 'ES256' } } } : {}),
      };
    },
  };
}

/** Where a request may name an API. */
const routes: ReadonlySet<string> = new Set([
  'authorization',
  'pushed_authorization_request',
  'device_authorization',
  'token',
]);

/**
 * `audience` is what other servers call `resource`. It counts where it is the identifier of an API of the client and the request names no
 * `resource`; otherwise it is a parameter that is not known, which is ignored (RFC 6749 §3.1).
 */
export async function readAudience(
  apis: Pick<ApiStore, 'findForClient'>,
  ctx: KoaContextWithOIDC,
  clientId: string,
): Promise<void> {
  const { params, body, route } = ctx.oidc;
  if (!params || params['resource'] !== undefined || !routes.has(route)) return;
  const audience = (ctx.method === 'POST' ? body : ctx.query)?.['audience'];
  if (typeof audience !== 'string' || audience === '') return;
  if (await apis.findForClient(audience, clientId)) params['resource'] = audience;
}

/**
 * The one API of the client that has every scope of the request, apart from scopes of OpenID Connect. Where there is none, the request
 * is refused (RFC 6749 §3.3, §5.2) instead of answered with a token that lacks the scope; with `openid` among them unknown scopes are
 * ignored (OpenID Connect Core §3.1.2.1).
 */
async function findByScope(
  apis: ApiStore,
  ctx: KoaContextWithOIDC,
  client: Client,
  oneOf: readonly string[] | undefined,
): Promise<string | undefined> {
  const asked = scopesOfApis(ctx, client);
  if (asked.length === 0) return undefined;
  const own = (await apis.listForClient(client.clientId)).filter(
    ({ identifier }) => oneOf?.includes(identifier) ?? true,
  );
  const fitting = own.filter((api) => asked.every((scope) => hasScope(api, scope)));
  const [first] = fitting;
  if (first && fitting.length === 1) return first.identifier;
  if (oneOf !== undefined || ctx.oidc.requestParamScopes.has('openid')) return undefined;
  const unknown = asked.filter((scope) => !own.some((api) => hasScope(api, scope)));
  if (unknown.length > 0) throw new errors.InvalidScope('requested scope is unknown or not allowed', unknown.join(' '));
  throw new errors.InvalidScope('requested scopes are not of exactly one API: name it by resource', asked.join(' '));
}

/** If the API has none of the requested scopes, the answer would be a token without a scope. */
function requireAnyOf(api: Api, ctx: KoaContextWithOIDC): void {
  const asked = [...ctx.oidc.requestParamScopes];
  if (asked.length > 0 && !asked.some((scope) => hasScope(api, scope)))
    throw new errors.InvalidScope('requested scope is unknown or not allowed', asked.join(' '));
}

const isMachine = ({ oidc }: KoaContextWithOIDC): boolean =>
  oidc.route === 'token' && oidc.params?.['grant_type'] === 'client_credentials';
const scopesOfApis = ({ oidc }: KoaContextWithOIDC, client: Client): string[] =>
  [...oidc.requestParamScopes].filter(
    (scope) => !(standardScopes as readonly string[]).includes(scope) && !namesOrganization(client, scope),
  );
const hasScope = ({ scopes }: Pick<Api, 'scopes'>, name: string): boolean =>
  scopes.some((scope) => scope.name === name);
