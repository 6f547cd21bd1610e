import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Client } from 'pg';
import { HOUR, systemClock } from '#kernel/clock.ts';
import { type Database, migrationsFolder, openDatabase } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { entities } from '../../src/entities.ts';

const log = createLog({ level: 'silent' });
const cache = join(import.meta.dirname, '../../node_modules/.cache/latchkey-test-databases');

/** An empty, migrated database of its own: on the server of TEST_DATABASE_URL where there is one, else embedded and in memory. */
export async function openTestDatabase(): Promise<Database> {
  const server = process.env['TEST_DATABASE_URL'];
  return server ? openOnServer(server) : openEmbedded();
}

async function openOnServer(server: string): Promise<Database> {
  const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
  await onServer(server, `create database ${name}`);
  const databaseUrl = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const database = await openDatabase({ config: { databaseUrl, databasePool: 8 }, log, entities });
  await database.migrate();
  return {
    ...database,
    async close() {
      await database.close();
      await onServer(server, `drop database ${name} with (force)`);
    },
  };
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

/** A migrated embedded database in memory. The first one on this machine is dumped, so that the others only load it. */
export function openPglite(): Promise<PGlite> {
  return openSnapshot('migrated', async (pglite) => {
    const config = { databaseUrl: undefined, databasePool: 1 };
    const database = await openDatabase({ config, log, entities, pglite });
    await database.migrate();
    await database.close();
  });
}

/** An embedded database in memory as `prepare` left it: the first one on this machine is dumped, the others only load it. */
export async function openSnapshot(name: string, prepare: (pglite: PGlite) => Promise<void>): Promise<PGlite> {
  const snapshot = join(cache, `${name}-${fingerprint()}.tar`);
  if (!existsSync(snapshot)) {
    await mkdir(cache, { recursive: true });
    await forgetOldSnapshots();
    const pglite = await PGlite.create();
    await prepare(pglite);
    const draft = `${snapshot}.${randomBytes(6).toString('hex')}`;
    await writeFile(draft, Buffer.from(await (await pglite.dumpDataDir('none')).arrayBuffer()));
    await rename(draft, snapshot);
    await pglite.close();
  }
  return PGlite.create({ loadDataDir: new Blob([readFileSync(snapshot)]) });
}

/** 40 MB each, so those of migrations that were edited since do not stay. */
async function forgetOldSnapshots(): Promise<void> {
  for (const file of await readdir(cache)) {
    const { mtimeMs } = await stat(join(cache, file)).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < systemClock.now().getTime() - HOUR) await rm(join(cache, file), { force: true });
  }
}

/** Another snapshot for each state of the migrations and each version of the database. */
function fingerprint(): string {
  const hash = createHash('sha256').update(readFileSync(join(migrationsFolder, '../package-lock.json')));
  for (const file of readdirSync(migrationsFolder).sort())
    hash.update(file).update(readFileSync(join(migrationsFolder, file)));
  return hash.digest('hex').slice(0, 16);
}
