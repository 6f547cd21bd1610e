import Koa from 'koa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomSecret } from '#kernel/crypto.ts';
import type { Context } from '#kernel/http/context.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import { Router } from '#kernel/http/router.ts';
import { Visitor } from '../../support/visitor.ts';

let base = '';
let close: () => Promise<unknown>;

beforeAll(async () => {
  const issuer = new URL('http://localhost');
  const router = new Router<object>();
  for (const kind of ['one', 'two']) {
    const link = mailedLink(issuer, kind);
    const page = (ctx: Context) => {
      if (link.keep(ctx)) return;
      ctx.body = `${kind}:${link.read(ctx)}`;
    };
    const use = (ctx: Context) => {
      ctx.body = `used ${link.read(ctx)}`;
      link.forget(ctx);
    };
    router.get(`/${kind}`, page as never);
    router.get(`/${kind}/:link`, page as never);
    router.post(`/${kind}/:link`, use as never);
  }
  const app = new Koa();
  app.use(router.routes() as never);
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  close = () => new Promise((resolve) => server.close(resolve));
});
afterAll(() => close());

describe.each([
  ['in the path', (secret: string) => `/one/${secret}`],
  ['as a parameter', (secret: string) => `/one?token=${secret}`],
])('a secret %s', (_where, address) => {
  test('moves to a cookie, at an address without it', async () => {
    const secret = randomSecret();
    const visitor = new Visitor();
    const first = await visitor.request(`${base}${address(secret)}`);
    expect([first.status, first.location]).toEqual([303, expect.stringMatching(/\/one\/[\w-]{12}$/)]);
    expect(first.headers.getSetCookie()).toEqual([
      expect.stringMatching(new RegExp(`^latchkey-link-one-[\\w-]{12}=${secret}; path=/; .*samesite=lax; httponly$`)),
    ]);
    expect((await visitor.request(first.location!)).text).toBe(`one:${secret}`);
    expect((await new Visitor().request(first.location!)).text).toBe('one:');
  });

  test.each(['x'.repeat(20), 'x'.repeat(42), 'x'.repeat(44), '%22%3E'.repeat(10)])(
    'that is unknown sets no cookie: %s',
    async (text) => {
      const first = await new Visitor().request(`${base}${address(text)}`);
      expect([first.status, first.location, first.headers.getSetCookie()]).toEqual([303, `${base}/one/broken`, []]);
      expect((await new Visitor().request(first.location!)).text).toBe('one:');
    },
  );
});

test.each(['x', '%22%3E', 'a.b', 'broken'])(
  'a value too short for a part of a secret opens nothing: %s',
  async (text) => {
    const page = await new Visitor().request(`${base}/one/${text}`);
    expect([page.status, page.text, page.headers.getSetCookie()]).toEqual([200, 'one:', []]);
  },
);

test('several links are open in one browser at the same time, opened one after the other or at once', async () => {
  const visitor = new Visitor();
  const secrets = [randomSecret(), randomSecret(), randomSecret()];
  const pages = await Promise.all(secrets.map((secret) => visitor.request(`${base}/one/${secret}`)));
  for (const [i, { location }] of pages.entries())
    expect((await visitor.request(location!)).text).toBe(`one:${secrets[i]}`);
  expect((await visitor.request(pages[0]!.location!, { form: {} })).text).toBe(`used ${secrets[0]}`);
  expect((await visitor.request(pages[0]!.location!)).text).toBe('one:');
  expect((await visitor.request(pages[1]!.location!)).text).toBe(`one:${secrets[1]}`);
});

test('a browser that follows many links keeps the six newest', async () => {
  const visitor = new Visitor();
  const secrets = Array.from({ length: 20 }, () => randomSecret());
  const pages = [];
  for (const secret of secrets) pages.push(await visitor.request(`${base}/one/${secret}`));
  expect(visitor.jar.size).toBe(6);
  expect((await visitor.request(pages.at(-1)!.location!)).text).toBe(`one:${secrets.at(-1)}`);
  expect((await visitor.request(pages.at(-7)!.location!)).text).toBe('one:');
});

test('a cookie of one kind opens nothing of another, not under its name either', async () => {
  const visitor = new Visitor();
  const { location } = await visitor.request(`${base}/one/${randomSecret()}`);
  const elsewhere = location!.replace('/one/', '/two/');
  expect((await visitor.request(elsewhere)).text).toBe('two:');
  const cookie = visitor.cookies(location!).replace('link-one-', 'link-two-');
  expect((await new Visitor().request(elsewhere, { headers: { cookie } })).text).toBe('two:');
});

test('on https the cookie has the prefix that binds it to this host', () => {
  const written: string[] = [];
  const cookies = { get: () => undefined, set: (name: string) => written.push(name) };
  const secret = randomSecret();
  const ctx = {
    params: { link: secret },
    path: `/one/${secret}`,
    query: {},
    req: { headers: {} },
    set: () => undefined,
    cookies,
  };
  mailedLink(new URL('https://id.example.com'), 'one').keep(ctx as never);
  expect(written).toEqual([expect.stringMatching(/^__Host-latchkey-link-one-[\w-]{12}$/)]);
});
