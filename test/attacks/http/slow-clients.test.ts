import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

const CLIENTS = 150;

/** Sockets that send a byte now and then; how long each was tolerated, in milliseconds. */
function dribble(first: string, more: string): { lived: Promise<number[]> } {
  const { hostname, port } = new URL(latchkey.base);
  const one = (): Promise<number> =>
    new Promise((resolve) => {
      const begin = performance.now();
      const socket: Socket = connect(Number(port), hostname === 'localhost' ? '127.0.0.1' : hostname, () =>
        socket.write(first),
      );
      const timer = setInterval(() => socket.write(more), 1500);
      socket.on('error', () => undefined);
      socket.resume().on('close', () => {
        clearInterval(timer);
        resolve(performance.now() - begin);
      });
    });
  return { lived: Promise.all(Array.from({ length: CLIENTS }, one)) };
}

/** How long an honest client waits meanwhile, once a quarter of a second. */
async function honestWaits(until: Promise<unknown>): Promise<number[]> {
  const waits: number[] = [];
  let isOver = false;
  void until.then(() => (isOver = true));
  const goesOn = (): boolean => !isOver;
  while (goesOn()) {
    const begin = performance.now();
    const answer = await fetch(`${latchkey.base}/.well-known/openid-configuration`);
    await answer.arrayBuffer();
    expect(answer.status).toBe(200);
    waits.push(performance.now() - begin);
    await delay(250);
  }
  return waits;
}

const p99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0;

describe.concurrent('clients that dribble', { timeout: 60_000 }, () => {
  test.each([
    ['their headers are cut within 15 seconds', 15_500, 'GET / HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n'],
    [
      'their bodies are cut within 30 seconds',
      30_500,
      'POST /oidc/token HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8192\r\n\r\n',
      'a',
    ],
  ])('%s, and nobody else waits for them', async (_title, limit, first, more) => {
    const { lived } = dribble(first.replace('HOST', new URL(latchkey.base).host), more);
    const waits = await honestWaits(lived);
    const times = await lived;
    expect(Math.max(...times)).toBeLessThan(limit);
    expect(Math.min(...times)).toBeGreaterThan(limit / 2);
    expect(p99(waits)).toBeLessThan(1000);
  });
});
