import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { basic, type Node, sender, startNode } from '../support/nodes.ts';
import { tokensFor } from '../support/visitor.ts';

/** On PostgreSQL another process; the embedded database has one. */
const onServer = process.env['TEST_DATABASE_URL'] !== undefined;

let latchkey: TestApp;
let other: Node;
beforeAll(async () => {
  latchkey = await startTestApp();
  const itself = sender(latchkey.base, latchkey.config.port);
  other = onServer ? await startNode(latchkey) : { send: itself.send, stop: async () => itself.close() };
});
afterAll(async () => {
  await other.stop();
  await latchkey.close();
});

const change = (client: TestClient, values: Record<string, unknown>) =>
  latchkey.run('clients.update', { client_id: client.client_id, ...values });

test.each<[string, (client: TestClient) => Promise<unknown>, unknown]>([
  ['a scope is taken', (client) => change(client, { scope: 'openid' }), 'openid'],
  ['a demand is made', (client) => change(client, { dpop_bound_access_tokens: true }), undefined],
  ['consent is needed', (client) => change(client, { first_party: false }), undefined],
])('when %s on one node, another one that cached the client follows', async (_what, act, left) => {
  const client = await latchkey.client({ first_party: true });
  const tokens = await tokensFor(latchkey.base, client, await latchkey.user(), { scope: 'openid email' });
  const seen = async () => {
    const answer = await other.send('/oidc/introspect', {
      form: { token: tokens.access_token },
      headers: basic(client),
    });
    return answer.body['scope'];
  };
  expect(
    String(await seen())
      .split(' ')
      .sort(),
  ).toEqual(['email', 'openid']);
  await act(client);
  await vi.waitFor(async () => expect(await seen()).toBe(left), { timeout: 60_000 });
});
