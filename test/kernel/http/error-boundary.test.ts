import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '#kernel/errors.ts';
import { noteFault } from '#kernel/http/error-boundary.ts';
import { readForm } from '#kernel/http/body.ts';
import { bodyOf, headerOf, openEdge, request, statusOf, type Context, type TestEdge } from '../../support/edge.ts';

const canary = 'select * from secrets where id = 7';
const gone = () => Object.assign(new Error(`Connection terminated unexpectedly: ${canary}`), { code: 'ECONNREFUSED' });

/** Faults of a route. */
const accidents: Record<string, (ctx: Context) => unknown> = {
  fault: () => {
    throw new Error(canary, { cause: new Error('the cause') });
  },
  text: () => {
    throw canary;
  },
  away: () => {
    throw gone();
  },
  refusal: () => {
    throw new AppError({
      code: 'things.not_found',
      status: 404,
      message: 'There is no such thing.',
      details: { thing: 'thg_1' },
      cause: new Error(canary),
    });
  },
  teapot: () => {
    throw new AppError({ code: 'things.strange', status: 422, message: 'That <b>cannot</b> be.' });
  },
  throttled: () => {
    throw new AppError({ code: 'things.throttled', status: 429, message: 'Too often.', details: { retryAfter: 30.2 } });
  },
  library: () => {
    throw Object.assign(new Error(canary), { status: 413, expose: true });
  },
  silent: (ctx) => {
    ctx.status = 404;
  },
  half: (ctx) => {
    ctx.set('ETag', 'x');
    ctx.set('Location', '/secret');
    ctx.set('Cache-Control', 'public, max-age=60');
    ctx.type = 'image/png';
    ctx.body = Buffer.alloc(7);
    throw new Error(canary);
  },
  'noted away': (ctx) => {
    ctx.status = 500;
    ctx.body = { error: 'server_error' };
    noteFault(ctx, gone());
  },
  'noted fault': (ctx) => {
    ctx.status = 500;
    ctx.body = { error: 'server_error' };
    noteFault(ctx, new Error(canary));
  },
};

let edge: TestEdge;
beforeAll(async () => {
  edge = await openEdge({
    routes(router) {
      for (const path of ['/page', '/api/things', '/oauth/keys'])
        router.get(path, async (ctx: Context) => void (await accidents[String(ctx.query['do'])]?.(ctx)));
      router.get('/page/stream', (ctx) => {
        ctx.body = Readable.from(
          (async function* broken() {
            yield 'the beginning';
            throw new Error(canary);
          })(),
        );
      });
      router.post('/page', async (ctx: Context) => void (await readForm(ctx)));
    },
  });
});
afterAll(() => edge.close());
beforeEach(() => void (edge.log.length = 0));

const get = (path: string, what: string, ...headers: string[]) =>
  request(edge, `GET ${path}?do=${encodeURIComponent(what)}`, headers);
const logged = (message: string) => edge.log.filter((line) => line['msg'] === message);

describe('a fault', () => {
  test.each([
    ['/page', 'text/html; charset=utf-8'],
    ['/api/things', 'application/problem+json; charset=utf-8'],
    ['/oauth/keys', 'application/json; charset=utf-8'],
  ])('at %s is 500 in the format of its audience, with its request id and nothing else', async (path, type) => {
    for (const what of ['fault', 'text', 'half']) {
      const answer = await get(path, what);
      expect([statusOf(answer), headerOf(answer, 'Content-Type'), headerOf(answer, 'Cache-Control')]).toEqual([
        500,
        type,
        'no-store',
      ]);
      expect(answer).not.toMatch(/select \*|the cause|error-boundary|Location|ETag/);
    }
  });

  test('is logged once, with the id that is shown', async () => {
    const answer = await get('/api/things', 'fault');
    const { requestId } = JSON.parse(bodyOf(answer)) as { requestId: string };
    expect(logged('fault')).toEqual([
      expect.objectContaining({
        requestId,
        err: expect.objectContaining({ message: `${canary}: the cause` }) as unknown,
      }),
    ]);
  });

  test('names its request on the page', async () => {
    const answer = await get('/page', 'fault');
    expect(answer).toContain(String(logged('fault')[0]!['requestId']));
  });

  test('of a client of OAuth is `server_error` (RFC 6749 §4.1.2.1)', async () => {
    expect(JSON.parse(bodyOf(await get('/oauth/keys', 'fault')))).toMatchObject({ error: 'server_error' });
  });

  test('that the engine answered itself is logged and not changed', async () => {
    const answer = await get('/oauth/keys', 'noted fault');
    expect([statusOf(answer), bodyOf(answer)]).toEqual([500, '{"error":"server_error"}']);
    expect(logged('fault')).toHaveLength(1);
  });

  test('in the middle of a response cuts it, so that a part is not taken for the whole', async () => {
    const answer = await request(edge, 'GET /page/stream');
    expect(answer).not.toContain(canary);
    expect(answer).not.toMatch(/\r\n0\r\n\r\n$/);
  });
});

