/**
 * `npm run bench:api`: reads at the management API, on 1,000 users and on 1,000,000, each beside a bare `node:http` server that answers
 * the same bytes, in turns, on one machine, in one run. Ratios come first.
 *
 *   --rounds N     turns of each side, at least 3 to be believed (5)
 *   --seconds N    length of one turn (2)
 *   --users N      users of the large side (1000000)
 *
 * BENCH_DATABASE_URL and BENCH_REDIS_URL name servers to use; without them Debian's are started on free ports.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { fromUuid } from '#kernel/ids.ts';
import { onServer } from '../support/database.ts';
import { type Backends, startBackends } from './backends.ts';
import { startBareSide } from './bare-side.ts';
import { freePort, Worker } from './children.ts';
import type { Work } from './load.ts';
import { serviceToken } from './own-tokens.ts';
import { basic, commandsIn, type Product, productEnvironment, raised, startProduct } from './product.ts';
import { isReached, type Row, table } from './table.ts';
import { Turntable, type Compared, type Side } from './turns.ts';
import { Connection, get } from './wire.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    users: { type: 'string', default: '1000000' },
  },
});
const turns = { rounds: Number(options.rounds), milliseconds: Number(options.seconds) * 1000, connections: 16 };
const SIDES = { small: 1000, large: Number(options.users) } as const;
/** Users who are read in turn, from all over the table. */
const READ = 100;
/** Pages of 100 that are read in turn, from the first one on: all users of the small side. */
const PAGES = 10;
/** Pages of the large side that are read in turn where nothing is to be in memory: more than a process keeps. */
const UNKNOWN_PAGES = 400;
/** PostgreSQL's manual recommends a quarter of the memory (§20.4.1). */
const BUFFERS = '1GB';
const LONGEST = 10 * 60_000;
const HOLDS = { user: '"credentials":[', list: '"next_cursor":', unknown: '"next_cursor":' } as const;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const number = (value: number): string => value.toLocaleString('en');

/** The ids are UUIDs of version 7, a second apart. */
const fill = (people: number): readonly string[] => [
  `insert into users (id, status, email, email_canonical, email_verified, phone_number, phone_number_verified, profile, properties,
     password_update_required, is_administrator, email_proof_due, created_at, updated_at)
   select (lpad(to_hex(1700000000000 + n * 1000), 12, '0') || '7' || substr(md5(n::text), 1, 3) || 'a' || substr(md5(n::text), 4, 15))::uuid,
     'active', 'person-' || n || '@example.com', 'person-' || n || '@example.com', true, '+1202555' || lpad((n % 10000)::text, 4, '0'), true,
     jsonb_build_object('name', 'Ada Lovelace ' || n, 'given_name', 'Ada', 'family_name', 'Lovelace ' || n, 'locale', 'en', 'zoneinfo', 'Europe/London'),
     '{}', false, false, false, to_timestamp(1700000000 + n), to_timestamp(1700000000 + n)
   from generate_series(1, ${people}) n`,
  `insert into password_credential (user_id, hash, changed_at) select id, '$argon2id$', created_at from users`,
  `insert into user_activity (user_id, last_active_at) select id, created_at from users`,
];

type Opened = { name: string; people: number; product: Product; requests: Record<keyof typeof HOLDS, string[]> };

