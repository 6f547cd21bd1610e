import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import type { Pool } from 'pg';
import type { AnyEntity, EntityClass, EntitySchema, Options } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { type EntityManager, MikroORM as PostgresORM } from '@mikro-orm/postgresql';
import { type Config, DEFAULT_CONNECT_SECONDS } from './config.ts';
import type { DataFolder } from './data-folder/data-folder.ts';
import type { Log } from './log.ts';
import { MINUTE, SECOND } from './clock.ts';
import { inOwnTransaction, migrateAlone } from './database-lock.ts';
import { prepareStatements } from './embedded-statements.ts';
import { connectPatiently, readTimes } from './postgres/patient-pool.ts';

export type { EntityManager } from '@mikro-orm/postgresql';
export type Entities = (EntityClass<AnyEntity> | EntitySchema)[];

export type OwnerQuery = <Row = Record<string, unknown>>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

export type Database = {
  /** The mapper; for migrations and tests. */
  orm: PostgresORM;
  /** A fresh unit of work. */
  em(): EntityManager;
  /** One transaction. Inside it use only the `em` given: on the embedded database another statement would wait for ever. */
  transaction<T>(work: (em: EntityManager) => Promise<T>): Promise<T>;
  /** Called after each transaction of this process that was committed. */
  onCommit(listener: () => void): void;
  /** One prepared statement with `$1` parameters, outside any transaction and without the unit of work: the hot path. */
  sql<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Names of the migrations that are not applied; nothing is changed. */
  pendingMigrations(): Promise<readonly string[]>;
  /** Applies what is missing, once however many processes start together. */
  migrate(): Promise<void>;
  /** One transaction as the role that owns the tables (`DATABASE_MIGRATION_URL`), on a connection of its own: for DDL. */
  asOwner<T>(work: (query: OwnerQuery) => Promise<T>): Promise<T>;
  /** The native pool, null when embedded. */
  pool: Pool | null;
  /** The embedded engine, null on PostgreSQL. */
  pglite: PGlite | null;
  embedded: boolean;
  close(): Promise<void>;
};

type DatabaseOptions = {
  config: Pick<Config, 'databaseUrl' | 'databasePool'> &
    Partial<Pick<Config, 'databaseConnectSeconds' | 'databaseMigrationUrl'>>;
  log: Log;
  entities: Entities;
  /** Where the embedded database is; only the owner of a folder has one. */
  folder?: Pick<DataFolder, 'path'> | undefined;
  /** A prepared embedded database, for tests. */
  pglite?: PGlite | undefined;
};

export const migrationsFolder = join(import.meta.dirname, '../../migrations');

/** Opens the embedded database, or PostgreSQL if `DATABASE_URL` is set. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.config.databaseUrl === undefined
    ? openEmbedded(options)
    : openPostgres(options, options.config.databaseUrl);
}

function ormOptions({ entities, log }: DatabaseOptions) {
  return {
    entities,
    extensions: [Migrator],
    migrations: {
      path: migrationsFolder,
      pathTs: migrationsFolder,
      snapshot: false,
      silent: true,
      transactional: true,
      // Each in a transaction of its own, so that what it locks is free before a later one moves rows.
      allOrNothing: false,
      disableForeignKeys: false,
    },
    discovery: { warnWhenNoEntities: false },
    ensureDatabase: false,
    logger: (line: string) => log.debug({ mapper: line }, 'mapper'),
    highlighter: { highlight: (text: string) => text },
    colors: false,
  } satisfies Partial<Options>;
}

/** The embedded engine and its driver are loaded here alone: with PostgreSQL they would only take memory. */
async function openEmbedded(options: DatabaseOptions): Promise<Database> {
  const [{ PGlite }, { MikroORM: EmbeddedORM }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@mikro-orm/pglite'),
  ]);
  const owned = options.pglite === undefined;
  const pglite =
    options.pglite ??
    (await openInFolder(options.folder, (dataDir) => PGlite.create({ dataDir, relaxedDurability: false })));
  forgetRowTypes(pglite);
  prepareStatements(pglite);
  const orm = await EmbeddedORM.init({ ...ormOptions(options), dbName: 'postgres', driverOptions: { pglite } });
  return {
    ...facade(
      orm as unknown as PostgresORM,
      async (text, values) => (await pglite.query(text, [...values])).rows as never,
    ),
    pool: null,
    pglite,
    embedded: true,
    pendingMigrations: () => pending((text) => orm.em.getConnection().execute(text)),
    async migrate() {
      if (!(await isCurrent((text) => orm.em.getConnection().execute(text)))) await orm.migrator.up();
    },
    asOwner: (work) =>
      pglite.transaction((tx) => work(async (text, values = []) => (await tx.query(text, [...values])).rows as never)),
    async close() {
      await orm.close(true);
      if (owned) await pglite.close();
    },
  };
}

/** PostgreSQL numbers its own types by hand below this; above it are rows of tables, its own and ours (`FirstGenbkiObjectId`). */
const FIRST_ROW_TYPE = 10_000;