describe('a database that is down', () => {
  test.each([
    ['/page', 'away'],
    ['/api/things', 'away'],
    ['/oauth/keys', 'away'],
    ['/oauth/keys', 'noted away'],
  ])('at %s (%s) is 503 with Retry-After', async (path, what) => {
    const answer = await get(path, what);
    expect([statusOf(answer), headerOf(answer, 'Retry-After')]).toEqual([503, '5']);
    expect(answer).not.toContain(canary);
    expect(logged('a dependency is away')).toHaveLength(1);
    expect(logged('fault')).toEqual([]);
  });

  test('tells an OAuth client to retry', async () => {
    expect(JSON.parse(bodyOf(await get('/oauth/keys', 'noted away')))).toMatchObject({
      error: 'temporarily_unavailable',
    });
  });
});

describe('a refusal', () => {
  test('of an API is a problem document with its code and details (RFC 9457 §3)', async () => {
    const answer = await get('/api/things', 'refusal');
    expect(JSON.parse(bodyOf(answer))).toEqual({
      type: 'urn:latchkey:problem:things.not_found',
      title: 'Not Found',
      status: 404,
      detail: 'There is no such thing.',
      code: 'things.not_found',
      thing: 'thg_1',
      requestId: expect.stringMatching(/^[\da-f-]{36}$/) as unknown,
    });
    expect(edge.log.filter((line) => line['level'] !== 'info')).toEqual([]);
  });

  test.each([
    ['refusal', 404],
    ['teapot', 422],
    ['throttled', 429],
    ['library', 413],
    ['silent', 404],
  ])('on a page (%s) is a page with status %i', async (what, status) => {
    const answer = await get('/page', what);
    expect([statusOf(answer), headerOf(answer, 'Content-Type')]).toEqual([status, 'text/html; charset=utf-8']);
    expect(answer).not.toContain(canary);
    expect(answer).not.toContain('<b>cannot</b>');
  });

  test.each(['/page', '/api/things', '/oauth/keys'])(
    'of too many requests at %s says when to retry, in whole seconds',
    async (path) => {
      expect(headerOf(await get(path, 'throttled'), 'Retry-After')).toBe('31');
    },
  );

  test('on a page is a problem to a script that asks for JSON', async () => {
    const answer = await get('/page', 'refusal', 'Accept: application/json');
    expect(headerOf(answer, 'Content-Type')).toBe('application/problem+json; charset=utf-8');
  });

  test('uses the language of the browser', async () => {
    expect(bodyOf(await get('/page', 'refusal', 'Accept-Language: de'))).toContain('<html lang="de"');
  });
});

test('a client that disconnects during its request is not a fault', async () => {
  const socket = connect(edge.port, '127.0.0.1');
  socket.write(
    `POST /page HTTP/1.1\r\nHost: ${edge.host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\na=`,
  );
  // Its word to go on: the request has arrived.
  await once(socket, 'data');
  socket.destroy();
  await vi.waitFor(() => expect(logged('request')).toHaveLength(1), { timeout: 60_000 });
  expect(logged('fault')).toEqual([]);
});
