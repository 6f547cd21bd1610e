import { z } from 'zod';
import type { Database } from '../database.ts';
import { operation } from './operation.ts';

type Services = { database: Pick<Database, 'migrate'> };

/** Opening the database has migrated it; a running server is asked to look again. */
const migrateDatabase = operation({
  name: 'database.migrate',
  permission: 'database.migrate',
  output: z.strictObject({ database: z.literal('up to date') }),
  description: 'Bring the database up to date and stop.',
  command: { words: 'migrate' },
  run: async (_given, _by: unknown, { database }: Services) => {
    await database.migrate();
    return { database: 'up to date' as const };
  },
});

export const databaseOperations = [migrateDatabase];
