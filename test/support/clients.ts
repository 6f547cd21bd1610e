import { apiOperations } from '#applications/apis/operations.ts';
import { apiScopeOperations } from '#applications/apis/scope-operations.ts';
import { createApis } from '#applications/apis/module.ts';
import { createClients } from '#applications/clients/module.ts';
import { clientOperations } from '#applications/clients/operations.ts';
import { clientSecretOperations } from '#applications/clients/secret-operations.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createInvalidation } from '#kernel/invalidation.ts';
import { createLog } from '#kernel/log.ts';
import { bindOperations } from '#kernel/operations/bound-operation.ts';
import { recordingAudit } from './audit.ts';
import { testClock } from './clock.ts';
import { callOperation } from './operations.ts';
import { policiesWith } from './policies.ts';

export const operator = { actor: { type: 'operator' as const } };
export const keyRingSecret = 'a-secret-of-the-key-ring-with-32-b';

/** Members in the answers of operations on clients and APIs; each has some of them. */
type ClientAnswer = Record<string, unknown> & {
  client_id: string;
  client_secret?: string;
  client_secret_expires_at?: number;
  clients: unknown[];
  total: number;
  next_cursor: string | null;
  client_secrets: { id: string; expires_at: string | null }[];
};

type Options = {
  secrets?: readonly string[];
  clock?: ReturnType<typeof testClock>;
};

/** One node's clients slice on a database. `statements` counts what the hot path asked. */
export function clientsOn(database: Database, { secrets = [keyRingSecret], clock = testClock() }: Options = {}) {
  const audit = recordingAudit();
  const statements: string[] = [];
  const counted: Database = {
    ...database,
    sql: (text, values) => {
      statements.push(text);
      return database.sql(text, values);
    },
  };
  const invalidation = createInvalidation({
    redis: null,
    database,
    databaseUrl: undefined,
    log: createLog({ level: 'silent' }),
  });
  const slice = createClients({
    clock,
    database: counted,
    keyRing: createKeyRing(secrets),
    audit,
    invalidation,
    issuer: 'https://id.example',
    ownUrls: (path) => [`https://id.example${path}`],
    policies: policiesWith(),
    certificates: {},
    ownApi: { identifier: 'urn:latchkey:api', scopes: [{ name: 'users.read' }] },
    apis: { find: async (identifier) => apiLookup.find(identifier) },
  });
  const { apis, lookup: apiLookup } = createApis({
    clock,
    database: counted,
    audit,
    invalidation,
    clients: slice.lookup,
    ownScopes: { 'users.read': 'Read users' },
  });
  const operations = [
    bindOperations(clientOperations, slice),
    bindOperations(clientSecretOperations, slice),
    bindOperations(apiOperations, { apis }),
    bindOperations(apiScopeOperations, { apis }),
  ].flat();
  return {
    ...slice,
    apis,
    apiLookup,
    /** Runs an operation of clients and APIs, as an operator. */
    call: (name: string, members?: unknown) => callOperation<ClientAnswer>(operations, name, members),
    audit,
    clock,
    statements,
  };
}

export const webApp = { name: 'Shop', type: 'web' as const, metadata: { redirect_uris: ['https://shop.example/cb'] } };
export const machine = { name: 'Robot', type: 'machine' as const };
