/** An issuer with a path and an alias: no spelling, header or host leads around the path, or makes an address of another host. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cookieName } from '#kernel/http/cookies.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { bodyOf, headerOf, openEdge, raw, request, statusOf, type TestEdge, testMounts } from '../../support/edge.ts';

let edge: TestEdge;
let alias: string;
beforeAll(async () => {
  edge = await openEdge({
    env: (port) => ({
      ISSUER: `http://localhost:${port}/id`,
      ISSUER_ALIASES: `http://127.0.0.1:${port}`,
      TRUSTED_PROXIES: '127.0.0.1',
    }),
    mounts: [
      ...testMounts,
      { path: '/.well-known/known', audience: 'oauth', methods: ['GET'], wellKnown: 'before-path' },
      { path: '/.well-known/host', audience: 'oauth', methods: ['GET'], wellKnown: 'of-host' },
    ],
    routes: (router) => {
      for (const path of ['/', '/page', '/oauth/keys', '/.well-known/known', '/.well-known/host'])
        router.get(path, (ctx) => {
          ctx.body = `${ctx.path} ${ctx.request.href} ${ctx.state.calledUrl}`;
        });
      router.get('/page/away', (ctx) => seeOther(ctx, '/page?x'));
      router.get('/page/evil', (ctx) => seeOther(ctx, '//evil.test/'));
    },
  });
  alias = `127.0.0.1:${edge.port}`;
});
afterAll(() => edge.close());

/** `HOST` stands for the host of the issuer. */
const get = (target: string, headers: readonly string[] = []) =>
  request(edge, `GET ${target.replace('HOST', edge.host)}`, headers);
