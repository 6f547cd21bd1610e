/**
 * `npm run bench`: the product beside what it is built on, in turns, on one machine, in one run. Ratios come first: what a
 * machine does in a second differs from hour to hour, how two servers on it compare hardly does.
 *
 *   --embedded     the product on its embedded database instead of PostgreSQL and Redis
 *   --only WORD    scenarios whose name holds the word; nothing about starting
 *   --rounds N     turns of each side, at least 3 to be believed (3)
 *   --seconds N    length of one turn (2)
 *
 * BENCH_DATABASE_URL and BENCH_REDIS_URL name servers to use; without them Debian's are started on free ports.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { onServer } from '../support/database.ts';
import { type Backends, startBackends } from './backends.ts';
import type { Minted, Setup } from './bare-engine.ts';
import { startBareSide } from './bare-side.ts';
import { freePort, residentMemory, Worker } from './children.ts';
import type { Hashing, HashLibrary } from './hashing-alone.ts';
import { serviceToken, signedInTokens, unusedTokens } from './own-tokens.ts';
import { type Prepared, prepare, type Product, productEnvironment, redirectUri, startProduct } from './product.ts';
import { keysIn, settleLimits } from './limits.ts';
import { type Scenario, scenarios, scope, type SideTokens } from './scenarios.ts';
import type { SignInJob } from './sign-in.ts';
import { measureStarts } from './starts.ts';
import { isReached, median, type Row, table } from './table.ts';
import { summary, type Summary, type Turn, Turntable } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    embedded: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
  },
});
const turns = { rounds: Number(options.rounds), milliseconds: Number(options.seconds) * 1000, connections: 16 };

/** Each signs in on a connection of its own. */
const PEOPLE = 8;
/** Refresh tokens that are rotated side by side, access tokens that are shown in turn: few enough for the memory adapter. */
const TOKENS = 64;
/** Shown in turn, these are long forgotten when their turn comes again. */
const UNUSED = 6400;
/** Before sign-ins are counted, so that a server is measured which has served some hundreds of them. */
const WARM_UP_TURNS = 5;
const LONGEST = 8 * 60_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const isWanted = (what: string): boolean => options.only === undefined || what.includes(options.only);
const cpu = (ours: Summary, theirs: Summary): string =>
  `${[ours, theirs].map(({ cpu }) => (cpu / 1000).toFixed(2)).join(' · ')}`;
const pair = (ours: Summary, theirs: Summary): string =>
  `${[ours, theirs].map(({ p50, p99 }) => `${p50.toFixed(1)}/${p99.toFixed(1)}`).join(' · ')}`;
const rate = (perSecond: number): string => perSecond.toFixed(perSecond < 100 ? 1 : 0);

async function main(folder: string, backends: Backends | null): Promise<Row[]> {
  const rows: Row[] = [];
  if (options.only === undefined) rows.push(...(await startRows(folder, backends)));

  const port = await freePort();
  const env = productEnvironment(port, join(folder, 'product'), backends);
  let product: Product;
  let prepared: Prepared;
  if (backends) {
    prepared = await prepare(env, PEOPLE);
    // Users who come back are not the ones of this hour, whose registration may still be open.
    await onServer(backends.databaseUrl, `update users set created_at = created_at - interval '1 day'`);
    product = await startProduct(env, folder);
  } else {
    product = await startProduct(env, folder);
    prepared = await prepare(env, PEOPLE);
  }
  const { worker: load } = await Worker.start('load.ts');
  try {
    for (const scenario of scenarios(prepared).filter(({ what }) => isWanted(what)))
      rows.push(await scenarioRow(scenario, { product, prepared, load, folder }));
    for (const isReturning of [false, true])
      if (isWanted(isReturning ? 'password sign-in of a returning browser' : 'password sign-in'))
        rows.push(...(await signInRows(product, prepared, load, isReturning)));
    rows.push({
      what: 'memory after load',
      ours: '',
      theirs: '',
      value: residentMemory(product.child.pid ?? 0),
      unit: ' MiB',
      target: backends && options.only === undefined ? { atMost: 300 } : undefined,
    });
  } finally {
    await load.stop();
    await product.stop();
  }
  return rows;
}

