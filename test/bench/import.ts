/**
 * `node test/bench/import.ts`: people taken in from a file by `latchkey user import`, beside the same rows written by the
 * same number of bare multi-row inserts, in turns, on one PostgreSQL, in one run.
 *
 *   --people N    people in the file (100000)
 *   --rounds N    turns of each side (3)
 *
 * BENCH_DATABASE_URL names a server to use; without it Debian's is started on a free port.
 */
import { once } from 'node:events';
import { chmodSync, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { newId, toUuid } from '#kernel/ids.ts';
import { readJsonLines } from '#migration/files/json-lines.ts';
import { onServer } from '../support/database.ts';
import { startBackends } from './backends.ts';
import { productEnvironment } from './product.ts';
import { median } from './table.ts';

const { values: options } = parseArgs({
  options: { people: { type: 'string', default: '100000' }, rounds: { type: 'string', default: '3' } },
});
const people = Number(options.people);
const BATCH = 500;
const door = join(import.meta.dirname, '../../src/main/cli.ts');
const say = (text: string): void => void process.stdout.write(`${text}\n`);

type Person = { email: string; password_hash: string; given_name: string; properties: object };
const person = (i: number): Person => ({
  email: `person${i}@example.com`,
  password_hash: `$2b$10$${String(i).padStart(22, 'a').slice(-21)}uubyCG3zY1GIXMyxfivm.ClDiInHzxj`
    .padEnd(60, 'q')
    .slice(0, 60),
  given_name: `Person ${i}`,
  properties: { plan: i % 3 ? 'free' : 'gold', joined: 2020 + (i % 6) },
});

async function writePeople(path: string): Promise<void> {
  const file = createWriteStream(path);
  for (let i = 0; i < people; i += 1)
    if (!file.write(`${JSON.stringify({ ...person(i), email_verified: i % 2 === 0 })}\n`)) await once(file, 'drain');
  file.end();
  await once(file, 'close');
}

/** Runs the command line as an operator would; answers with seconds and the most memory that its process had. */
async function latchkey(
  env: Record<string, string>,
  ...words: string[]
): Promise<{ seconds: number; mebibytes: number; stdout: string }> {
  const begin = performance.now();
  const child = spawn(process.execPath, [door, ...words], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)));
  let mebibytes = 0;
  const watch = setInterval(() => (mebibytes = Math.max(mebibytes, highWater(child.pid))), 100);
  const [code] = (await once(child, 'close')) as [number];
  clearInterval(watch);
  if (code !== 0) throw new Error(`latchkey ${words.join(' ')} ended with ${code}`);
  return { seconds: (performance.now() - begin) / 1000, mebibytes, stdout };
}

function highWater(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** The same rows of people and passwords, without a look at them, without rules, without a record of what happened. */
async function bare(databaseUrl: string, path: string): Promise<number> {
  const begin = performance.now();
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  let batch: Person[] = [];
  const flush = async () => {
    const rows = JSON.stringify(batch.map((one) => ({ ...one, id: toUuid(newId('usr')) })));
    await client.query('begin');
    await client.query(
      `insert into users (id, status, email, email_canonical, email_verified, phone_number_verified, profile, properties, is_administrator, password_update_required, created_at, updated_at)
       select id, 'active', email, email, email_verified, false, jsonb_build_object('given_name', given_name), properties, false, false, now(), now()
       from jsonb_to_recordset($1::jsonb) as r (id uuid, email text, email_verified boolean, given_name text, properties jsonb)`,
      [rows],
    );
    await client.query(
      `insert into password_credential (user_id, hash, scheme, changed_at) select id, password_hash, 'bcrypt', now()
       from jsonb_to_recordset($1::jsonb) as r (id uuid, password_hash text)`,
      [rows],
    );
    await client.query('commit');
    batch = [];
  };
  for await (const { record } of readJsonLines(path)) {
    batch.push(record as Person);
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  await client.end();
  return (performance.now() - begin) / 1000;
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-import-'));
chmodSync(folder, 0o711);
const backends = await startBackends(folder);
try {
  const server = backends.databaseUrl;
  const at = (name: string): string => Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const environment = (name: string) =>
    productEnvironment(0, join(folder, 'data'), { ...backends, databaseUrl: at(name) });
  const path = join(folder, 'people.jsonl');
  await writePeople(path);
  await onServer(server, 'create database import_template');
  const start = await latchkey(environment('import_template'), 'user', 'list');

  const ours: number[] = [];
  const theirs: number[] = [];
  let memory = 0;
  for (let round = 0; round < Number(options.rounds); round += 1) {
    const sides = [
      async (name: string) => {
        const { seconds, mebibytes, stdout } = await latchkey(environment(name), 'user', 'import', path, '--json');
        const { created } = JSON.parse(stdout) as { created: number };
        if (created !== people) throw new Error(`${created} of ${people} people were taken in`);
        ours.push(people / seconds);
        memory = Math.max(memory, mebibytes);
      },
      async (name: string) => void theirs.push(people / (await bare(at(name), path))),
    ];
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      await onServer(server, 'create database import_turn template import_template');
      await side('import_turn');
      await onServer(server, 'drop database import_turn with (force)');
    }
  }
  say(`people                 ${people}, in batches of ${BATCH}`);
  say(
    `latchkey user import   ${median(ours).toFixed(0)} a second, at most ${memory.toFixed(0)} MiB (${start.mebibytes.toFixed(0)} MiB for user list)`,
  );
  say(`bare inserts           ${median(theirs).toFixed(0)} a second`);
  say(`ratio                  ${(median(ours) / median(theirs)).toFixed(2)}`);
} finally {
  await backends.stop();
  rmSync(folder, { recursive: true, force: true });
}
