import type { PGlite } from '@electric-sql/pglite';
import { type Database, openDatabase } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { entities } from '../../src/app/entities.ts';
import { copyOnServer } from './database.ts';
import { openSnapshot } from './embedded.ts';

const log = createLog({ level: 'silent' });

/** A database of its own as an older release left it: migrated up to one migration. `migrate` brings it up to date. */
export async function openOlderDatabase(lastMigration: string): Promise<Database> {
  const open = (databaseUrl: string | undefined, pglite?: PGlite) =>
    openDatabase({ config: { databaseUrl, databasePool: 4 }, log, entities, pglite });
  async function migrated(opening: Promise<Database>): Promise<void> {
    const database = await opening;
    await database.orm.migrator.up({ to: lastMigration });
    await database.close();
  }

  const server = process.env['TEST_DATABASE_URL'];
  const kind = lastMigration.toLowerCase();
  const copy = server ? await copyOnServer(server, kind, (template) => migrated(open(template))) : undefined;
  const pglite = server ? undefined : await openSnapshot(kind, (made) => migrated(open(undefined, made)));
  const database = await open(copy?.databaseUrl, pglite);
  return {
    ...database,
    async close() {
      await database.close();
      await pglite?.close();
      await copy?.drop();
    },
  };
}
