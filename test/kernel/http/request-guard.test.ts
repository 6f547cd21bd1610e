import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readForm, readJson } from '#kernel/http/body.ts';
import { bodyOf, headerOf, openEdge, raw, request, statusOf, type TestEdge } from '../../support/edge.ts';

let edge: TestEdge;
const reached: string[] = [];

beforeAll(async () => {
  edge = await openEdge({
    routes(router) {
      router.get('/', (ctx) => {
        reached.push(ctx.originalUrl);
        ctx.body = ctx.href;
      });
      router.get('/page', (ctx) => {
        reached.push(ctx.originalUrl);
        ctx.body = 'page';
      });
      router.get('/page/:id', (ctx) => {
        reached.push(ctx.originalUrl);
        ctx.body = String(ctx['params']['id']);
      });
      router.post('/page', async (ctx) => {
        ctx.body = [...(await readForm(ctx))];
      });
      router.post('/api/things', async (ctx) => {
        ctx.body = { read: await readJson(ctx) };
      });
      // Like the engine, with its own reader on the stream.
      router.post('/oauth/token', async (ctx) => {
        try {
          let size = 0;
          for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) size += (chunk as Buffer).length;
          ctx.body = { size };
        } catch {
          ctx.status = 400;
          ctx.body = { error: 'invalid_request' };
        }
      });
    },
  });
});
afterAll(() => edge.close());

describe('the Host', () => {
  test('of the issuer is accepted', async () => {
    expect(statusOf(await request(edge, 'GET /page'))).toBe(200);
  });

  test.each([
    ['another host', 'Host: evil.test', 421],
    ['our host with another port', 'Host: localhost:1', 421],
    ['our host without its port', 'Host: localhost', 421],
    ['our address instead of our name', 'Host: 127.0.0.1', 421],
    ['a look-alike', 'Host: localhost.evil.test', 421],
    ['a trailing dot', 'Host: localhost.', 421],
    ['a user before it', 'Host: a@localhost', 400],
    ['our host as a user of another', 'Host: localhost@evil.test', 400],
    ['nothing', 'Host:', 400],
    ['a path behind it', 'Host: localhost/evil', 400],
    ['two in one', 'Host: localhost, evil.test', 400],
    ['two of them', 'Host: evil.test\r\nHost: localhost', 400],
  ])('given as %s is refused', async (_title, header, status) => {
    const answer = await raw(edge.port, `GET /page HTTP/1.1\r\n${header}\r\nConnection: close\r\n\r\n`);
    expect(statusOf(answer)).toBe(status);
    expect(answer).not.toContain('evil.test');
  });

  test('given twice is refused, even if both are right', async () => {
    expect(statusOf(await request(edge, 'GET /page', [`Host: ${edge.host}`]))).toBe(400);
  });

  test('may be in capitals (RFC 3986 §6.2.2.1)', async () => {
    const answer = await raw(
      edge.port,
      `GET /page HTTP/1.1\r\nHost: ${edge.host.toUpperCase()}\r\nConnection: close\r\n\r\n`,
    );
    expect(statusOf(answer)).toBe(200);
  });

  test.each(['1.0', '1.1'])('missing in HTTP/%s is refused', async (version) => {
    expect(statusOf(await raw(edge.port, `GET /page HTTP/${version}\r\n\r\n`))).toBe(400);
  });
});

test('no URL is ever built from it', async () => {
  const answer = await request(edge, 'GET /', [
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 1',
    'Forwarded: host=evil.test;proto=https',
    'X-Original-Host: evil.test',
    'X-Forwarded-Prefix: //evil.test',
  ]);
  expect(bodyOf(answer)).toBe(`${edge.origin}/`);
});

describe('the absolute form of a target (RFC 9112 §3.2.2)', () => {
  test('for our host is served as its path', async () => {
    expect(bodyOf(await request(edge, `GET ${edge.origin}/page`))).toBe('page');
  });

  test.each(['http://evil.test/page', 'https://localhost/page', 'http://localhost:99999/page', '*', 'page'])(
    '%s is not our host',
    async (target) => {
      expect([400, 421]).toContain(statusOf(await request(edge, `GET ${target}`)));
    },
  );
});

describe('one path has one spelling', () => {
  test.each([
    '/',
    '/page',
    '/page/abc',
    '/page/urn:x:y',
    '/page/urn%3Ax',
    '/page/a%20b',
    '/page/%C3%BC',
    '/page/a.b',
    '/page/a@b',
    '/page?x=%2f..%2f',
    '/page?',
  ])('%s is accepted', async (path) => {
    expect(statusOf(await request(edge, `GET ${path}`))).toBe(200);
  });

  test.each([
    '//nothing',
    '//evil.test/page',
    '/api//things',
    '/api/things/',
    '/oauth/keys/',
    '//page/..//',
    '/page;a/',
    '/%70age',
    '/page/%61bc',
    '/page/%2e%2e',
    '/page/..',
    '/page/.',
    '/./page',
    '/page/../page',
    '/page;a',
    '/page;a=b/abc',
    '/page%3ba',
    '/page%2fabc',
    '/page/a%2Fb',
    '/page/a%5cb',
    '/page\\abc',
    '/Page',
    '/PAGE/abc',
    '/page.',
    '/page%20',
    '/pag',
    '/page/abc/..%2f',
    '/nothing',
    '/%7e',
    '/page/%2D',
    '/page/%5F',
    '/page/%39',
  ])('%s is 404 and reaches no route', async (path) => {
    reached.length = 0;
    expect(statusOf(await request(edge, `GET ${path}`))).toBe(404);
    expect(reached).toEqual([]);
  });
});

