import { pino } from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { ConfigError, readConfig } from '#kernel/config.ts';
import { createMetrics } from '#kernel/metrics.ts';
import { LONGEST_CLOSE, STOP_LONGEST_ANSWER } from '../../src/main/limits.ts';
import { startServer, type App, type Server } from '../../src/main/server.ts';
import { headerOf, raw, statusOf } from '../support/edge.ts';

const embedded = { PORT: '0', LATCHKEY_DATA: '/nowhere' };
const postgres = {
  ...embedded,
  DATABASE_URL: 'postgres://x@127.0.0.1:1/x',
  LATCHKEY_SECRETS: 'a secret of the tests long enough for a ring',
};
const away = () => Object.assign(new Error('nobody there'), { code: 'ECONNREFUSED' });

const running: Server[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

async function start(createApp: () => Promise<App>, env: Record<string, string> = embedded): Promise<Server> {
  const server = await startServer({
    config: readConfig(env),
    log: pino({ level: 'silent' }),
    clock: systemClock,
    createApp,
  });
  running.push(server);
  server.ready.catch(() => undefined);
  return server;
}

/** An application whose `/slow` answers when told to. */
function application(more: Partial<App> = {}) {
  const slow = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const closed = vi.fn(async () => undefined);
  const app: App = {
    callback: (req, res) => {
      if (req.url === '/slow') {
        arrived.resolve();
        void slow.promise.then(() => res.end('slow'));
      } else res.end('served');
    },
    close: closed,
    checks: { database: async () => 1 },
    ...more,
  };
  return { app, closed, arrived: arrived.promise, finish: slow.resolve };
}

const get = (server: Server, path: string, quiet = 5000): Promise<string> =>
  raw(server.port, `GET ${path} HTTP/1.1\r\nHost: any.test\r\nConnection: close\r\n\r\n`, quiet);
const statuses = async (server: Server, ...paths: string[]): Promise<number[]> =>
  Promise.all(paths.map(async (path) => statusOf(await get(server, path))));

describe('a start', () => {
  test('answers probes before the application is ready, and other requests with 503', async () => {
    const opening = Promise.withResolvers<App>();
    const server = await start(() => opening.promise);
    expect(await statuses(server, '/livez', '/readyz', '/')).toEqual([200, 503, 503]);
    expect(headerOf(await get(server, '/'), 'Retry-After')).toBe('1');
    opening.resolve(application().app);
    await server.ready;
    expect(await statuses(server, '/livez', '/readyz', '/')).toEqual([200, 200, 200]);
  });

  test('waits for a database that is starting, with growing pauses', async () => {
    const tries: number[] = [];
    const { app } = application();
    const server = await start(async () => {
      tries.push(performance.now());
      if (tries.length < 4) throw away();
      return app;
    }, postgres);
    expect(await statuses(server, '/livez', '/readyz')).toEqual([200, 503]);
    await server.ready;
    const pauses = tries.slice(1).map((at, i) => at - tries[i]!);
    expect(pauses[2]!).toBeGreaterThan(pauses[0]! * 2);
    expect(await statuses(server, '/readyz')).toEqual([200]);
  });

  test.each([
    ['of a fault', postgres, () => new TypeError('a bug')],
    ['of an embedded database that cannot open', embedded, away],
  ])('that can never succeed because %s ends', async (_title, env, error) => {
    const createApp = vi.fn(async () => {
      throw error();
    });
    const server = await start(createApp, env);
    await expect(server.ready).rejects.toThrow(error().message);
    expect(createApp).toHaveBeenCalledTimes(1);
  });

  test('prints its addresses when it is ready', async () => {
    const onListening = vi.fn(async () => undefined);
    const server = await start(async () => application({ onListening }).app);
    await server.ready;
    expect(onListening).toHaveBeenCalledTimes(1);
  });

  test('on an occupied port says which variable to change', async () => {
    const server = await start(async () => application().app);
    await expect(start(async () => application().app, { ...embedded, PORT: String(server.port) })).rejects.toThrow(
      ConfigError,
    );
    await expect(start(async () => application().app, { ...embedded, PORT: String(server.port) })).rejects.toThrow(
      'PORT',
    );
  });
});

describe('a stop', () => {
  test('finishes requests in progress, refuses new ones, and closes the application after the last response', async () => {
    const { app, closed, arrived, finish } = application();
    const server = await start(async () => app);
    await server.ready;
    await get(server, '/readyz');
    const inFlight = get(server, '/slow', 20_000);
    await arrived;
    const stopped = server.stop({ drain: 400 });

    const refused = await get(server, '/');
    expect([statusOf(refused), headerOf(refused, 'Connection'), headerOf(refused, 'Retry-After')]).toEqual([
      503,
      'close',
      '1',
    ]);
    expect(await statuses(server, '/readyz', '/livez')).toEqual([503, 200]);
    // The door is shut: what is left is the answer in flight.
    await vi.waitFor(async () => expect(await get(server, '/')).toBe(''), { timeout: 60_000 });
    expect(closed).not.toHaveBeenCalled();
    finish();
    expect(await inFlight).toContain('slow');
    await stopped;
    expect(closed).toHaveBeenCalledTimes(1);
    expect(await get(server, '/')).toBe('');
  });

  test('keeps the listener open for a balancer that watches, and for no other reason', async () => {
    const watched = await start(async () => application().app);
    await watched.ready;
    await get(watched, '/readyz');
    const begin = performance.now();
    await watched.stop({ drain: 400 });
    expect(performance.now() - begin).toBeGreaterThanOrEqual(390);

    const alone = await start(async () => application().app);
    await alone.ready;
    // Longer than this test may take.
    await alone.stop({ drain: 60_000 });
  });

  test('takes no longer than ten seconds', async () => {
    const never = new Promise<void>(() => undefined);
    const { app, arrived } = application({ close: () => never });
    const server = await start(async () => app);
    await server.ready;
    const hanging = get(server, '/slow', 20_000);
    await arrived;
    expect(STOP_LONGEST_ANSWER + LONGEST_CLOSE).toBeLessThan(10_000);
    await server.stop();
    expect(await hanging).toBe('');
  });

  test('during the wait for the database ends the wait', async () => {
    const createApp = vi.fn(() => Promise.reject<App>(away()));
    const server = await start(createApp, postgres);
    await vi.waitFor(() => expect(createApp).toHaveBeenCalled(), { timeout: 60_000 });
    await server.stop();
    await server.ready;
  });

  test('while the application opens closes it again', async () => {
    const opening = Promise.withResolvers<App>();
    const { app, closed } = application();
    const server = await start(() => opening.promise);
    await server.stop({ grace: 0 });
    opening.resolve(app);
    await server.ready;
    expect(closed).toHaveBeenCalledTimes(1);
  });
});

test('metrics are on a port of their own', async () => {
  const metrics = createMetrics();
  const server = await start(async () => application({ metrics }).app, { ...embedded, METRICS_PORT: '0' });
  await server.ready;
  const answer = await raw(server.metricsPort()!, 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(answer).toContain('latchkey_http_request_duration_seconds');
  expect(await get(server, '/metrics')).toContain('served');
  await server.stop();
  expect(await raw(server.metricsPort()!, 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
});
