import type { Cache } from '#kernel/cache.ts';
import type { Database } from '#kernel/database.ts';
import { allowedScopes } from '#applications/clients/api-access.ts';
import type { ApiScope, ApiResource } from './api-resource.ts';
import type { ClientLookup } from '#applications/clients/module.ts';
import { DEFAULT_TOKEN_SECONDS } from '#applications/clients/limits.ts';

/** An API as it is asked about on each request; read-only, and as old as a few seconds. */
export type KnownApi = Readonly<
  Pick<
    ApiResource,
    | 'identifier'
    | 'name'
    | 'tokenFormat'
    | 'accessTokenSeconds'
    | 'signingAlg'
    | 'organizationPermissions'
    | 'instancePermissions'
  >
> & { readonly scopes: readonly ApiScope[] };

/** The `resource` (RFC 8707) and the audience of tokens for the management API: the same on every instance, whatever its address. */
export const OWN_API = 'urn:latchkey:api';

/** The management API. It is built in; its tokens are opaque, so that a revoked token is invalid at once. */
export const ownApi = (scopes: Readonly<Record<string, string>>): KnownApi =>
  Object.freeze({
    identifier: OWN_API,
    name: 'Latchkey API',
    scopes: Object.entries(scopes).map(([name, description]) => ({ name, description })),
    tokenFormat: 'opaque',
    accessTokenSeconds: DEFAULT_TOKEN_SECONDS,
    signingAlg: 'ES256',
    organizationPermissions: false,
    instancePermissions: false,
  });

type Row = {
  identifier: string;
  name: string;
  scopes: ApiScope[];
  token_format: KnownApi['tokenFormat'];
  access_token_seconds: number;
  signing_alg: KnownApi['signingAlg'];
  organization_permissions: boolean;
  instance_permissions: boolean;
};

type Dependencies = {
  database: Pick<Database, 'sql'>;
  clients: Pick<ClientLookup, 'find'>;
  cache: Pick<Cache<KnownApi | null>, 'get'>;
  /** Our own API. */
  ownApi: KnownApi;
};

const FIND = `select identifier, name, scopes, token_format, access_token_seconds, signing_alg, organization_permissions, instance_permissions
  from api_resource where identifier = $1`;

/** APIs on the hot path, as each client may use them. */
export class ApiLookup {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  async find(identifier: string): Promise<KnownApi | null> {
    if (identifier === OWN_API) return this.#deps.ownApi;
    return this.#deps.cache.get(identifier, async () => {
      const [row] = await this.#deps.database.sql<Row>(FIND, [identifier]);
      return row ? known(row) : null;
    });
  }

  async hasScope(identifier: string, scope: string): Promise<boolean> {
    return (await this.find(identifier))?.scopes.some(({ name }) => name === scope) === true;
  }

  /** The API with the scopes that this client may ask for; null when there is no such API or it is closed to the client. */
  async findForClient(identifier: string, clientId: string): Promise<KnownApi | null> {
    const [api, client] = await Promise.all([this.find(identifier), this.#deps.clients.find(clientId)]);
    const scopes = api && client ? allowedScopes(client.apis, api) : null;
    return api && scopes ? { ...api, scopes } : null;
  }

  /** The APIs that are open to this client, each with the scopes that it may ask for. */
  async listForClient(clientId: string): Promise<KnownApi[]> {
    const client = await this.#deps.clients.find(clientId);
    const found = await Promise.all(Object.keys(client?.apis ?? {}).map((api) => this.findForClient(api, clientId)));
    return found.filter((api) => api !== null);
  }

  /**
   * A resource server is known as a client of type machine that the API is open to: it has a secret of its own. No client serves
   * our own API: those that it is open to learn nothing about the tokens of others.
   */
  async isServedBy(identifier: string, clientId: string): Promise<boolean> {
    if (identifier === OWN_API) return false;
    const client = await this.#deps.clients.find(clientId);
    return client?.type === 'machine' && Object.hasOwn(client.apis, identifier);
  }
}

function known({
  identifier,
  name,
  scopes,
  token_format: tokenFormat,
  access_token_seconds: accessTokenSeconds,
  signing_alg: signingAlg,
  organization_permissions: organizationPermissions,
  instance_permissions: instancePermissions,
}: Row): KnownApi {
  return Object.freeze({
    identifier,
    name,
    tokenFormat,
    accessTokenSeconds,
    signingAlg,
    organizationPermissions,
    instancePermissions,
    scopes,
  });
}