describe('a page that is asked for with more slashes', () => {
  test.each([
    ['GET //page', '/page'],
    ['GET /page/', '/page'],
    ['GET /page//', '/page'],
    ['HEAD /page/', '/page'],
    ['GET ///page//abc/?x=//y/', '/page/abc?x=//y/'],
    ['GET //', '/'],
  ])('%s leads to %s', async (line, path) => {
    reached.length = 0;
    const answer = await request(edge, line);
    expect([statusOf(answer), headerOf(answer, 'Location'), reached]).toEqual([303, path, []]);
  });

  test.each(['POST /page/', 'POST //page', 'PUT /page/'])('is no other address for %s', async (line) => {
    expect([404, 405]).toContain(statusOf(await request(edge, line)));
  });
});

describe('bytes that are not text are 400', () => {
  test.each([
    '/page?x=%',
    '/page?x=%zz',
    '/page?x=%ff',
    '/page?x=%00',
    '/page?x=%ed%a0%80',
    '/page?x=%c0%af',
    '/page/%ff',
    '/page/%00',
    '/page?x=%C3',
    '/page#x',
  ])('GET %s', async (target) => {
    expect(statusOf(await request(edge, `GET ${target}`))).toBe(400);
  });

  test('unescaped bytes in the target', async () => {
    const bytes = Buffer.concat([
      Buffer.from('GET /page?x='),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(` HTTP/1.1\r\nHost: ${edge.host}\r\nConnection: close\r\n\r\n`),
    ]);
    expect(statusOf(await raw(edge.port, bytes))).toBe(400);
  });
});

test.each([
  [8192, 200],
  [8193, 414],
])('a target of %i bytes is %i', async (length, status) => {
  expect(statusOf(await request(edge, `GET /page?${'x'.repeat(length - '/page?'.length)}`))).toBe(status);
});

