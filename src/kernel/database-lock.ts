import { Client } from 'pg';
import { SECOND } from './clock.ts';

/** Any number that no other program on this database uses: "latchkey" as ASCII, cut to 63 bits. */
const MIGRATION_LOCK = '7809642057219958';

/** Runs `work` in one process at a time. The lock belongs to a connection of its own, so it ends with the process. */
export async function migrationLock(connectionString: string, work: () => Promise<void>): Promise<void> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: 2 * SECOND,
    application_name: 'latchkey migrate',
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await work();
  } finally {
    await client.end();
  }
}
