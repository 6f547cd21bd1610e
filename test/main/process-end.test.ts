/** Every process ends: at a fault whatever is open, and at a signal in every phase. Real processes, each row beside the others. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownDataFolder } from '#kernel/data-folder/data-folder.ts';
import { freePort, prepareDataFolder, startTestApp, type TestApp } from '../support/app.ts';
import { onServer } from '../support/database.ts';
import { endAll, type Ended, launch, type Running } from '../support/processes.ts';

const databaseServer = process.env['TEST_DATABASE_URL'] ?? '';
const otherRing = { LATCHKEY_SECRETS: 'another ring that never sealed anything' };
/** Nothing answers there, so its connection is tried again and again. */
const redisAway = { REDIS_URL: 'redis://:s3cr3tpw@127.0.0.1:1' };

const running: Running[] = [];
const listening: Server[] = [];
let around: string;
beforeAll(async () => {
  around = await mkdtemp(join(tmpdir(), 'latchkey-end-'));
});
afterAll(async () => {
  await endAll(running);
  for (const server of listening) server.close();
  await rm(around, { recursive: true, force: true });
});

type Env = Record<string, string>;
function run(words: string[], env: Env): Running {
  const one = launch(words, env);
  running.push(one);
  return one;
}

/** A port on which a listener accepts and says nothing. */
async function silentPort(): Promise<string> {
  const server = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  listening.push(server);
  await once(server, 'listening');
  return String((server.address() as AddressInfo).port);
}

const serve = async (env: Env): Promise<Running> => run(['serve'], { PORT: String(await freePort()), ...env });
/** After the log. */
const lastLine = ({ stderr }: Ended): string => stderr.trim().split('\n').at(-1) ?? '';

function expectFailure(ended: Ended, words: RegExp): void {
  expect([ended.code, ended.signal, lastLine(ended)]).toEqual([1, null, expect.stringMatching(words)]);
  expect(lastLine(ended)).toMatch(/^latchkey: /);
  expect(lastLine(ended)).not.toMatch(/at file:|node:internal/);
  expect(`${ended.stdout}${ended.stderr}`).not.toContain('s3cr3tpw');
}