describe('methods', () => {
  test.each([
    ['TRACE /', 'GET, HEAD'],
    ['TRACE /nothing', 'GET, HEAD'],
    ['PUT /page', 'GET, POST, HEAD'],
    ['DELETE /page', 'GET, POST, HEAD'],
    ['OPTIONS /page', 'GET, POST, HEAD'],
    ['PROPFIND /page', 'GET, POST, HEAD'],
    ['GET /oauth/token', 'POST, OPTIONS'],
    ['PUT /api/things', 'GET, POST, PATCH, DELETE, HEAD'],
  ])('%s is 405 and lists the allowed methods', async (line, allow) => {
    const answer = await request(edge, line);
    expect([statusOf(answer), headerOf(answer, 'Allow')]).toEqual([405, allow]);
  });

  test('CONNECT is refused before it becomes a request', async () => {
    const answer = await raw(edge.port, 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n');
    expect([statusOf(answer), headerOf(answer, 'Connection')]).toEqual([405, 'close']);
  });

  test('a method override in a header changes nothing', async () => {
    const answer = await request(
      edge,
      'POST /page',
      ['X-HTTP-Method-Override: DELETE', 'X-Method-Override: PUT', 'Content-Type: application/x-www-form-urlencoded'],
      '_method=DELETE'.slice(1),
    );
    expect(bodyOf(answer)).toContain('method');
    expect(statusOf(answer)).toBe(200);
  });

  test('HEAD equals GET without the body', async () => {
    const answer = await request(edge, 'HEAD /page');
    expect([statusOf(answer), headerOf(answer, 'Content-Length'), bodyOf(answer)]).toEqual([200, '4', '']);
  });
});

test.each([
  ['/page?a=1&a=2', 400],
  ['/page?a=1&b=2', 200],
  ['/api/nothing?a=1&a=2', 400],
])('a parameter given twice: %s is %i', async (target, status) => {
  expect(statusOf(await request(edge, `GET ${target}`))).toBe(status);
});

const formType = 'Content-Type: application/x-www-form-urlencoded';
const jsonType = 'Content-Type: application/json';

/** A body without a declared length, in pieces of 8 KiB. */
function chunked(body: string): string {
  const pieces = body.match(/.{1,8192}/gs) ?? [];
  return `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;
}
const inChunks = (line: string, type: string, body: string): Promise<string> =>
  raw(
    edge.port,
    `${line} HTTP/1.1\r\nHost: ${edge.host}\r\n${type}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body)}`,
  );

const formOf = (bytes: number): string => `a=${'x'.repeat(bytes - 2)}`;
const jsonOf = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;

describe('the size of a body', () => {
  test.each([
    ['a form', 'POST /page', formType, formOf, 64 * 1024],
    ['JSON', 'POST /api/things', jsonType, jsonOf, 256 * 1024],
    ['a form for the engine', 'POST /oauth/token', formType, formOf, 64 * 1024],
  ] as const)(
    'of %s may reach its limit; one byte more is 413 and ends the connection',
    async (_title, line, type, make, limit) => {
      expect(statusOf(await request(edge, line, [type], make(limit)))).toBe(200);
      expect(statusOf(await inChunks(line, type, make(limit)))).toBe(200);
      for (const answer of [
        await request(edge, line, [type], make(limit + 1)),
        await inChunks(line, type, make(limit + 1)),
      ])
        expect([statusOf(answer), headerOf(answer, 'Connection')]).toEqual([413, 'close']);
    },
  );

  test('is refused by its Content-Length, before it is sent', async () => {
    const answer = await raw(
      edge.port,
      `POST /page HTTP/1.1\r\nHost: ${edge.host}\r\n${formType}\r\nContent-Length: 900000000\r\n\r\n`,
    );
    expect(statusOf(answer)).toBe(413);
  });

  test('is refused without `100 Continue` for a client that expects it (RFC 9110 §10.1.1)', async () => {
    const ask = (length: number) =>
      raw(
        edge.port,
        `POST /page HTTP/1.1\r\nHost: ${edge.host}\r\n${formType}\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\na=1`,
      );
    expect(statusOf(await ask(900_000_000))).toBe(413);
    expect(await ask(3)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/);
  });

  test('beyond the limit is not kept in memory', async () => {
    const before = process.memoryUsage().rss;
    const socket = connect(edge.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `POST /oauth/token HTTP/1.1\r\nHost: ${edge.host}\r\n${formType}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const piece = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    for (let i = 0; i < 1600 && !socket.destroyed; i += 1) {
      if (!socket.write(piece))
        await Promise.race([
          new Promise((resolve) => socket.once('drain', resolve)),
          new Promise((resolve) => socket.once('close', resolve)),
          delay(500),
        ]);
    }
    socket.destroy();
    expect(statusOf(answer)).toBe(413);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });
});

describe('the content of a body', () => {
  test.each([
    ['a form as text', 'POST /page', ['Content-Type: text/plain'], 'a=1', 415],
    ['a form without a type', 'POST /page', [], 'a=1', 415],
    ['a form as JSON', 'POST /page', [jsonType], '{"a":"1"}', 415],
    ['a form in parts', 'POST /page', ['Content-Type: multipart/form-data; boundary=x'], '--x--', 415],
    ['JSON as text', 'POST /api/things', ['Content-Type: text/plain'], '{}', 415],
    ['a packed form', 'POST /page', [formType, 'Content-Encoding: gzip'], 'a=1', 415],
    ['packed JSON', 'POST /api/things', [jsonType, 'Content-Encoding: br'], '{}', 415],
    ['a packed form for the engine', 'POST /oauth/token', [formType, 'Content-Encoding: gzip'], 'a=1', 415],
    ['a form that is not packed and says so', 'POST /page', [formType, 'Content-Encoding: identity'], 'a=1', 200],
    ['a repeated field', 'POST /page', [formType], 'email=a&email=b', 400],
    ['a list of one', 'POST /page', [formType], 'email[]=a', 400],
    ['a member of an object', 'POST /page', [formType], 'password[$ne]=x', 400],
    ['an escaped bracket', 'POST /page', [formType], 'email%5B%5D=a', 400],
    ['the prototype as a field', 'POST /page', [formType], '__proto__=x', 400],
    ['NUL in a form', 'POST /page', [formType], 'a=%00', 400],
    ['NUL in a form for the engine', 'POST /oauth/token', [formType], 'code=%00', 400],
    ['no UTF-8 in a form for the engine', 'POST /oauth/token', [formType], 'code=%ff', 400],
    [
      '2,000 fields for the engine',
      'POST /oauth/token',
      [formType],
      Array.from({ length: 2000 }, (_, i) => `f${i}=`).join('&'),
      400,
    ],
    ['a good form for the engine', 'POST /oauth/token', [formType], 'grant_type=authorization_code&code=x', 200],
    ['deep JSON', 'POST /api/things', [jsonType], '['.repeat(50_000), 400],
    ['broken JSON', 'POST /api/things', [jsonType], '{', 400],
  ] as const)('%s', async (_title, line, headers, body, status) => {
    const answer = await request(edge, line, headers, body);
    expect(statusOf(answer)).toBe(status);
    expect(headerOf(answer, 'Content-Type')).toMatch(/charset=utf-8/);
  });
});
