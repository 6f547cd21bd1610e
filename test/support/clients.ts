import { clientCommands } from '#clients/commands.ts';
import { createApis, createClients } from '#clients/module.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createInvalidation } from '#kernel/invalidation.ts';
import { createLog } from '#kernel/log.ts';
import { recordingAudit } from './audit.ts';
import { testClock } from './clock.ts';
import { policiesWith } from './policies.ts';

export const operator = { actor: { type: 'operator' as const } };
export const keyRingSecret = 'a-secret-of-the-key-ring-with-32-b';

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
    policies: policiesWith(),
  });
  const { apis, lookup: apiLookup } = createApis({
    clock,
    database: counted,
    audit,
    invalidation,
    clients: slice.lookup,
  });
  return {
    ...slice,
    apis,
    apiLookup,
    commands: clientCommands({ clients: slice.clients, secrets: slice.secrets, apis }),
    audit,
    clock,
    statements,
  };
}

export const webApp = { name: 'Shop', type: 'web' as const, metadata: { redirect_uris: ['https://shop.example/cb'] } };
export const machine = { name: 'Robot', type: 'machine' as const };