/**
 * PGlite copies its parsers for each answer, and when it opens a database most of them are for arrays of whole rows, which we
 * never read: without them a small query takes a third less time.
 */
function forgetRowTypes(pglite: PGlite): void {
  const kept = Object.entries(pglite.parsers).filter(([type]) => Number(type) < FIRST_ROW_TYPE);
  pglite.parsers = Object.fromEntries(kept);
}

/** A database whose making was interrupted has nothing in it yet and would never open, so it is made again. */
async function openInFolder(
  folder: DatabaseOptions['folder'],
  open: (dataDir: string) => Promise<PGlite>,
): Promise<PGlite> {
  if (!folder) throw new Error('the embedded database is opened by the owner of its folder alone');
  const dataDir = join(folder.path, 'database');
  const unfinished = join(folder.path, 'database.unfinished');
  if (existsSync(unfinished)) rmSync(dataDir, { recursive: true, force: true });
  else if (!existsSync(dataDir)) writeFileSync(unfinished, '', { mode: 0o600 });
  const pglite = await open(dataDir).catch((cause: unknown) => {
    throw new Error(
      `The embedded database in ${folder.path} (LATCHKEY_DATA) cannot be opened. If the disk is neither full nor read-only, it is damaged: restore the folder from a backup`,
      { cause },
    );
  });
  rmSync(unfinished, { force: true });
  return pglite;
}

async function openPostgres(options: DatabaseOptions, clientUrl: string): Promise<Database> {
  const connectSeconds = options.config.databaseConnectSeconds ?? DEFAULT_CONNECT_SECONDS;
  const orm = await PostgresORM.init({
    ...ormOptions(options),
    clientUrl,
    pool: { min: 0, max: options.config.databasePool, idleTimeoutMillis: MINUTE },
    driverOptions: {
      connectionTimeoutMillis: connectSeconds * SECOND,
      statement_timeout: 5 * SECOND,
      // The server's own limit says nothing when the network says nothing.
      query_timeout: 5.5 * SECOND,
      lock_timeout: 2 * SECOND,
      idle_in_transaction_session_timeout: 10 * SECOND,
      keepAlive: true,
      application_name: 'latchkey',
    },
  });
  const pool = await orm.em.getConnection().getNativeClient();
  const owner = { connectionString: options.config.databaseMigrationUrl ?? clientUrl, connectSeconds };
  connectPatiently(pool);
  readTimes(pool);
  const names = new Map<string, string>();
  const nameOf = (text: string) => names.get(text) ?? (names.set(text, `latchkey_${names.size}`), names.get(text)!);
  return {
    ...facade(
      orm,
      async (text, values) => (await pool.query({ name: nameOf(text), text, values: [...values] })).rows as never,
    ),
    pool,
    pglite: null,
    embedded: false,
    pendingMigrations: () => pending(async (text) => (await pool.query(text)).rows),
    migrate: () =>
      migrateAlone(owner, { isCurrent, apply: () => applyMigrations(options, owner.connectionString) }, options.log),
    asOwner: (work) => inOwnTransaction(owner, work),
    close: () => orm.close(true),
  };
}

/** A migration may take its time, and its role may differ from the application's role. */
async function applyMigrations(options: DatabaseOptions, clientUrl: string): Promise<void> {
  const orm = await PostgresORM.init({
    ...ormOptions(options),
    clientUrl,
    pool: { min: 0, max: 2 },
    driverOptions: { lock_timeout: 10 * SECOND, keepAlive: true, application_name: 'latchkey migrate' },
  });
  try {
    await orm.migrator.up();
  } finally {
    await orm.close(true);
  }
}

function facade(
  orm: PostgresORM,
  query: (text: string, values: readonly unknown[]) => Promise<never[]>,
): Pick<Database, 'orm' | 'em' | 'transaction' | 'onCommit' | 'sql'> {
  const listeners: (() => void)[] = [];
  return {
    orm,
    em: () => orm.em.fork(),
    async transaction(work) {
      const result = await orm.em.fork().transactional((em) => work(em as EntityManager));
      for (const listener of listeners) listener();
      return result;
    },
    onCommit: (listener) => void listeners.push(listener),
    sql: (text, values = []) => query(text, values),
  };
}

async function isCurrent(query: (text: string) => Promise<unknown[]>): Promise<boolean> {
  return (await pending(query)).length === 0;
}

/** Compares names only, so that an ordinary start loads no migration. */
async function pending(query: (text: string) => Promise<unknown[]>): Promise<readonly string[]> {
  const wanted = readdirSync(migrationsFolder)
    .filter((file) => /^Migration.*\.ts$/.test(file))
    .map((file) => file.replace(/\.ts$/, ''));
  const [table] = (await query(`select to_regclass('mikro_orm_migrations')::text as found`)) as {
    found: string | null;
  }[];
  if (!table?.found) return wanted;
  const done = (await query('select name from mikro_orm_migrations')) as { name: string }[];
  const applied = new Set(done.map((row) => row.name));
  return wanted.filter((name) => !applied.has(name));
}
