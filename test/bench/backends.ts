/** PostgreSQL and Redis: those that the environment names, else Debian's own programs on free ports, with their defaults. */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, run, stop } from './children.ts';

export type Backends = { databaseUrl: string; redisUrl: string; stop(): Promise<void> };

const DEBIAN = '/usr/lib/postgresql';

/** `settings`: of a PostgreSQL that is started here, in addition to its defaults. */
export async function startBackends(
  folder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Backends> {
  const postgres = process.env['BENCH_DATABASE_URL']
    ? { url: process.env['BENCH_DATABASE_URL'], stop: async () => undefined }
    : await startPostgres(join(folder, 'postgres'), settings);
  const redis = process.env['BENCH_REDIS_URL']
    ? { url: process.env['BENCH_REDIS_URL'], stop: async () => undefined }
    : await startRedis(folder);
  return {
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    async stop() {
      await postgres.stop();
      await redis.stop();
    },
  };
}

type Backend = { url: string; stop(): Promise<void> };

async function startPostgres(data: string, settings: Readonly<Record<string, string>>): Promise<Backend> {
  const bin = newestBin();
  const port = await freePort();
  mkdirSync(data);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(data, id('-u'), id('-g'));
  }
  // PostgreSQL refuses to run as root.
  const asUser = (command: string, args: readonly string[]): [string, string[]] =>
    isRoot
      ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', '--', command, ...args]]
      : [command, [...args]];
  const [initdb, initArgs] = asUser(join(bin, 'initdb'), [
    '-D',
    data,
    '-U',
    'latchkey',
    '--auth=trust',
    '-E',
    'UTF8',
    '--locale=C',
  ]);
  execFileSync(initdb, initArgs, { cwd: '/', stdio: 'ignore' });
  const [server, serverArgs] = asUser(join(bin, 'postgres'), [
    '-D',
    data,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'unix_socket_directories=',
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const child = run(server, serverArgs, { cwd: '/' });
  await untilOpen(port);
  await delay(500);
  return { url: `postgres://latchkey@127.0.0.1:${port}/postgres`, stop: () => stop(child, 'SIGINT') };
}

async function startRedis(folder: string): Promise<Backend> {
  const port = await freePort();
  const child = run('redis-server', [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ]);
  await untilOpen(port);
  return { url: `redis://127.0.0.1:${port}`, stop: () => stop(child, 'SIGTERM') };
}

function newestBin(): string {
  const versions = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .map(Number)
        .filter(Number.isFinite)
        .toSorted((a, b) => b - a)
    : [];
  if (versions[0] === undefined)
    throw new Error(
      'There is no PostgreSQL here. Install the package postgresql, name a server in BENCH_DATABASE_URL, or try --embedded.',
    );
  return join(DEBIAN, String(versions[0]), 'bin');
}

async function untilOpen(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' }, () => resolve(true)).on('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await delay(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}
