import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createHealth, type Health } from '#kernel/http/health.ts';

let health: Health;
let server: Server;
let origin: string;

beforeEach(async () => {
  health = createHealth();
  server = createServer((req, res) => {
    if (!health.answer(req, res)) res.writeHead(418).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => server.close());

async function ask(path: string, method = 'GET') {
  const answer = await fetch(origin + path, { method });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}
const up = async () => 'PostgreSQL 17 on node-7';
const down = async () => {
  throw new Error('password authentication failed for user "latchkey" at 10.0.0.7');
};
const never = () => new Promise<never>(() => undefined);

test('a starting process is alive and not ready', async () => {
  expect(await ask('/livez')).toMatchObject({ status: 200, text: '{"status":"alive"}' });
  expect(await ask('/readyz')).toMatchObject({ status: 503, text: '{"status":"starting"}' });
});

test.each([
  ['both answer', up, up, 200, { status: 'ready', database: 'up', redis: 'up' }],
  ['there is no Redis', up, undefined, 200, { status: 'ready', database: 'up' }],
  ['Redis is away, which is told and not required', up, down, 200, { status: 'ready', database: 'up', redis: 'down' }],
  ['the database is away', down, up, 503, { status: 'unavailable', database: 'down', redis: 'up' }],
  ['nothing answers', down, down, 503, { status: 'unavailable', database: 'down', redis: 'down' }],
])('readiness if %s, in words and nothing else', async (_title, database, redis, status, expected) => {
  health.serving({ database, redis });
  const answer = await ask('/readyz');
  expect([answer.status, JSON.parse(answer.text)]).toEqual([status, expected]);
  expect((await ask('/livez')).status).toBe(200);
});

test('below the path of the issuer both answer as at the root, because a probe comes past the proxy or through it', async () => {
  health = createHealth('/id');
  for (const path of ['/livez', '/id/livez']) expect((await ask(path)).status, path).toBe(200);
  for (const path of ['/readyz', '/id/readyz?x']) expect((await ask(path)).status, path).toBe(503);
  for (const path of ['/idlivez', '/id', '/id/', '/ID/livez', '//id/livez', '/id/id/livez'])
    expect((await ask(path)).status, path).toBe(418);
});

test('a silent database counts as down after two seconds', async () => {
  health.serving({ database: never });
  const begin = performance.now();
  expect(await ask('/readyz')).toMatchObject({ status: 503, text: '{"status":"unavailable","database":"down"}' });
  expect(performance.now() - begin).toBeGreaterThan(1900);
  expect(performance.now() - begin).toBeLessThan(8000);
});

test('a dependency is checked once a second, for any number of probes', async () => {
  const database = vi.fn(up);
  health.serving({ database });
  await Promise.all(Array.from({ length: 20 }, () => ask('/readyz')));
  await ask('/readyz');
  expect(database).toHaveBeenCalledTimes(1);
  await vi.waitFor(
    async () => {
      await ask('/readyz');
      expect(database).toHaveBeenCalledTimes(2);
    },
    { timeout: 60_000 },
  );
});

test('a stop is visible at once, also to a probe that waits for the database', async () => {
  const database = vi.fn(never);
  health.serving({ database });
  const waiting = ask('/readyz');
  await vi.waitFor(() => expect(database).toHaveBeenCalled(), { timeout: 60_000 });
  health.stopping();
  expect(await ask('/readyz')).toMatchObject({ status: 503, text: '{"status":"stopping"}' });
  expect(await waiting).toMatchObject({ status: 503, text: '{"status":"stopping"}' });
  expect((await ask('/livez')).status).toBe(200);
});

test('a probe for readiness shows that a balancer watches', async () => {
  await ask('/livez');
  expect(health.isWatched()).toBe(false);
  await ask('/readyz');
  expect(health.isWatched()).toBe(true);
});

test('HEAD has no body, other methods are refused with the allowed ones, other paths are passed on', async () => {
  expect(await ask('/livez', 'HEAD')).toMatchObject({ status: 200, text: '' });
  const refused = await ask('/readyz', 'POST');
  expect([refused.status, refused.headers.get('Allow')]).toEqual([405, 'GET, HEAD']);
  expect((await ask('/livez?verbose')).status).toBe(200);
  for (const path of ['/livez/', '/Livez', '/livez/x', '/readyzz', '/'])
    expect((await ask(path)).status, path).toBe(418);
});

test('no response may be cached, and an unready one says when to retry', async () => {
  const answer = await ask('/readyz');
  expect([
    answer.headers.get('Cache-Control'),
    answer.headers.get('Retry-After'),
    answer.headers.get('Content-Type'),
  ]).toEqual(['no-store', '1', 'application/json; charset=utf-8']);
});
