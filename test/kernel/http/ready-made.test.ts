import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { bodyOf, headerOf, openEdge, request, statusOf, type Context, type TestEdge } from '../../support/edge.ts';

let edge: TestEdge;
/** How often the application itself was asked. */
let asked: number;
let answer: (ctx: Context) => void;

beforeEach(async () => {
  asked = 0;
  answer = (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=300');
    ctx.body = { keys: [asked] };
  };
  const route = (ctx: Context): void => {
    asked += 1;
    answer(ctx);
  };
  edge = await openEdge({
    mounts: [
      { path: '/keys', audience: 'oauth', methods: ['GET', 'OPTIONS'], crossOrigin: true, constant: true },
      { path: '/mine', audience: 'oauth', methods: ['GET'] },
    ],
    routes: (router) => router.get('/keys', route).get('/mine', route),
  });
});
afterEach(() => edge.close());

const get = (path = '/keys', ...headers: string[]) => request(edge, `GET ${path}`, headers);
const comparable = (text: string) =>
  text
    .toLowerCase()
    .replace(/^date: .*\r\n/m, '')
    .split('\r\n')
    .toSorted();

describe('a constant document', () => {
  test('is made once and then sent unchanged, byte for byte and header for header', async () => {
    const [first, second] = [await get(), await get()];
    expect(asked).toBe(1);
    expect(comparable(second)).toEqual(comparable(first));
    expect(headerOf(second, 'Cross-Origin-Resource-Policy')).toBe('cross-origin');
    expect(headerOf(second, 'X-Content-Type-Options')).toBe('nosniff');
    expect(JSON.parse(bodyOf(second))).toEqual({ keys: [1] });
  });

  test('is counted like every other response', async () => {
    await get();
    await get();
    expect(edge.answered.map(({ mount, status }) => [mount?.path, status])).toEqual([
      ['/keys', 200],
      ['/keys', 200],
    ]);
  });

  test('is made again after a second', async () => {
    await get();
    await vi.waitFor(async () => expect(JSON.parse(bodyOf(await get()))).toEqual({ keys: [2] }), { timeout: 60_000 });
  });

  test('is dropped at once when its content changes', async () => {
    await get();
    edge.edge.forgetReady();
    expect(JSON.parse(bodyOf(await get()))).toEqual({ keys: [2] });
  });

  test.each([
    ['a query', '/keys?x=1', []],
    ['an origin', '/keys', ['Origin: https://spa.test']],
    ['a condition', '/keys', ['If-None-Match: "x"']],
    ['a range', '/keys', ['Range: bytes=0-1']],
    ['a body', '/keys', ['Content-Length: 0']],
  ])(
    'is left to the application for a request with %s, which does not affect others',
    async (_title, path, headers) => {
      await get();
      await get(path, ...headers);
      expect(asked).toBe(2);
      expect(JSON.parse(bodyOf(await get()))).toEqual({ keys: [1] });
    },
  );

  test('is sent with all guards: host and methods', async () => {
    await get();
    expect(statusOf(await request({ ...edge, host: 'evil.test' }, 'GET /keys'))).toBe(421);
    expect(statusOf(await get('/keys', `Host: ${edge.host}`))).toBe(400);
    expect(statusOf(await request(edge, 'POST /keys'))).toBe(405);
    expect(statusOf(await get('/KEYS'))).toBe(404);
    expect(bodyOf(await request(edge, 'HEAD /keys'))).toBe('');
  });
});

test.each([
  ['an error', (ctx: Context) => void (ctx.status = 500)],
  ['a refusal', (ctx: Context) => ctx.throw(404)],
  ['what sets a cookie', (ctx: Context) => void (ctx.cookies.set('a', 'b', { signed: false }), (ctx.body = {}))],
])('%s is not cached', async (_title, wrong) => {
  answer = wrong;
  await get();
  await get();
  expect(asked).toBe(2);
});

test('other documents are built each time', async () => {
  await get('/mine');
  await get('/mine');
  expect(asked).toBe(2);
});
