import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { SECOND } from './clock.ts';
import type { Log } from './log.ts';
import { DatabaseAway } from './postgres/patient-pool.ts';

/** Any number that no other program on this database uses: "latchkey" as ASCII, cut to 63 bits. */
const MIGRATION_LOCK = '7809642057219958';

/** The process starts and ends in this time, so that an operator hears within `DATABASE_CONNECT_SECONDS` that the database is away. */
const START_AND_END = 1.5 * SECOND;
/** However short the setting is, a connection has this long. */
const SHORTEST_CONNECT = SECOND;

/** How often a process asks whether another one has finished the migrations. */
const LOCK_INTERVAL = SECOND / 4;

export type Reach = { connectionString: string; connectSeconds: number };
type Query = (text: string) => Promise<unknown[]>;
type Migration = {
  isCurrent(query: Query): Promise<boolean>;
  apply(): Promise<void>;
};

/**
 * Applies what is missing, in one process at a time. The lock belongs to a connection of its own, so it ends with the process.
 * @throws DatabaseAway
 */
export async function migrateAlone(reach: Reach, migration: Migration, log: Log): Promise<void> {
  const client = await connect(reach);
  const query: Query = async (text) => (await client.query(text)).rows;
  try {
    if (await migration.isCurrent(query)) return;
    // A statement that waits for the lock would hold a snapshot, and an index that is built concurrently waits for all snapshots.
    for (let attempt = 0; !(await isTaken(query)); attempt += 1) {
      if (attempt === 0) log.warn('waiting for another process, which migrates the database');
      await delay(LOCK_INTERVAL);
    }
    if (!(await migration.isCurrent(query))) await migration.apply();
  } finally {
    await client.end();
  }
}

async function isTaken(query: Query): Promise<boolean> {
  const [row] = (await query(`select pg_try_advisory_lock(${MIGRATION_LOCK}) as taken`)) as { taken: boolean }[];
  return row?.taken === true;
}

/** Longest that DDL waits for those who use the table, who wait behind it meanwhile. */
const LOCK_TIMEOUT = 2 * SECOND;

/** One transaction on a connection of its own. @throws DatabaseAway */
export async function inOwnTransaction<T>(
  reach: Reach,
  work: (query: <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>) => Promise<T>,
): Promise<T> {
  const client = await connect(reach);
  try {
    await client.query(`begin; set local lock_timeout = ${LOCK_TIMEOUT}`);
    const result = await work(async (text, values = []) => (await client.query(text, [...values])).rows as never);
    await client.query('commit');
    return result;
  } finally {
    await client.end();
  }
}

/** Whether there is a database, before the product is loaded. @throws DatabaseAway */
export async function reachDatabase(reach: Reach): Promise<void> {
  const client = await connect(reach);
  await client.end();
}

async function connect({ connectionString, connectSeconds }: Reach): Promise<Client> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: Math.max(connectSeconds * SECOND - START_AND_END, SHORTEST_CONNECT),
    application_name: 'latchkey migrate',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (cause) {
    throw new DatabaseAway(cause, client);
  }
}
