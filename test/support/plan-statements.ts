/**
 * Has a server plan the statements that a run on the embedded database has sent (statements.ts), on the tables of all migrations.
 * The embedded database is PostgreSQL 17 or newer; a server may be older, and refuses here what it does not know.
 *
 *   TEST_DATABASE_URL=postgres://… node test/support/plan-statements.ts FOLDER
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, DatabaseError } from 'pg';
import { migratedOnServer } from './database.ts';

/** The tables of jobs, which pg-boss makes, and the tables of single tests are not there: undefined_table, invalid_schema_name. */
const elsewhere = ['42P01', '3F000'];

const folder = process.argv[2] ?? '';
const server = process.env['TEST_DATABASE_URL'] ?? '';
const texts = readdirSync(folder)
  .flatMap((file) => readFileSync(join(folder, file), 'utf8').trim().split('\n'))
  .map((line) => JSON.parse(line) as string);

const { databaseUrl, drop } = await migratedOnServer(server);
const client = new Client({ connectionString: databaseUrl });
await client.connect();
const refused: string[] = [];
let planned = 0;
for (const text of new Set(texts)) {
  try {
    await client.query('deallocate all');
    await client.query(`prepare planned as ${text}`);
    planned += 1;
  } catch (error) {
    if (error instanceof DatabaseError && elsewhere.includes(error.code ?? '')) continue;
    refused.push(`${String(error)}\n    ${text}`);
  }
}
await client.end();
await drop();
console.log(`${planned} statements planned, ${refused.length} refused`);
for (const each of refused) console.log(each);
process.exitCode = refused.length === 0 && planned > 0 ? 0 : 1;