async function startRows(folder: string, backends: Backends | null): Promise<Row[]> {
  const rows: Row[] = [];
  const one = { ours: '', theirs: '' };
  if (backends) {
    const { seconds, mebibytes } = await measureStarts(folder, backends);
    rows.push({ ...one, what: 'ready on PostgreSQL', value: seconds, unit: ' s', target: { atMost: 1 } });
    rows.push({ ...one, what: 'idle memory on PostgreSQL', value: mebibytes, unit: ' MiB', target: { atMost: 150 } });
  }
  const embedded = await measureStarts(folder, null);
  rows.push({
    ...one,
    what: 'ready on an existing embedded folder',
    value: embedded.seconds,
    unit: ' s',
    target: { atMost: 2.5 },
  });
  rows.push({ ...one, what: 'idle memory, embedded', value: embedded.mebibytes, unit: ' MiB' });
  return rows;
}

async function scenarioRow(
  scenario: Scenario,
  { product, prepared, load, folder }: { product: Product; prepared: Prepared; load: Worker; folder: string },
): Promise<Row> {
  const host = `localhost:${product.port}`;
  const needsTokens = /^(refresh|introspection|userinfo)/.test(scenario.what);
  const own = needsTokens
    ? await ownTokens(product, prepared, scenario.isCold === true)
    : scenario.what.startsWith('access.check')
      ? {
          accessTokens: [await serviceToken(product.port, host, prepared.service.authorization, 'access.check')],
          chains: [],
        }
      : none;
  const work = scenario.work(host, own);
  const {
    worker,
    port: theirPort,
    tokens,
  } = scenario.against === 'engine'
    ? await startEngine(prepared, needsTokens)
    : { ...(await startBareSide(product.port, work, folder)), tokens: none };
  try {
    const table = new Turntable(load, turns);
    const { ours, theirs, ratio } = await table.compare(
      { port: product.port, work, pid: product.child.pid ?? 0 },
      { port: theirPort, pid: worker.pid, work: scenario.work(`localhost:${theirPort}`, tokens) },
    );
    say(`  ${scenario.what}: ${ratio.toFixed(2)}`);
    return {
      what: `${scenario.what}, against ${scenario.against === 'engine' ? 'the bare engine' : 'bare node:http'}`,
      ours: rate(ours.perSecond),
      theirs: rate(theirs.perSecond),
      value: ratio,
      target: scenario.target === undefined ? undefined : { atLeast: scenario.target },
      times: pair(ours, theirs),
      cpu: cpu(ours, theirs),
    };
  } finally {
    await worker.stop();
  }
}

type Peer = { worker: Worker; port: number; tokens: SideTokens };
const none: SideTokens = { accessTokens: [], chains: [] };

async function startEngine({ client, apis, people }: Prepared, needsTokens: boolean): Promise<Peer> {
  const { client_id, client_secret, redirect_uris } = client;
  const setup: Setup = {
    port: await freePort(),
    client: { client_id, client_secret, redirect_uris },
    apis,
    scope: `${scope} offline_access`,
    people,
  };
  const { worker, first } = await Worker.start<{ port: number }>('bare-engine.ts', {
    BENCH_SETUP: JSON.stringify(setup),
  });
  if (!needsTokens) return { worker, port: first.port, tokens: none };
  const { minted } = await worker.ask<{ minted: Minted }>({ count: TOKENS });
  return { worker, port: first.port, tokens: { accessTokens: minted.accessTokens, chains: minted.refreshTokens } };
}

function signInJob(product: Product, { client, authorization, people }: Prepared, offline: boolean): SignInJob {
  return {
    host: `localhost:${product.port}`,
    clientId: client.client_id,
    authorization,
    redirectUri,
    scope,
    offline,
    people,
  };
}

async function ownTokens(product: Product, prepared: Prepared, isCold: boolean): Promise<SideTokens> {
  const job = signInJob(product, prepared, true);
  const tokens = await signedInTokens(product.port, job, TOKENS / PEOPLE);
  if (!isCold) return tokens;
  return { accessTokens: await unusedTokens(product.port, job, tokens.chains, UNUSED / TOKENS), chains: [] };
}