describe.skipIf(databaseServer !== '')('on the embedded database', () => {
  let prepared: string;
  beforeAll(async () => {
    prepared = join(around, 'prepared');
    await prepareDataFolder(prepared);
  });
  const fresh = (): string => join(around, randomBytes(6).toString('hex'));

  describe.concurrent('a fault ends', () => {
    test.each<[string, () => Promise<Running>, RegExp]>([
      ['a server whose port is taken', async () => serve({ LATCHKEY_DATA: fresh(), PORT: await silentPort() }), /PORT/],
      ['a server whose host is elsewhere', async () => serve({ LATCHKEY_DATA: fresh(), HOST: '192.0.2.1' }), /HOST/],
      [
        'a server whose data folder cannot be made',
        async () => serve({ LATCHKEY_DATA: '/dev/null/x' }),
        /LATCHKEY_DATA/,
      ],
      [
        'a command whose data folder cannot be made',
        async () => run(['user', 'list'], { LATCHKEY_DATA: '/dev/null/x' }),
        /LATCHKEY_DATA/,
      ],
      [
        'a command whose data folder is not there, which it does not make',
        async () => run(['user', 'list'], { LATCHKEY_DATA: join(around, 'mistyped') }),
        /There is no data folder .*mistyped\..*latchkey serve/,
      ],
    ])('%s', async (_title, start, words) => {
      expectFailure(await (await start()).ended, words);
    });
  });

  /** One after another, because they have the folder. */
  describe('a fault ends a process that has opened everything:', () => {
    test.each<[string, () => Promise<Running>, RegExp]>([
      [
        'a server whose metrics port is taken',
        async () => serve({ LATCHKEY_DATA: prepared, METRICS_PORT: await silentPort(), ...redisAway }),
        /METRICS_PORT/,
      ],
      [
        'a server with another key ring, beside Redis',
        () => serve({ LATCHKEY_DATA: prepared, ...otherRing, ...redisAway }),
        /key ring/,
      ],
      [
        'a command with another key ring, beside Redis',
        async () => run(['keys', 'list'], { LATCHKEY_DATA: prepared, ...otherRing, ...redisAway }),
        /key ring/,
      ],
      [
        'a server whose database is damaged',
        async () => {
          const path = fresh();
          await cp(prepared, path, { recursive: true });
          await writeFile(join(path, 'database', 'global', 'pg_control'), 'damaged');
          return serve({ LATCHKEY_DATA: path });
        },
        /LATCHKEY_DATA.*restore the folder from a backup/,
      ],
    ])('%s', async (_title, start, words) => {
      expectFailure(await (await start()).ended, words);
    });
  });

  describe.concurrent('a signal ends', () => {
    test.each(['SIGTERM', 'SIGINT'] as const)('a server that waits for the folder, by %s', async (signal) => {
      const path = fresh();
      const held = await ownDataFolder(path, { task: { command: 'user import' }, onWaiting: () => undefined });
      const server = await serve({ LATCHKEY_DATA: path });
      await server.says('waiting for process');
      server.child.kill(signal);
      expect(await server.ended).toMatchObject({ code: 0 });
      held.release();
    });

    test.each([
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const)('a command that waits for the folder, by %s', async (signal, code) => {
      const path = fresh();
      const held = await ownDataFolder(path, { task: { command: 'user import' }, onWaiting: () => undefined });
      const command = run(['user', 'list'], { LATCHKEY_DATA: path });
      await command.says('waiting for process');
      command.child.kill(signal);
      expect(await command.ended).toMatchObject({ code, stdout: '' });
      held.release();
    });

    test('a command whose server does not respond', async () => {
      const path = fresh();
      await mkdir(path, { mode: 0o700 });
      const server = createServer((socket) => void socket.on('error', () => undefined)).listen(
        join(path, 'control.sock'),
      );
      listening.push(server);
      const command = run(['user', 'list'], { LATCHKEY_DATA: path });
      await once(server, 'connection');
      command.child.kill('SIGTERM');
      expect(await command.ended).toMatchObject({ code: 143 });
    });
  });

  describe('a signal ends a process that has opened everything:', () => {
    test('a server that creates its database', async () => {
      const path = fresh();
      const server = await serve({ LATCHKEY_DATA: path });
      await expect
        .poll(() => existsSync(join(path, 'database.unfinished')), { timeout: 60_000, interval: 5 })
        .toBe(true);
      server.child.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0 });
    });

    test('and a half-created database is created again', async () => {
      const path = fresh();
      await mkdir(join(path, 'database'), { recursive: true, mode: 0o700 });
      await writeFile(join(path, 'database.unfinished'), '');
      await writeFile(join(path, 'database', 'PG_VERSION'), 'half');
      const { code, stdout } = await run(['user', 'list', '--json'], { LATCHKEY_DATA: path }).ended;
      expect([code, JSON.parse(stdout)]).toEqual([0, { users: [], next_cursor: null }]);
      expect(existsSync(join(path, 'database.unfinished'))).toBe(false);
    });

    test('a server that runs without its Redis, and says so', async () => {
      const server = await serve({ LATCHKEY_DATA: prepared, ...redisAway });
      await server.says('Latchkey is ready');
      server.child.kill('SIGTERM');
      const ended = await server.ended;
      expect(ended.code).toBe(0);
      expect(ended.stdout).toContain('"at":"127.0.0.1:1"');
      expect(ended.stdout).not.toContain('s3cr3tpw');
    });
  });
});

