import { randomBytes } from 'node:crypto';
import type { PGlite } from '@electric-sql/pglite';
import { Client } from 'pg';
import { type Database, openDatabase } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { entities } from '../../src/app/entities.ts';
import { openSnapshot } from './embedded.ts';

const log = createLog({ level: 'silent' });

/** An empty, migrated database of its own: on the server of TEST_DATABASE_URL where there is one, else embedded and in memory. */
export async function openTestDatabase(): Promise<Database> {
  const server = process.env['TEST_DATABASE_URL'];
  return server ? openOnServer(server) : openEmbedded();
}

/** An empty, migrated database of its own on `server`. */
export const migratedOnServer = (server: string) =>
  copyOnServer(server, 'migrated', async (template) => {
    const migrated = await openDatabase({ config: { databaseUrl: template, databasePool: 1 }, log, entities });
    await migrated.migrate();
    await migrated.close();
  });

async function openOnServer(server: string): Promise<Database> {
  const { databaseUrl, drop } = await migratedOnServer(server);
  const database = await openDatabase({ config: { databaseUrl, databasePool: 8 }, log, entities });
  return {
    ...database,
    async close() {
      await database.close();
      await drop();
    },
  };
}

const templates = new Map<string, Promise<void>>();

/** A database of its own on `server`, copied from the one that `prepare` has filled once in this process. */
export async function copyOnServer(
  server: string,
  kind: string,
  prepare: (databaseUrl: string) => Promise<void>,
): Promise<{ databaseUrl: string; drop(): Promise<void> }> {
  const template = `latchkey_${kind}_${process.pid}`;
  const at = (name: string): string => Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const key = `${server} ${kind}`;
  const prepared =
    templates.get(key) ??
    (async () => {
      await onServer(server, `drop database if exists ${template} with (force)`);
      await onServer(server, `create database ${template}`);
      await prepare(at(template));
    })();
  templates.set(key, prepared);
  await prepared;
  const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
  await onServer(server, `create database ${name} template ${template}`);
  return { databaseUrl: at(name), drop: () => onServer(server, `drop database if exists ${name} with (force)`) };
}

export async function onServer(connectionString: string, statement: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

async function openEmbedded(): Promise<Database> {
  const pglite = await openPglite();
  const database = await openDatabase({
    config: { databaseUrl: undefined, databasePool: 1 },
    log,
    entities,
    pglite,
  });
  return {
    ...database,
    async close() {
      await database.close();
      await pglite.close();
    },
  };
}

/** A migrated embedded database in memory. */
export function openPglite(): Promise<PGlite> {
  return openSnapshot('migrated', async (pglite) => {
    const config = { databaseUrl: undefined, databasePool: 1 };
    const database = await openDatabase({ config, log, entities, pglite });
    await database.migrate();
    await database.close();
  });
}