async function open(folder: string, side: keyof typeof SIDES, backends: Backends): Promise<Opened> {
  const people = SIDES[side];
  const name = `latchkey_bench_${side}_${randomBytes(4).toString('hex')}`;
  await onServer(backends.databaseUrl, `create database ${name}`);
  const databaseUrl = Object.assign(new URL(backends.databaseUrl), { pathname: `/${name}` }).href;
  const port = await freePort();
  const env = productEnvironment(port, join(folder, side), { ...backends, databaseUrl });
  const command = commandsIn(env);
  for (const [setting, value] of Object.entries(raised)) await command('settings.update', { name: setting, value });
  const client = await command<{ client_id: string; client_secret: string }>('clients.create', {
    name: 'Service',
    type: 'machine',
    apis: { 'urn:latchkey:api': ['users.read'] },
  });
  const begin = performance.now();
  // Triggers tell processes of changes, and none runs here yet.
  await onServer(databaseUrl, ['set session_replication_role = replica', ...fill(people)].join(';\n'));
  await onServer(databaseUrl, 'vacuum analyze');
  await onServer(databaseUrl, 'checkpoint');
  say(`${number(people)} users filled in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  const product = await startProduct(env, folder);
  const host = `localhost:${port}`;
  const token = await serviceToken(port, host, basic(client), 'users.read');
  const headers = { Authorization: `Bearer ${token}` };
  const ids = await usersOf(databaseUrl, people);
  const pages = await pagesOf({ port, host, headers }, side === 'large' ? PAGES + UNKNOWN_PAGES : PAGES);
  return {
    name,
    people,
    product,
    requests: {
      user: ids.map((id) => get({ host, path: `/api/v1/users/${id}`, headers })),
      list: pages.slice(0, PAGES),
      unknown: pages.slice(PAGES),
    },
  };
}

/** Ids of users from all over the table. */
async function usersOf(databaseUrl: string, people: number): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ id: string }>(
    `select id from (select id, row_number() over (order by id) as n from users) u where n % $1 = 0 order by n limit $2`,
    [Math.max(1, Math.floor(people / READ)), READ],
  );
  await client.end();
  return rows.map(({ id }) => fromUuid('usr', id));
}

/** The requests of the first pages, each with the cursor of the one before. */
async function pagesOf(
  { port, host, headers }: { port: number; host: string; headers: Record<string, string> },
  many: number,
): Promise<string[]> {
  const connection = new Connection(port);
  const requests: string[] = [];
  for (let path = '/api/v1/users?limit=100'; requests.length < many;) {
    const request = get({ host, path, headers });
    const { status, body } = await connection.send(request);
    if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
    const { users, next_cursor: next } = JSON.parse(body) as { users: unknown[]; next_cursor: string | null };
    if (users.length !== 100) throw new Error(`${path}: ${users.length} users`);
    requests.push(request);
    if (next === null) break;
    path = `/api/v1/users?limit=100&cursor=${encodeURIComponent(next)}`;
  }
  connection.close();
  return requests;
}

const workOf = (requests: readonly string[], holds: string): Work => ({
  kind: 'requests',
  requests,
  status: 200,
  holds,
});
const sideOf = ({ product: { port, child } }: Opened, work: Work): Side => ({ port, pid: child.pid ?? 0, work });

async function againstBare(
  table: Turntable,
  opened: Opened,
  what: keyof typeof HOLDS,
  folder: string,
): Promise<Compared> {
  const work = workOf(opened.requests[what], HOLDS[what]);
  const { worker, port } = await startBareSide(opened.product.port, work, folder);
  try {
    return await table.compare(sideOf(opened, work), { port, pid: worker.pid, work });
  } finally {
    await worker.stop();
  }
}

const rowOf = (what: string, { ours, theirs, ratio }: Compared, atLeast?: number): Row => {
  say(`  ${what}: ${ratio.toFixed(2)}`);
  return {
    what,
    ours: ours.perSecond.toFixed(0),
    theirs: theirs.perSecond.toFixed(0),
    value: ratio,
    ...(atLeast === undefined ? {} : { target: { atLeast } }),
    times: [ours, theirs].map(({ p50, p99 }) => `${p50.toFixed(1)}/${p99.toFixed(1)}`).join(' · '),
    cpu: [ours, theirs].map(({ cpu }) => (cpu / 1000).toFixed(3)).join(' · '),
  };
};

async function main(folder: string, backends: Backends): Promise<Row[]> {
  const small = await open(folder, 'small', backends);
  const large = await open(folder, 'large', backends);
  const { worker: load } = await Worker.start('load.ts');
  const table = new Turntable(load, turns);
  const rows: Row[] = [];
  for (const [side, opened] of Object.entries({ small, large })) {
    const among = `${number(opened.people)} users`;
    const user = await againstBare(table, opened, 'user', folder);
    rows.push(rowOf(`a user of ${among}, against bare node:http`, user, 0.35));
    const list = await againstBare(table, opened, 'list', folder);
    rows.push(rowOf(`100 of ${among}, against bare node:http`, list, 0.3));
    if (side === 'large') {
      const unknown = await againstBare(table, opened, 'unknown', folder);
      rows.push(rowOf(`100 of ${among} who are not in memory, against bare node:http`, unknown));
      const works = [large, small].map((each) => sideOf(each, workOf(each.requests.list, HOLDS.list)));
      const compared = await table.compare(works[0]!, works[1]!);
      rows.push(rowOf(`100 of ${among}, against 100 of ${number(small.people)}`, compared, 1 / 1.3));
    }
  }
  await load.stop();
  await Promise.all([small.product.stop(), large.product.stop()]);
  for (const { name } of [small, large]) await onServer(backends.databaseUrl, `drop database ${name} with (force)`);
  return rows;
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
chmodSync(folder, 0o711);
setTimeout(() => {
  say(`The bench was stopped after ${LONGEST / 60_000} minutes.`);
  process.exit(1);
}, LONGEST).unref();
const backends = await startBackends(folder, { shared_buffers: BUFFERS });
try {
  const many = `${turns.rounds} turns of ${options.seconds} s, ${turns.connections} connections`;
  say(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.versions.node}, one worker; ${many}`,
  );
  const rows = await main(folder, backends);
  say(`\n${table(rows)}`);
  const short = rows.filter((row) => isReached(row) === false);
  say(
    short.length === 0
      ? '\nEvery target is reached.'
      : `\nShort of its target: ${short.map(({ what }) => what).join('; ')}.`,
  );
} finally {
  await backends.stop();
  if (!process.env['KEEP']) rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
