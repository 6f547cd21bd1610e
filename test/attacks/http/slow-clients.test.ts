import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Listener, openListener } from '#kernel/http/listener.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { raw, statusOf } from '../../support/edge.ts';

/** The limits are the production limits divided by ten: test/kernel/http/listener.test.ts holds their numbers. */
const FASTER = 10;
const CLIENTS = 150;

let latchkey: TestApp;
let listener: Listener;
beforeAll(async () => {
  latchkey = await startTestApp();
  listener = await openListener({ port: 0, host: '127.0.0.1', tls: undefined }, latchkey.app.callback);
  listener.server.headersTimeout /= FASTER;
  listener.server.requestTimeout /= FASTER;
});
afterAll(async () => {
  await listener?.close(0);
  await latchkey?.close();
});

/** Sockets that send a byte now and then; how long each was tolerated, in milliseconds. */
function dribble(first: string, more: string): Promise<number[]> {
  const one = (): Promise<number> =>
    new Promise((resolve) => {
      const begin = performance.now();
      const socket = connect(listener.port, '127.0.0.1', () => socket.write(first));
      const timer = setInterval(() => socket.write(more), 1500 / FASTER);
      socket.on('error', () => undefined);
      socket.resume().on('close', () => {
        clearInterval(timer);
        resolve(performance.now() - begin);
      });
    });
  return Promise.all(Array.from({ length: CLIENTS }, one));
}

/** How many requests of an honest client are answered before that is over. */
async function honestAnswers(until: Promise<unknown>): Promise<number> {
  let answers = 0;
  let isOver = false;
  void until.then(() => (isOver = true));
  const goesOn = (): boolean => !isOver;
  while (goesOn()) {
    const host = new URL(latchkey.base).host;
    const path = '/.well-known/openid-configuration';
    const answer = await raw(
      listener.port,
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      20_000,
    );
    expect(statusOf(answer)).toBe(200);
    answers += 1;
  }
  return answers;
}

describe.concurrent('slow clients', { timeout: 60_000 }, () => {
  test.each([
    ['headers', 'headersTimeout', 'GET / HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n'],
    [
      'bodies',
      'requestTimeout',
      'POST /oidc/token HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8192\r\n\r\n',
      'a',
    ],
  ] as const)(
    '%s are disconnected after their time limit, and no other client waits for them',
    async (_what, limit, first, more) => {
      const lived = dribble(first.replace('HOST', new URL(latchkey.base).host), more);
      expect(await honestAnswers(lived)).toBeGreaterThan(10);
      expect(Math.min(...(await lived))).toBeGreaterThan(listener.server[limit] / 2);
    },
  );
});
