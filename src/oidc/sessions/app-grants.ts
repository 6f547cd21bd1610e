import { type Clock, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';

/** The present rights of an application for a user. */
export type AppGrant = {
  clientId: string;
  since: Date;
  scopes: readonly string[];
  /** Scopes by the identifier of the API that they belong to. */
  resourceScopes: ReadonlyMap<string, readonly string[]>;
};

type Payload = { iat?: number; openid?: { scope?: string }; resources?: Record<string, string> };

/** The grants of a user, one for each application, for all requests together. */
export class AppGrants {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  async list(accountId: string): Promise<AppGrant[]> {
    const rows = await this.#database.sql<{ client_id: string; payload: Payload }>(
      `select client_id, payload from oidc_artifact
       where account_id = $1 and kind = 'Grant' and revoked_at is null and expires_at > $2 and client_id is not null`,
      [accountId, this.#clock.now()],
    );
    return [...Map.groupBy(rows, (row) => row.client_id)].map(([clientId, grants]) =>
      together(
        clientId,
        grants.map(({ payload }) => payload),
      ),
    );
  }
}

function together(clientId: string, grants: readonly Payload[]): AppGrant {
  const resourceScopes = new Map<string, readonly string[]>();
  for (const [identifier, text] of grants.flatMap(({ resources = {} }) => Object.entries(resources)))
    resourceScopes.set(identifier, union(resourceScopes.get(identifier) ?? [], words(text)));
  return {
    clientId,
    since: new Date(Math.min(...grants.map(({ iat = 0 }) => iat)) * SECOND),
    scopes: grants.reduce<readonly string[]>((all, { openid }) => union(all, words(openid?.scope ?? '')), []),
    resourceScopes,
  };
}

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])];
