import { Detour, seeOther } from '#kernel/http/redirect.ts';
import { noteRefusal } from '#kernel/http/request-log.ts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { show } from '#kernel/views.ts';
import { errorView } from '#kernel/http/error-view.ts';
import {
  bodyOf,
  headerOf,
  openEdge,
  request,
  statusOf,
  type Context,
  type Routes,
  type TestEdge,
} from '../../support/edge.ts';

const routes: Routes = (router) => {
  router.get('/page/refused', (ctx) => {
    noteRefusal(ctx, { reason: 'the client is gone' });
    ctx.body = 'no';
  });
  router.get('/page', (ctx: Context) => {
    const { requestId, ip, userAgent, language } = ctx.state;
    ctx.state.log.info('from the route');
    ctx.body = {
      requestId,
      ip,
      userAgent,
      language,
      ctxIp: ctx.ip,
      protocol: ctx.protocol,
      secure: ctx.secure,
      host: ctx.host,
      hostname: ctx.hostname,
      origin: ctx.origin,
      url: String(ctx.URL),
    };
  });
  router.get('/page/moved', (ctx) => seeOther(ctx, '/page'));
  router.post('/page', (ctx) => seeOther(ctx, '/page'));
  router.get('/page/detour', () => {
    throw new Detour('/page');
  });
  router.get('/page/shown', (ctx: Context) => show(ctx, 418, errorView, errorView.samples['fault']!));
  router.get('/page/secret', (ctx: Context) => {
    ctx.state.log.info({ url: ctx.originalUrl, password: 'hunter2' }, 'careless');
    ctx.body = 'ok';
  });
};

let direct: TestEdge;
let proxied: TestEdge;
beforeAll(async () => {
  direct = await openEdge({ routes });
  proxied = await openEdge({ routes, env: { ISSUER: 'https://id.test', TRUSTED_PROXIES: '127.0.0.1' } });
});
afterAll(() => Promise.all([direct.close(), proxied.close()]));

const read = async (edge: TestEdge, ...headers: string[]) =>
  JSON.parse(bodyOf(await request(edge, 'GET /page', headers))) as Record<string, unknown>;

describe('the client', () => {
  test('is the peer, whatever headers say', async () => {
    const claims = [
      'X-Forwarded-For: 1.2.3.4',
      'Forwarded: for=1.2.3.4',
      'X-Real-IP: 1.2.3.4',
      'X-Client-IP: 1.2.3.4',
      'CF-Connecting-IP: 1.2.3.4',
      'True-Client-IP: 1.2.3.4',
    ];
    expect(await read(direct, ...claims)).toMatchObject({ ip: '127.0.0.1', ctxIp: '127.0.0.1' });
  });

  test('is the address that the trusted proxy names, and the log says so', async () => {
    expect(await read(proxied, 'X-Forwarded-For: 6.6.6.6, 198.51.100.1', 'X-Real-IP: 6.6.6.6')).toMatchObject({
      ip: '198.51.100.1',
      ctxIp: '198.51.100.1',
    });
    expect(proxied.log.at(-1)).toMatchObject({ msg: 'request', ip: '198.51.100.1' });
  });

  test('has one chain, also when it comes in two headers', async () => {
    expect(await read(proxied, 'X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 198.51.100.1')).toMatchObject({
      ip: '198.51.100.1',
    });
  });

  test.each([
    [[], ''],
    [['User-Agent: curl/8'], 'curl/8'],
    [[`User-Agent: ${'x'.repeat(2000)}`], 'x'.repeat(512)],
  ])('names its browser in at most 512 characters (%#)', async (headers, userAgent) => {
    expect(await read(direct, ...headers)).toMatchObject({ userAgent });
  });
});

test('the origin of the request comes from the configuration', async () => {
  const lies = [
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Proto: http',
    'Origin: https://evil.test',
    'X-Forwarded-For: 198.51.100.1',
  ];
  expect(await read(proxied, ...lies)).toMatchObject({
    protocol: 'https',
    secure: true,
    host: 'id.test',
    hostname: 'id.test',
    origin: 'https://id.test',
    url: 'https://id.test/page',
  });
});

test('each request has an id of its own, which its log lines carry and no header can choose', async () => {
  const ids: unknown[] = [];
  for (let i = 0; i < 3; i += 1)
    ids.push((await read(direct, 'X-Request-Id: chosen', 'Request-Id: chosen'))['requestId']);
  expect(new Set(ids).size).toBe(3);
  expect(ids).not.toContain('chosen');
  expect(direct.log.filter((line) => line['requestId'] === ids[2]).map((line) => line['msg'])).toEqual([
    'from the route',
    'request',
  ]);
});

