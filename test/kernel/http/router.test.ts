import Koa from 'koa';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { State } from '#kernel/http/context.ts';
import { Router, routeTree } from '#kernel/http/router.ts';

/** As they are mounted: earlier routes answer first. */
const routers = [
  ['/', '/account', '/account/security', '/interaction/:uid', '/interaction/:uid/login'],
  ['/api/v1/users', '/api/v1/users/:id', '/api/v1/users/:id/disable', '/api/v1/:noun', '/files/{*path}'],
  ['/account/:page', '/api/v1/users/me', '/:any'],
].map((paths) => {
  const router = new Router<State>();
  for (const path of paths) router.get(path, (ctx) => void (ctx.body = `${path} ${JSON.stringify(ctx.params)}`));
  return router;
});

const app = new Koa<State>();
const server = app
  .use(routeTree(routers) as never)
  .use((ctx) => void (ctx.body = 'next'))
  .listen(0, '127.0.0.1');
let base: string;
beforeAll(async () => {
  if (!server.listening) await new Promise((resolve) => void server.once('listening', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

test.each([
  ['/', '/ {}'],
  ['/account', '/account {}'],
  ['/account/security', '/account/security {}'],
  ['/account/elsewhere', '/account/:page {"page":"elsewhere"}'],
  ['/account/security/deeper', 'next'],
  ['/interaction/abc', '/interaction/:uid {"uid":"abc"}'],
  ['/interaction/abc/login', '/interaction/:uid/login {"uid":"abc"}'],
  ['/interaction/login', '/interaction/:uid {"uid":"login"}'],
  ['/api/v1/users', '/api/v1/users {}'],
  ['/api/v1/users/1', '/api/v1/users/:id {"id":"1"}'],
  ['/api/v1/users/me', '/api/v1/users/:id {"id":"me"}'],
  ['/api/v1/users/1/disable', '/api/v1/users/:id/disable {"id":"1"}'],
  ['/api/v1/clients', '/api/v1/:noun {"noun":"clients"}'],
  ['/api/v1', 'next'],
  ['/files/a/b', '/files/{*path} {"path":"a/b"}'],
  ['/other', '/:any {"any":"other"}'],
  ['/Account', '/:any {"any":"Account"}'],
  ['/account/', 'next'],
])('%s is answered as the routers one after another answer it', async (path, expected) => {
  expect(await (await fetch(`${base}${path}`)).text()).toBe(expected);
});

test('a method that no route takes goes on', async () => {
  expect(await (await fetch(`${base}/account`, { method: 'POST' })).text()).toBe('next');
});
