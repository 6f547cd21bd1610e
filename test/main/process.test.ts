import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { raw, statusOf, bodyOf } from '../support/edge.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const compileCache = join(import.meta.dirname, '../../node_modules/.cache/latchkey');

type Running = {
  child: ChildProcess;
  port: number;
  metricsPort: number;
  output: () => string;
  exited: Promise<number | null>;
};
const running: Running[] = [];

afterEach(async () => {
  for (const { child, exited } of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGKILL');
    await exited;
  }
});

const workersOf = (count: number) => ({
  DATABASE_URL: 'postgres://x@127.0.0.1:1/x',
  LATCHKEY_SECRETS: 'a secret of the tests long enough for a ring',
  WEB_CONCURRENCY: String(count),
});

async function launch(env: Record<string, string> = {}, ...args: string[]): Promise<Running> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serving-process.ts'), ...args], {
    // A group of its own, as a terminal gives one.
    detached: true,
    env: {
      ...env,
      NODE_COMPILE_CACHE: compileCache,
      PORT: String(port),
      METRICS_PORT: String(metricsPort),
      LATCHKEY_DATA: '/nowhere',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const one = {
    child,
    port,
    metricsPort,
    output: () => output,
    exited: once(child, 'exit').then(([code]) => code as number | null),
  };
  running.push(one);
  return one;
}

const get = ({ port }: Pick<Running, 'port'>, path: string, quiet = 8000) =>
  raw(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, quiet);
const isReady = (one: Running) =>
  vi.waitFor(async () => expect(statusOf(await get(one, '/readyz'))).toBe(200), { timeout: 60_000, interval: 100 });

async function launched(env?: Record<string, string>): Promise<Running> {
  const one = await launch(env);
  await isReady(one);
  return one;
}

/** A request for `/slow` is being worked on. */
const slowBegun = (one: Running) => vi.waitFor(() => expect(one.output()).toContain('slow begun'), 10_000);

/** Ids of the processes that answer. */
async function pids(one: Running, count: number): Promise<Set<number>> {
  const found = new Set<number>();
  await vi.waitFor(async () => {
    for (const answer of await Promise.all(Array.from({ length: 8 }, () => get(one, '/', 500))))
      if (statusOf(answer) === 200) found.add(Number(bodyOf(answer)));
    expect(found.size).toBeGreaterThanOrEqual(count);
  }, 15_000);
  return found;
}

describe.each([
  ['one process', {}],
  ['two workers', workersOf(2)],
])('%s', (_title, env) => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'told to stop by %s finishes its requests and exits with 0',
    async (signal) => {
      const one = await launched(env);
      const inFlight = get(one, '/slow');
      await slowBegun(one);
      one.child.kill(signal);
      await vi.waitFor(async () => expect([0, 503]).toContain(statusOf(await get(one, '/readyz'))), 10_000);
      expect(statusOf(await inFlight)).toBe(200);
      expect(await one.exited).toBe(0);
      expect(one.output()).toContain('closed');
    },
  );

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'told once by %s, which npm repeats, finishes its requests',
    async (signal) => {
      const one = await launched(env);
      const inFlight = get(one, '/slow');
      await slowBegun(one);
      one.child.kill(signal);
      await vi.waitFor(() => expect(one.output()).toContain('stopping'), { timeout: 5000, interval: 1 });
      one.child.kill(signal);
      expect(statusOf(await inFlight)).toBe(200);
      expect(await one.exited).toBe(0);
    },
  );

  test('told again later exits at once', async () => {
    const one = await launched(env);
    const inFlight = get(one, '/slow');
    await slowBegun(one);
    const insist = setInterval(() => one.child.kill('SIGTERM'), 50);
    expect(await one.exited).toBe(1);
    clearInterval(insist);
    expect(statusOf(await inFlight)).toBe(0);
  });

  test('prints its addresses once', async () => {
    const one = await launched(env);
    await pids(one, 1);
    await vi.waitFor(() => expect(one.output().match(/first words/g)).toHaveLength(1), 10_000);
  });

  test('that can never start prints the reason and exits', async () => {
    const one = await launch(env, '--broken');
    expect(await one.exited).toBe(1);
    expect(one.output()).toContain('this can never start');
  });
});

test('an unhandled rejection is logged, and requests continue', async () => {
  const one = await launched();
  await get(one, '/reject');
  expect(statusOf(await get(one, '/'))).toBe(200);
  expect(one.output()).toContain('nobody awaited me');
});

test('an uncaught exception is logged, and the process ends in order', async () => {
  const one = await launched();
  const inFlight = get(one, '/slow');
  await slowBegun(one);
  void get(one, '/throw');
  expect(statusOf(await inFlight)).toBe(200);
  expect(await one.exited).toBe(1);
  expect(one.output()).toContain('nobody caught me');
});

describe('a supervisor', () => {
  test('starts the requested number of workers, and replaces a dead one', async () => {
    const one = await launched(workersOf(2));
    const before = await pids(one, 2);
    await get(one, '/crash');
    const after = await pids(one, 2);
    expect([...after].filter((pid) => !before.has(pid))).toHaveLength(1);
    expect(one.output()).toContain('worker died');
    one.child.kill('SIGINT');
    expect(await one.exited).toBe(0);
  });

  test('passes an interrupt of the terminal on once, though its workers receive it too', async () => {
    const one = await launched(workersOf(2));
    const inFlight = get(one, '/slow');
    await slowBegun(one);
    process.kill(-one.child.pid!, 'SIGINT');
    expect(statusOf(await inFlight)).toBe(200);
    expect(await one.exited).toBe(0);
  });

  test('adds up the metrics of its workers', async () => {
    const one = await launched(workersOf(2));
    await pids(one, 2);
    const figures = async () =>
      (await raw(one.metricsPort, 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).match(
        /^latchkey_tokens_total\{grant="test"\} (\d+)$/m,
      )?.[1];
    const first = Number(await figures());
    for (let i = 0; i < 6; i += 1) await get(one, '/');
    expect(Number(await figures()) - first).toBe(6);
  });

  test('that dies ends its workers, so that the next start finds the port free', async () => {
    const one = await launched(workersOf(2));
    const workers = await pids(one, 2);
    one.child.kill('SIGKILL');
    await one.exited;
    for (const worker of workers)
      await vi.waitFor(() => expect(() => process.kill(worker, 0)).toThrow('ESRCH'), 10_000);
  });
});