const getAt = (host: string, target: string) =>
  raw(edge.port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

describe('a target', () => {
  test.each([
    ['/id/page', '/page'],
    ['/id/page?x=/../y', '/page'],
    ['/id/', '/'],
    ['/id', '/'],
    ['/id?x', '/'],
    ['http://HOST/id/page', '/page'],
    ['/.well-known/known/id', '/.well-known/known'],
    ['/id/.well-known/known', '/.well-known/known'],
    ['/.well-known/host', '/.well-known/host'],
  ])('%s is the address %s', async (target, path) => {
    const answer = await get(target);
    const [shown, href] = bodyOf(answer).split(' ');
    expect([statusOf(answer), shown]).toEqual([200, path]);
    expect(href).toMatch(new RegExp(`^http://${edge.host}/id/`));
  });

  test.each([
    ['/', 404],
    ['/page', 404],
    ['/idx', 404],
    ['/idx/page', 404],
    ['/ID/page', 404],
    ['/%69d/page', 404],
    ['/i%64/page', 404],
    ['/id%2fpage', 404],
    ['/id%2Fpage', 404],
    ['/id;x/page', 404],
    ['/id\\page', 404],
    ['/id/../page', 404],
    ['/id/%2e%2e/page', 404],
    ['/x/../id/page', 404],
    ['/./id/page', 404],
    ['//id/page', 404],
    ['//id//evil.test', 404],
    ['/id//evil.test', 404],
    ['/id/id/page', 404],
    ['/.well-known/known', 404],
    ['/.well-known/known/id/', 404],
    ['/.well-known/known/ID', 404],
    ['/.well-known/known/id/page', 404],
    ['/.well-known/host/id', 404],
    ['http://HOST/page', 404],
    ['http://HOST', 421],
    ['http://HOST@evil.test/id/page', 421],
    ['http://HOST.evil.test/id/page', 421],
    ['https://HOST/id/page', 421],
    ['http://evil.test/id/page', 421],
    ['*', 421],
  ])('%s is refused', async (target, status) => {
    const answer = await get(target);
    expect(statusOf(answer)).toBe(status);
    expect(headerOf(answer, 'Location')).toBeUndefined();
  });
});

describe('headers of a proxy', () => {
  test.each([
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Prefix: /evil.test',
    'X-Forwarded-Prefix: //evil.test',
    'X-Forwarded-Path: /evil.test',
    'X-Script-Name: /evil.test',
    'X-Original-URL: /evil.test',
    'X-Rewrite-URL: /evil.test',
    'Forwarded: host=evil.test;proto=javascript',
    'X-Forwarded-Proto: javascript',
  ])('%s changes no address, even from a proxy that is trusted', async (header) => {
    expect(bodyOf(await get('/id/page', [header]))).toBe(
      `/page http://${edge.host}/id/page http://${edge.host}/id/page`,
    );
    const away = await get('/id/page/away', [header]);
    expect(headerOf(away, 'Location')).toBe('/id/page?x');
    expect(away).not.toContain('evil.test');
  });

  test('a proxy that takes the path off is not served, and the log says why', async () => {
    const below = await openEdge({ env: (port) => ({ ISSUER: `http://localhost:${port}/id` }) });
    expect(statusOf(await request(below, 'GET /oauth/keys', ['X-Forwarded-Prefix: /id']))).toBe(404);
    await below.close();
    const line = below.log.find(({ msg }) => msg === 'request');
    expect(line).toMatchObject({ path: '/oauth/keys', refusal: expect.stringContaining('ISSUER') as string });
  });
});

test('a redirect that would leave the origin is a fault, as without a path', async () => {
  const answer = await get('/id/page/evil');
  expect([statusOf(answer), headerOf(answer, 'Location')]).toEqual([500, undefined]);
});

describe('an alias', () => {
  test('answers programs and knows the URL that was called', async () => {
    const answer = await getAt(alias, '/id/oauth/keys');
    expect(bodyOf(answer)).toBe(`/oauth/keys http://${edge.host}/id/oauth/keys http://${alias}/id/oauth/keys`);
  });

  test.each([
    ['/id/page?next=//evil.test', '/id/page?next=//evil.test'],
    ['/id/', '/id/'],
    ['/id', '/id/'],
  ])('leads from %s to the issuer', async (target, expected) => {
    const answer = await getAt(alias, target);
    expect([statusOf(answer), headerOf(answer, 'Location')]).toEqual([303, `http://${edge.host}${expected}`]);
  });

  test.each([['//evil.test/id/page'], ['/id//evil.test'], ['/id/../page'], ['/page'], ['/id/@evil.test']])(
    'leads nowhere from %s',
    async (target) => {
      const answer = await getAt(alias, target);
      expect([statusOf(answer), headerOf(answer, 'Location')]).toEqual([404, undefined]);
    },
  );

  test.each([
    ['the alias without its port', () => '127.0.0.1', 421],
    ['the alias with another port', () => '127.0.0.1:1', 421],
    ['a host that begins like it', () => `${alias}.evil.test`, 400],
    ['a host that ends like it', () => `evil.test.${alias}`, 421],
    ['another spelling of its address', () => `127.1.1.1:${edge.port}`, 421],
    ['the alias behind a user', () => `a@${alias}`, 400],
    ['another host', () => 'evil.test', 421],
  ])('is not %s', async (_what, host, status) => {
    const answer = await getAt(host(), '/id/page');
    expect([statusOf(answer), headerOf(answer, 'Location')]).toEqual([status, undefined]);
    expect(answer).not.toContain('evil.test');
  });
});

describe('the names of cookies', () => {
  const names = (issuer: string) => cookieName(new URL(issuer), 'session');

  test('stay the same for an issuer without a path', () => {
    expect(names('https://example.com')).toBe('__Host-latchkey-session');
    expect(names('http://localhost:3000')).toBe('latchkey-session');
    expect(cookieName(new URL('https://example.com'), 'resume', '__Secure-')).toBe('__Secure-latchkey-resume');
  });

  test('keep instances below one host apart, and no name begins as one of another instance does', () => {
    const issuers = ['', '/id', '/id2', '/id/session', '/latchkey', '/ID'].map((path) => `https://example.com${path}`);
    const all = issuers.map(names);
    expect(new Set(all).size).toBe(issuers.length);
    for (const name of all) {
      expect(name).toMatch(/^__Host-latchkey-([0-9a-f]{8}-)?session$/);
      expect(all.filter((other) => other.startsWith(name))).toEqual([name]);
    }
  });
});
