import { randomBytes } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import { type Database, openDatabase } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { entities } from '../../src/app/entities.ts';
import { onServer } from './database.ts';

/** A database of its own as an older release left it: migrated up to one migration. `migrate` brings it up to date. */
export async function openOlderDatabase(lastMigration: string): Promise<Database> {
  const server = process.env['TEST_DATABASE_URL'];
  const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
  if (server) await onServer(server, `create database ${name}`);
  const pglite = server ? undefined : await PGlite.create();
  const databaseUrl = server && Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const config = { databaseUrl, databasePool: 4 };
  const database = await openDatabase({ config, log: createLog({ level: 'silent' }), entities, pglite });
  await database.orm.migrator.up({ to: lastMigration });
  return {
    ...database,
    async close() {
      await database.close();
      await pglite?.close();
      if (server) await onServer(server, `drop database ${name} with (force)`);
    },
  };
}
