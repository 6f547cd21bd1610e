import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWelcome } from '../../../src/trial/welcome/module.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { headerOf, openEdge, request, statusOf, type TestEdge } from '../../support/edge.ts';
import { Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let production: TestEdge;
beforeAll(async () => {
  latchkey = await startTestApp();
  const { routes } = createWelcome({ issuer: 'https://id.example', version: '1', mailboxUrl: null, isTrial: false });
  production = await openEdge({ use: (edge) => void edge.use(routes.routes() as never) });
});
afterAll(() => Promise.all([latchkey.close(), production.close()]));

describe('the first page', () => {
  test('leads to the account without a demo', async () => {
    const answer = await request(production, 'GET /');
    expect([statusOf(answer), headerOf(answer, 'Location')]).toEqual([303, '/account']);
  });

  test('leads to a page of ours, with any database', async () => {
    const page = await new Visitor().open(`${latchkey.base}/`);
    expect(page.status).toBe(200);
    expect(new URL(page.url).pathname).toMatch(latchkey.config.embedded ? /^\/$/ : /^\/interaction\//);
  });
});

test('discovery lists no missing page', async () => {
  const metadata = (await (await fetch(`${latchkey.base}/.well-known/openid-configuration`)).json()) as object;
  for (const member of ['service_documentation', 'op_policy_uri', 'op_tos_uri'])
    expect(metadata).not.toHaveProperty(member);
});
