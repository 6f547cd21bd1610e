import { errors, type Configuration } from 'oidc-provider';

/** An API as the engine needs it. */
type Api = {
  identifier: string;
  scopes: readonly { name: string }[];
  tokenFormat: 'jwt' | 'opaque';
  accessTokenSeconds: number;
  signingAlg: string;
};

export type ApiStore = {
  /** The registered API, narrowed to the scopes that this client may ask for; null when there is none or it may not. */
  findForClient(identifier: string, clientId: string): Promise<Api | null>;
  /** Whether the client is the API itself, which may ask about tokens that were made for it. */
  isServedBy(identifier: string, clientId: string): Promise<boolean>;
};

/** RFC 8707: a token names the one API that it is for. */
export function resourceIndicators(
  apis: ApiStore,
): NonNullable<NonNullable<Configuration['features']>['resourceIndicators']> {
  return {
    enabled: true,
    defaultResource: async (_ctx, _client, oneOf) => oneOf,
    async getResourceServerInfo(_ctx, identifier, client) {
      const api = await apis.findForClient(identifier, client.clientId);
      if (!api) throw new errors.InvalidTarget();
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
