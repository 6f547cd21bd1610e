import type { Cache } from '#kernel/cache.ts';
import type { Database } from '#kernel/database.ts';
import { allowedScopes } from '#applications/clients/api-access.ts';
import type { ApiScope } from './api-resource.ts';
import type { ClientLookup } from '#applications/clients/module.ts';
import { type KnownApi, OWN_API } from './known-api.ts';

type Row = {
  identifier: string;
  name: string;
  scopes: ApiScope[];
  token_format: KnownApi['tokenFormat'];
  access_token_seconds: number;
  signing_alg: KnownApi['signingAlg'];
};

type Dependencies = {
  database: Pick<Database, 'sql'>;
  clients: Pick<ClientLookup, 'find'>;
  cache: Pick<Cache<KnownApi | null>, 'get'>;
  /** Our own API. */
  ownApi: KnownApi;
};

const FIND =
  'select identifier, name, scopes, token_format, access_token_seconds, signing_alg from api_resource where identifier = $1';

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

  /** The API with the scopes that this client may ask for; null when there is no such API or it is closed to the client. */
  async findForClient(identifier: string, clientId: string): Promise<KnownApi | null> {
    const [api, client] = await Promise.all([this.find(identifier), this.#deps.clients.find(clientId)]);
    const scopes = api && client ? allowedScopes(client.apis, api) : null;
    return api && scopes ? { ...api, scopes } : null;
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
}: Row): KnownApi {
  return Object.freeze({
    identifier,
    name,
    tokenFormat,
    accessTokenSeconds,
    signingAlg,
    scopes,
  });
}