/** Against the hashes that this machine checks alone, in turns. */
async function signInRows(product: Product, prepared: Prepared, load: Worker, isReturning: boolean): Promise<Row[]> {
  const job = { ...signInJob(product, prepared, false), ...(isReturning ? { known: [] } : {}) };
  if (isReturning) await signedInTokens(product.port, job, 1);
  const { worker: hashing } = await Worker.start('hashing-alone.ts');
  const table = new Turntable(load, { ...turns, connections: PEOPLE });
  const side = {
    port: product.port,
    pid: product.child.pid ?? 0,
    work: { kind: 'sign-in' as const, ...job },
  };
  const hash = async (library: HashLibrary): Promise<Hashing> =>
    (await hashing.ask<{ hashing: Hashing }>({ library, milliseconds: turns.milliseconds })).hashing;
  const results: ({ turn: Turn } & Record<HashLibrary, Hashing>)[] = [];
  try {
    // Much of a server is compiled while it serves; the hashes are compiled already.
    await table.turn(side, WARM_UP_TURNS * turns.milliseconds);
    for (let round = 0; round < turns.rounds; round += 1)
      results.push({
        turn: await table.turn(side, 2 * turns.milliseconds),
        argon2: await hash('argon2'),
        ours: await hash('ours'),
      });
  } finally {
    await hashing.stop();
  }
  const ours = summary(results.map(({ turn }) => turn));
  const what = isReturning ? 'password sign-in of a returning browser' : 'password sign-in';
  const against = (library: HashLibrary, words: string, atLeast?: number): Row => {
    const alone = results.map((result) => result[library]);
    const ratio = median(results.map((result) => result.turn.perSecond / result[library].perSecond));
    say(`  ${what}, against ${words}: ${ratio.toFixed(2)}`);
    return {
      what: `${what}, against ${words}`,
      ours: rate(ours.perSecond),
      theirs: rate(median(alone.map(({ perSecond }) => perSecond))),
      value: ratio,
      target: atLeast === undefined ? undefined : { atLeast },
      times: pair(ours, {
        perSecond: 0,
        cpu: 0,
        p50: median(alone.map(({ p50 }) => p50)),
        p99: median(alone.map(({ p99 }) => p99)),
      }),
      cpu: (ours.cpu / 1000).toFixed(2),
    };
  };
  return [
    against('argon2', 'argon2id alone', isReturning ? 0.6 : undefined),
    against('ours', 'argon2id alone by the library that it uses'),
  ];
}

/** A database of its own on whatever server is used. */
async function withDatabase<T>(folder: string, work: (backends: Backends | null) => Promise<T>): Promise<T> {
  if (options.embedded) return work(null);
  const backends = await startBackends(folder);
  const name = `latchkey_bench_${randomBytes(4).toString('hex')}`;
  try {
    await onServer(backends.databaseUrl, `create database ${name}`);
    try {
      const own = {
        ...backends,
        databaseUrl: Object.assign(new URL(backends.databaseUrl), { pathname: `/${name}` }).href,
      };
      const before = await keysIn(own.redisUrl);
      const done = await work(own);
      say(await settleLimits(own, before, join(folder, 'product.log')));
      return done;
    } finally {
      await onServer(backends.databaseUrl, `drop database ${name} with (force)`);
    }
  } finally {
    await backends.stop();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
chmodSync(folder, 0o711);
setTimeout(() => {
  say(`The bench was stopped after ${LONGEST / 60_000} minutes.`);
  process.exit(1);
}, LONGEST).unref();

try {
  say(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.versions.node}, ${options.embedded ? 'embedded database' : 'PostgreSQL and Redis'}, one worker; ${turns.rounds} turns of ${options.seconds} s, ${turns.connections} connections`,
  );
  const rows = await withDatabase(folder, async (backends) => main(folder, backends));
  say(`\n${table(rows)}`);
  const short = rows.filter((row) => isReached(row) === false);
  say(
    short.length === 0
      ? '\nEvery target is reached.'
      : `\nShort of its target: ${short.map(({ what }) => what).join('; ')}.`,
  );
} finally {
  if (!process.env['KEEP']) rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
