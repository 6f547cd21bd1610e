import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pino } from 'pino';
import { systemClock } from '#kernel/clock.ts';
import { readConfig } from '#kernel/config.ts';
import { createApp } from '../../src/app/app.ts';
import { startServer, type Server } from '../../src/main/server.ts';
import { freePort, testSecrets } from '../support/app.ts';
import { onServer } from '../support/database.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const server = process.env['TEST_DATABASE_URL'] ?? '';

/** Everything below needs a PostgreSQL that can be cut off; the embedded database is in the process itself. */
describe.skipIf(server === '')('PostgreSQL that starts late, goes down and hangs', () => {
  const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
  beforeAll(() => onServer(server, `create database ${name}`));
  afterAll(() => onServer(server, `drop database if exists ${name} with (force)`));

  async function start(proxy: TcpProxy): Promise<Server & { base: string; end(): Promise<void> }> {
    const databaseUrl = Object.assign(new URL(server), {
      hostname: '127.0.0.1',
      port: String(proxy.port),
      pathname: `/${name}`,
    }).href;
    const config = readConfig({
      PORT: String(await freePort()),
      DATABASE_URL: databaseUrl,
      LATCHKEY_SECRETS: testSecrets,
      WEB_CONCURRENCY: '1',
    });
    const running = await startServer({ config, log: pino({ level: 'silent' }), clock: systemClock, createApp });
    return { ...running, base: config.issuer, end: () => running.stop() };
  }

  async function ask(base: string, path: string, init: RequestInit = {}) {
    const begin = performance.now();
    const answer = await fetch(base + path, { redirect: 'manual', ...init });
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      text: await answer.text(),
      took: performance.now() - begin,
    };
  }

  const token = (base: string) =>
    ask(base, '/oidc/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: `c${randomBytes(4).toString('hex')}`,
        client_secret: 'x',
      }),
    });
  const authorize = (base: string) =>
    ask(base, `/oidc/auth?client_id=c${randomBytes(4).toString('hex')}&response_type=code`, {
      headers: { accept: 'text/html' },
    });
  const isReady = (base: string, status: number) =>
    vi.waitFor(async () => expect((await ask(base, '/readyz')).status).toBe(status), {
      timeout: 10_000,
      interval: 100,
    });

  test('the process waits for it, and recovers whenever it is back', async () => {
    const target = new URL(server);
    const proxy = await createTcpProxy({ host: target.hostname, port: Number(target.port || 5432) });
    await proxy.stop();
    const running = await start(proxy);
    const { base } = running;
    await delay(600);
    expect([
      (await ask(base, '/livez')).status,
      (await ask(base, '/readyz')).status,
      (await token(base)).status,
    ]).toEqual([200, 503, 503]);

    await proxy.start();
    await running.ready;
    await isReady(base, 200);
    expect((await token(base)).status).toBe(401);

    await proxy.stop();
    for (const answer of [await token(base), await authorize(base)]) {
      expect([answer.status, answer.retryAfter]).toEqual([503, '5']);
      expect(answer.took).toBeLessThan(5000);
      expect(answer.text).not.toMatch(/ECONN|postgres|select|Connection terminated/i);
    }
    await isReady(base, 503);
    expect((await ask(base, '/livez')).status).toBe(200);

    await proxy.start();
    await isReady(base, 200);
    expect((await token(base)).status).toBe(401);

    proxy.freeze();
    const hanging = await token(base);
    expect([hanging.status, hanging.retryAfter]).toEqual([503, '5']);
    expect(hanging.took).toBeLessThan(7000);
    proxy.thaw();
    await isReady(base, 200);
    expect((await authorize(base)).status).toBe(400);
    await running.end();
  });
});
