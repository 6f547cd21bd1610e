/**
 * The whole product in this process, over HTTP on loopback. Each start makes a new application; the embedded database below it
 * is the one that the last file of this worker has closed, emptied (embedded.ts).
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { Redis } from 'ioredis';
import type { HashCost } from '#credentials/module.ts';
import { systemClock } from '#kernel/clock.ts';
import { type Config, readConfig } from '#kernel/config.ts';
import { runOperation } from './operations.ts';
import type { Outbound } from '#kernel/http/outbound.ts';
import { openListener } from '#kernel/http/listener.ts';
import { createLog, type Log } from '#kernel/log.ts';
import { type App, createApp } from '../../src/app/app.ts';
import { copyOnServer } from './database.ts';
import { openSnapshot, unpackSnapshot } from './embedded.ts';

export const testSecrets = 'a-secret-that-only-the-tests-know-01';
export const password = 'correct horse battery staple 9';
/** A production hash takes 24 ms of processor time; thousands of sign-ins with it would only make the tests slow. */
const cheapHashes: HashCost = { memoryCost: 1024, timeCost: 1 };

export type TestApp = {
  /** The issuer: `http://localhost:PORT`, with its path if it has one. */
  base: string;
  app: App;
  config: Config;
  /** Runs a command as the command line does; throws what it refuses. */
  run<T = Record<string, unknown>>(name: string, input?: unknown): Promise<T>;
  /** A relying party; `client_secret` is there unless the client is public. */
  client(given?: Record<string, unknown>): Promise<TestClient>;
  /** A person whose password is `password`. */
  user(given?: Record<string, unknown>): Promise<TestUser>;
  close(): Promise<void>;
};

export type TestClient = {
  client_id: string;
  client_secret: string;
  redirect_uris: string[];
  [member: string]: unknown;
};
export type TestUser = { id: string; email: string; password: string };

type Options = {
  log?: Log;
  /** Policies that differ from the defaults: `{ 'oidc.registration': 'open' }`. */
  settings?: Readonly<Record<string, unknown>>;
  /** Variables that differ from the defaults, also by the port on loopback at which the application will be. */
  env?: Readonly<Record<string, string>> | ((port: number) => Readonly<Record<string, string>>);
  /** On the embedded database even when the other tests run on a server: what belongs to it alone, the demo for one. */
  embedded?: boolean;
  /** Hashes passwords at the cost of production: for tests about hashes. */
  safeHashes?: boolean;
  /** In place of the client for outgoing requests. */
  outbound?: Outbound;
};

/** Nothing listens there: a browser is stopped before it follows. */
export const redirectUri = 'http://127.0.0.1:9/cb';

const quietLog = createLog({ level: process.env['TEST_LOG'] ?? 'silent' });

/** Signing keys take a second to make, so the snapshot holds some, sealed under the tests' secret. */
async function startedPglite(): Promise<PGlite> {
  return openSnapshot('started', prepareStarted);
}

async function prepareStarted(pglite: PGlite): Promise<void> {
  const config = readConfig({ LATCHKEY_SECRETS: testSecrets });
  await startOnce(await createApp({ config, log: quietLog, clock: systemClock, pglite }));
}

/** A data folder in which the product has started once, for processes of its own that know `testSecrets`. */
export async function prepareDataFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  await unpackSnapshot('started', prepareStarted, join(path, 'database'));
}

/** Leaves keys behind, and nothing that would ask anybody outside this machine. */
async function startOnce(app: App): Promise<void> {
  await runOperation(app.operations, 'settings.update', { name: 'password.breachCheck', value: 'false' });
  await app.close();
}

/** A database on the server of TEST_DATABASE_URL, copied from one in which the product has started once. */
const createOnServer = (server: string) =>
  copyOnServer(server, 'started', async (databaseUrl) => {
    const config = readConfig({ LATCHKEY_SECRETS: testSecrets, DATABASE_URL: databaseUrl });
    await startOnce(await createApp({ config, log: quietLog, clock: systemClock }));
  });

/** Redis has sixteen databases; the first is everybody's, of the others each of the three workers takes five in turn. */
const DATABASES_PER_WORKER = 5;
let redisTurn = 0;

/** A database of Redis that nobody else uses now: limits by address would add up over test files. */
export async function emptyRedis(server: string): Promise<string> {
  const worker = (Number(process.env['VITEST_POOL_ID'] ?? 1) - 1) % 3;
  const number = 1 + worker * DATABASES_PER_WORKER + (redisTurn++ % DATABASES_PER_WORKER);
  const url = Object.assign(new URL(server), { pathname: `/${number}` }).href;
  const redis = new Redis(url);
  await redis.flushdb();
  redis.disconnect();
  return url;
}

/** A port that no other process gets before it is released. */
async function holdPort(): Promise<{ port: number; release(): Promise<void> }> {
  const holder = createServer().unref();
  await new Promise<void>((resolve) => void holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as { port: number };
  return { port, release: () => new Promise((resolve) => void holder.close(() => resolve())) };
}

export async function freePort(): Promise<number> {
  const { port, release } = await holdPort();
  await release();
  return port;
}

export async function startTestApp({
  settings = {},
  env = {},
  embedded = false,
  safeHashes = false,
  log = quietLog,
  outbound,
}: Options = {}): Promise<TestApp> {
  const { port, release } = await holdPort();
  const server = embedded ? undefined : process.env['TEST_DATABASE_URL'];
  const redisServer = process.env['TEST_REDIS_URL'];
  const onPostgres = server ? await createOnServer(server) : null;
  const pglite = onPostgres ? undefined : await startedPglite();
  const config = readConfig({
    PORT: String(port),
    LATCHKEY_SECRETS: testSecrets,
    ...(onPostgres ? { DATABASE_URL: onPostgres.databaseUrl, DATABASE_POOL: '8' } : {}),
    ...(redisServer ? { REDIS_URL: await emptyRedis(redisServer) } : {}),
    WEB_CONCURRENCY: '1',
    ...(typeof env === 'function' ? env(port) : env),
  });
  const app = await createApp({
    config,
    log,
    clock: systemClock,
    ...(pglite ? { pglite } : {}),
    ...(safeHashes ? {} : { hashCost: cheapHashes }),
    ...(outbound ? { outbound } : {}),
  });
  await release();
  await app.applyEnvironment();
  const listener = await openListener(config, app.callback);
  await app.startJobs();

  async function run<T>(name: string, input: unknown = {}): Promise<T> {
    const answer = await runOperation(app.operations, name, input);
    if (!answer.ok) throw new Error(`${name}: ${answer.code} ${answer.message}`);
    return answer.result as T;
  }

  for (const [name, value] of Object.entries(settings))
    await run('settings.update', { name, value: JSON.stringify(value) });

  return {
    base: config.issuer,
    app,
    config,
    run,
    client: (given = {}) =>
      run<TestClient>('clients.create', { name: 'Shop', type: 'web', redirect_uris: [redirectUri], ...given }),
    async user(given = {}) {
      const email = `p${randomBytes(6).toString('hex')}@example.com`;
      const made = await run<{ id: string; email: string }>('users.create', { email, password, ...given });
      return { ...made, password: typeof given['password'] === 'string' ? given['password'] : password };
    },
    async close() {
      await listener.close(0);
      await app.close();
      await pglite?.close();
      await onPostgres?.drop();
    },
  };
}