describe('the language', () => {
  test.each([
    ['/page', [], 'en'],
    ['/page', ['Accept-Language: sv, de;q=0.8'], 'de'],
    ['/page?ui_locales=de', ['Accept-Language: en'], 'de'],
    ['/page?ui_locales=xx%20de-AT', [], 'de'],
    ['/page', ['Accept-Language: en', 'Cookie: latchkey-language=de'], 'de'],
    ['/page?ui_locales=en', ['Cookie: latchkey-language=de'], 'en'],
    ['/page', ['Cookie: latchkey-language=__proto__'], 'en'],
  ])('of %s with %j is %s', async (target, headers, language) => {
    expect(JSON.parse(bodyOf(await request(direct, `GET ${target}`, headers)))).toMatchObject({ language });
  });

  test('in the address is stored by the browser for a year, inaccessible to scripts', async () => {
    const cookie = headerOf(await request(direct, 'GET /page?ui_locales=de'), 'Set-Cookie');
    expect(cookie).toMatch(/^latchkey-language=de; path=\/; expires=.*; samesite=lax; httponly$/i);
    expect(headerOf(await request(direct, 'GET /page'), 'Set-Cookie')).toBeUndefined();
  });

  test.each([
    ['GET /page/moved?ui_locales=de', /^latchkey-language=de;/],
    ['GET /page/detour?ui_locales=de', /^latchkey-language=de;/],
    ['GET /page/moved?ui_locales=xx', /^latchkey-language=en;/],
  ])('in %s is stored, although no page is shown', async (target, cookie) => {
    expect(headerOf(await request(direct, target), 'Set-Cookie')).toMatch(cookie);
  });

  test.each([
    ['GET /page/moved', []],
    ['GET /page/moved?ui_locales=de', ['Cookie: latchkey-language=de']],
    ['POST /page?ui_locales=de', ['Content-Length: 0']],
  ])('is not stored by %s with %j', async (target, headers) => {
    const answer = await request(direct, target, headers);
    expect([statusOf(answer), headerOf(answer, 'Set-Cookie')]).toEqual([303, undefined]);
  });
});

describe('a page', () => {
  test('is complete, in its language, with the nonce of its response, and not cacheable', async () => {
    const answer = await request(direct, 'GET /page/shown', ['Accept-Language: de']);
    const nonce = /'nonce-([\w-]+)'/.exec(headerOf(answer, 'Content-Security-Policy') ?? '')?.[1];
    expect([statusOf(answer), headerOf(answer, 'Cache-Control')]).toEqual([418, 'no-store']);
    expect(bodyOf(answer)).toContain('<html lang="de"');
    for (const [, used] of bodyOf(answer).matchAll(/nonce="([^"]*)"/g)) expect(used).toBe(nonce);
  });

  test('on https sets its cookie with the prefix that no sibling domain can plant', async () => {
    const cookie = headerOf(await request(proxied, 'GET /page/shown'), 'Set-Cookie');
    expect(cookie).toMatch(/^__Host-latchkey-csrf-[\w-]{8}=[\w-]{43}; path=\/; samesite=lax; secure; httponly$/i);
  });
});

describe('the log line of a request', () => {
  test('contains no query, body or cookies', async () => {
    await request(direct, 'GET /page?code=c4n4ry&x=c4n4ry', [
      'Cookie: session=c4n4ry',
      'Authorization: Bearer c4n4ry',
      'Referer: https://x.test/?c4n4ry',
    ]);
    expect(direct.log.at(-1)).toMatchObject({
      msg: 'request',
      method: 'GET',
      path: '/page',
      status: 200,
      ms: expect.any(Number) as unknown,
    });
    expect(JSON.stringify(direct.log)).not.toContain('c4n4ry');
  });

  test('has the reason of a refusal that the response omits', async () => {
    await request(direct, 'GET /page/refused');
    expect(direct.log.at(-1)).toMatchObject({ path: '/page/refused', refusal: 'the client is gone' });
  });

  test('about refusals comes ten times in a minute for each reason, and a later line says how many were left out', async () => {
    const edge = await openEdge({ routes });
    const start = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: start });
    for (let i = 0; i < 14; i += 1) await request(edge, 'GET /page/refused');
    expect(edge.log).toHaveLength(10);
    vi.setSystemTime(start + 61_000);
    await request(edge, 'GET /page');
    vi.useRealTimers();
    expect(edge.log.slice(10)).toMatchObject([
      { msg: 'from the route' },
      {
        level: 30,
        msg: 'refused requests that were not logged',
        refusal: 'the client is gone',
        dropped: 4,
        seconds: 61,
      },
      { msg: 'request', path: '/page' },
    ]);
    await edge.close();
  });

  test('is one line for any request', async () => {
    direct.log.length = 0;
    await request(direct, `GET /${'x/'.repeat(1000)}`, ['User-Agent: red\t{"event":"signed_in"}']);
    expect(direct.log).toHaveLength(1);
    expect(String(direct.log[0]!['path'])).toHaveLength(256);
  });
});

test('and its metrics name the line of the site map, not the path', async () => {
  direct.answered.length = 0;
  await request(direct, 'GET /page/shown');
  await request(direct, 'GET /nothing/at/all');
  expect(direct.answered.map(({ mount, method, status }) => [mount?.path, method, status])).toEqual([
    ['/page/*', 'GET', 418],
    [undefined, 'GET', 404],
  ]);
});