describe.skipIf(databaseServer === '')('on PostgreSQL and Redis', () => {
  let latchkey: TestApp;
  let env: Env;
  beforeAll(async () => {
    latchkey = await startTestApp();
    const { databaseUrl, redisUrl } = latchkey.config;
    env = {
      DATABASE_URL: databaseUrl ?? '',
      WEB_CONCURRENCY: '1',
      ...(redisUrl ? { REDIS_URL: redisUrl } : redisAway),
    };
  });
  afterAll(() => latchkey.close());

  const at = (change: Partial<URL>): Env => ({
    DATABASE_URL: Object.assign(new URL(env['DATABASE_URL']!), { password: 's3cr3tpw' }, change).href,
  });

  /** A database on which the first migration fails. */
  async function inTheWay<T>(work: (database: Env) => Promise<T>): Promise<T> {
    const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
    await onServer(databaseServer, `create database ${name}`);
    const database = at({ pathname: `/${name}` });
    const client = new Client({ connectionString: database['DATABASE_URL']! });
    await client.connect();
    await client.query('create table mikro_orm_migrations (id int)');
    await client.end();
    return work(database).finally(() => onServer(databaseServer, `drop database ${name} with (force)`));
  }

  /** One after another, because each loads the product. */
  describe('a fault ends', () => {
    test.each<[string, () => Promise<Ended>, RegExp]>([
      ['a server with another key ring', async () => (await serve({ ...env, ...otherRing })).ended, /key ring/],
      [
        'two workers with another key ring, and their supervisor',
        async () => (await serve({ ...env, ...otherRing, WEB_CONCURRENCY: '2' })).ended,
        /key ring/,
      ],
      [
        'a command with another key ring',
        async () => run(['keys', 'list'], { ...env, ...otherRing }).ended,
        /key ring/,
      ],
      [
        'two workers whose port is taken, and their supervisor',
        async () => (await serve({ ...env, PORT: await silentPort(), WEB_CONCURRENCY: '2' })).ended,
        /PORT/,
      ],
      [
        'a supervisor whose metrics port is taken',
        async () => (await serve({ ...env, METRICS_PORT: await silentPort(), WEB_CONCURRENCY: '2' })).ended,
        /METRICS_PORT/,
      ],
      [
        'a server whose database does not exist',
        async () => (await serve({ ...env, ...at({ pathname: '/not_there' }) })).ended,
        /PostgreSQL at \S+ has no such database\. .*DATABASE_URL\. \(.*not_there/,
      ],
      [
        'a server whose migration fails',
        () => inTheWay(async (database) => (await serve({ ...env, ...database })).ended),
        /mikro_orm_migrations|column/,
      ],
      [
        'a migration that fails',
        () => inTheWay(async (database) => run(['migrate'], { ...env, ...database }).ended),
        /mikro_orm_migrations|column/,
      ],
    ])('%s', async (_title, start, words) => {
      expectFailure(await start(), words);
    });

    test('an export whose reader has closed', async () => {
      const command = run(['user', 'export'], env);
      command.child.stdout!.destroy();
      expect([0, 1]).toContain((await command.ended).code);
    });
  });

  describe.concurrent('a fault ends within five seconds, because the product is not loaded yet:', () => {
    test.each<[string, () => Promise<Ended>, RegExp]>([
      [
        'a command whose database is away',
        async () => run(['user', 'list'], { ...env, ...at({ host: '127.0.0.1:1' }) }).ended,
        /PostgreSQL at 127\.0\.0\.1:1 refuses connections\. .*DATABASE_URL/,
      ],
      [
        'a migration whose database is away',
        async () => run(['migrate'], { ...env, ...at({ host: '127.0.0.1:1' }) }).ended,
        /PostgreSQL at 127\.0\.0\.1:1 refuses connections/,
      ],
      [
        'a command whose database takes connections and is silent',
        async () => run(['user', 'list'], { ...env, ...at({ host: `127.0.0.1:${await silentPort()}` }) }).ended,
        /PostgreSQL at 127\.0\.0\.1:\d+ accepted no connection in time/,
      ],
      [
        'a command whose database has no such host',
        async () => run(['user', 'list'], { ...env, ...at({ host: 'nowhere.invalid' }) }).ended,
        /PostgreSQL at nowhere\.invalid:\d+ has a host that/,
      ],
    ])('%s', async (_title, start, words) => {
      expectFailure(await start(), words);
    });
  });

  describe('a signal ends', () => {
    test.each<[string, () => Promise<Running>, string | RegExp]>([
      [
        'a server that waits for its database',
        () => serve({ ...env, ...at({ host: '127.0.0.1:1' }) }),
        /the database is not there yet/,
      ],
      [
        'workers that wait for their database, and their supervisor',
        () => serve({ ...env, ...at({ host: '127.0.0.1:1' }), WEB_CONCURRENCY: '2' }),
        /the database is not there yet/,
      ],
      ['a server that runs', () => serve(env), 'Latchkey is ready'],
      ['workers that run, and their supervisor', () => serve({ ...env, WEB_CONCURRENCY: '2' }), 'Latchkey is ready'],
    ])('%s', async (_title, start, words) => {
      const server = await start();
      await server.says(words);
      server.child.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0 });
    });

    test.each<[string, (database: Env) => Promise<Running>, number]>([
      ['a server', (database) => serve({ ...env, ...database }), 0],
      ['a command', async (database) => run(['user', 'list'], { ...env, ...database }), 143],
    ])('%s that waits for another process to migrate', async (_title, start, code) => {
      const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
      await onServer(databaseServer, `create database ${name}`);
      const database = at({ pathname: `/${name}` });
      const other = new Client({ connectionString: database['DATABASE_URL']! });
      await other.connect();
      await other.query('select pg_advisory_lock(7809642057219958)');
      const waiting = await start(database);
      await waiting.says('waiting for another process');
      waiting.child.kill('SIGTERM');
      expect(await waiting.ended).toMatchObject({ code });
      await other.end();
      await onServer(databaseServer, `drop database ${name} with (force)`);
    });
  });
});
