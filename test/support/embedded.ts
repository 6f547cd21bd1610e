/**
 * Embedded databases in memory. The first one on this machine is prepared and dumped, the others load the dump. Test files
 * of one worker run one after the other, so a database that is closed is emptied again and waits for the next file.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { HOUR, systemClock } from '#kernel/clock.ts';
import { migrationsFolder } from '#kernel/database.ts';
import { recordStatements } from './statements.ts';

const cache = join(import.meta.dirname, '../../node_modules/.cache/latchkey-test-databases');

/** The rows and sequences of a snapshot, and what its schema looks like. */
type Origin = {
  shape: string;
  schemas: readonly string[];
  tables: readonly string[];
  rows: ReadonlyMap<string, Blob>;
  sequences: string;
};
type Engine = { pglite: PGlite; origin: Origin };

/** At most one of each snapshot waits: a database takes some 200 MB. */
const waiting = new Map<string, Engine>();

/** A database as `prepare` left it. `close` hands it to the next one who asks for the same snapshot. */
export async function openSnapshot(name: string, prepare: (pglite: PGlite) => Promise<void>): Promise<PGlite> {
  const engine = waiting.get(name) ?? (await load(await snapshotOf(name, prepare)));
  waiting.delete(name);
  return lend(engine.pglite, async () => {
    if (waiting.has(name) || !(await restore(engine))) await engine.pglite.close();
    else waiting.set(name, engine);
  });
}

/** The same database for one borrower: what still reaches for it after `close` fails instead of touching the next one's rows. */
function lend(pglite: PGlite, giveBack: () => Promise<void>): PGlite {
  let isOver = false;
  const close = async () => {
    if (isOver) return;
    isOver = true;
    await giveBack();
  };
  return new Proxy(pglite, {
    get(target, key) {
      if (key === 'close') return close;
      if (isOver && key === 'closed') return true;
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (isOver) throw new Error('PGlite is closed');
      return value.bind(target) as unknown;
    },
  });
}

/** The same database in a folder, for processes of its own. */
export async function unpackSnapshot(
  name: string,
  prepare: (pglite: PGlite) => Promise<void>,
  dataDir: string,
): Promise<void> {
  const loadDataDir = new Blob([readFileSync(await snapshotOf(name, prepare))]);
  await (await PGlite.create({ dataDir, loadDataDir })).close();
}

async function load(snapshot: string): Promise<Engine> {
  const pglite = await PGlite.create({ loadDataDir: new Blob([readFileSync(snapshot)]) });
  recordStatements(pglite);
  const rows = new Map<string, Blob>();
  // A partitioned table has its rows in its partitions.
  for (const table of await tablesOf(pglite, 'r')) {
    const { rows: found } = await pglite.query(`select 1 from ${table} limit 1`);
    if (found.length > 0) rows.set(table, (await pglite.query(`copy ${table} to '/dev/blob'`)).blob!);
  }
  const sequences = await pglite.query<{ back: string }>(`
    select format('select setval(%L, %s, %L)', format('%I.%I', schemaname, sequencename),
      coalesce(last_value, start_value), last_value is not null) as back
    from pg_sequences`);
  const origin = {
    shape: await shapeOf(pglite),
    schemas: await schemasOf(pglite),
    tables: await tablesOf(pglite),
    rows,
    sequences: sequences.rows.map(({ back }) => back).join(';'),
  };
  return { pglite, origin };
}

/** Drops the tables that a test has added. False when it has changed others, so that the database must not be used again. */
async function restore({ pglite, origin }: Engine): Promise<boolean> {
  await pglite.exec('rollback');
  await pglite.exec('discard all');
  const added = (await schemasOf(pglite)).filter((schema) => !origin.schemas.includes(schema));
  for (const schema of added) await pglite.exec(`drop schema ${schema} cascade`);
  const later = (await tablesOf(pglite)).filter((table) => !origin.tables.includes(table));
  if (later.length > 0) await pglite.exec(`drop table ${later.join(', ')} cascade`);
  if ((await shapeOf(pglite)) !== origin.shape) return false;
  // Triggers and foreign keys have held for these rows before. To truncate a table costs the same with and without rows.
  const filled = await filledTablesOf(pglite);
  await pglite.exec('set session_replication_role = replica');
  await pglite.exec(filled.map((table) => `delete from ${table}`).join(';'));
  await pglite.exec(`vacuum (truncate) ${filled.join(', ')}`);
  for (const [table, blob] of origin.rows) await pglite.query(`copy ${table} from '/dev/blob'`, [], { blob });
  // Without a checkpoint the log of all test files together would stay in memory.
  await pglite.exec(`reset session_replication_role; ${origin.sequences}; checkpoint`);
  return true;
}

const OWN = "nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and nspname not like 'pg_temp%'";

async function schemasOf(pglite: PGlite): Promise<string[]> {
  const { rows } = await pglite.query<{ name: string }>(
    `select quote_ident(nspname) as name from pg_namespace where ${OWN}`,
  );
  return rows.map(({ name }) => name);
}

async function tablesOf(pglite: PGlite, kinds = 'rp'): Promise<string[]> {
  const { rows } = await pglite.query<{ name: string }>(`
    select format('%I.%I', nspname, relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace
    where ${OWN} and strpos('${kinds}', relkind::text) > 0 order by c.oid`);
  return rows.map(({ name }) => name);
}

/** Those whose file has pages. */
async function filledTablesOf(pglite: PGlite): Promise<string[]> {
  const { rows } = await pglite.query<{ name: string }>(`
    select format('%I.%I', nspname, relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace
    where ${OWN} and relkind = 'r' and pg_relation_size(c.oid) > 0`);
  return rows.map(({ name }) => name);
}

/** How many columns, indexes, constraints, triggers and functions there are, and the transaction that last changed one. */
async function shapeOf(pglite: PGlite): Promise<string> {
  const catalogs = ['attribute', 'index', 'constraint', 'trigger', 'proc', 'type', 'rewrite'];
  const { rows } = await pglite.query<{ shape: string }>(
    `select concat_ws(' ', ${catalogs
      .map((name) => `(select count(*) || ' ' || max(xmin::text::bigint) from pg_${name})`)
      .join(', ')}) as shape`,
  );
  return rows[0]!.shape;
}

async function snapshotOf(name: string, prepare: (pglite: PGlite) => Promise<void>): Promise<string> {
  const snapshot = join(cache, `${name}-${fingerprint()}.tar`);
  if (existsSync(snapshot)) return snapshot;
  await mkdir(cache, { recursive: true });
  await forgetOldSnapshots();
  const pglite = await PGlite.create();
  await prepare(pglite);
  const draft = `${snapshot}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, Buffer.from(await (await pglite.dumpDataDir('none')).arrayBuffer()));
  await rename(draft, snapshot);
  await pglite.close();
  return snapshot;
}

/** 40 MB each, so snapshots of edited migrations are deleted. */
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
