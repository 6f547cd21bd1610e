import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toUuid } from '#kernel/ids.ts';
import { clientTokens, machineWith } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { basic, type Node, sender, startNode } from '../../support/nodes.ts';
import { authorizeUrl, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

/** On PostgreSQL another process; the embedded database has one. */
const onServer = process.env['TEST_DATABASE_URL'] !== undefined;
/** Sessions and tokens that end on one node must end on all others. */
const DEAD_AFTER = 5000;

let latchkey: TestApp;
let other: Node;
let client: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  const itself = sender(latchkey.base, latchkey.config.port);
  other = onServer ? await startNode(latchkey) : { send: itself.send, stop: async () => itself.close() };
});
afterAll(async () => {
  await other.stop();
  await latchkey.close();
});

type ApiUser = { id: string; nickname?: string };
type Held = { user: TestUser; cookie: string; access: string; refresh: string };

async function signedIn(): Promise<Held> {
  const [visitor, user] = [new Visitor(), await latchkey.user()];
  const asked = { scope: 'openid offline_access', prompt: 'consent' };
  const tokens = await tokensFor(latchkey.base, client, user, asked, visitor);
  const cookie = visitor.cookies(`${latchkey.base}/oidc/auth`);
  return { user, cookie, access: tokens.access_token, refresh: tokens.refresh_token };
}

/** Sessions and tokens that the other node still accepts. */
async function honoured({ cookie, access, refresh }: Held, withRefresh: boolean): Promise<string[]> {
  const url = authorizeUrl('', client, { code_challenge: pkce().challenge, prompt: 'none' });
  const session = await other.send(url, { headers: { cookie } });
  const userinfo = await other.send('/oidc/userinfo', { headers: { authorization: `Bearer ${access}` } });
  const said = await other.send('/oidc/introspect', { form: { token: access }, headers: basic(client) });
  const form = { grant_type: 'refresh_token', refresh_token: refresh };
  const refreshed = withRefresh ? await other.send('/oidc/token', { form, headers: basic(client) }) : null;
  return [
    ...(session.location?.searchParams.has('code') ? ['session'] : []),
    ...((await other.send('/account', { headers: { cookie } })).status === 200 ? ['account'] : []),
    ...(userinfo.status === 200 ? ['userinfo'] : []),
    ...(said.body['active'] === true ? ['introspection'] : []),
    ...(refreshed?.status === 200 ? ['refresh'] : []),
  ];
}

test.each<[string, (held: Held) => Promise<unknown>]>([
  ['a person is disabled', ({ user }) => latchkey.run('users.disable', { user_id: user.id })],
  ['all sessions of a person are ended', ({ user }) => latchkey.run('users.sessions.end_all', { user_id: user.id })],
])('when %s on one node, nothing works on another within five seconds', async (_what, end) => {
  const held = await signedIn();
  expect(await honoured(held, false)).toEqual(['session', 'account', 'userinfo', 'introspection']);
  await end(held);
  const deadline = performance.now() + DEAD_AFTER;
  let left = await honoured(held, true);
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(100);
    left = await honoured(held, true);
  }
  expect(left).toEqual([]);
});

test('when a client is disabled on one node, another refuses it within five seconds', async () => {
  const robot = await latchkey.run<TestClient>('clients.create', { name: 'Robot', type: 'machine' });
  const ask = () => other.send('/oidc/token', { form: { grant_type: 'client_credentials' }, headers: basic(robot) });
  expect((await ask()).status).toBe(200);
  await latchkey.run('clients.disable', { client_id: robot.client_id });
  const deadline = performance.now() + DEAD_AFTER;
  let { status } = await ask();
  while (status === 200 && performance.now() < deadline) {
    await sleep(100);
    ({ status } = await ask());
  }
  expect(status).toBe(401);
});

test('the management API of each node shows a change of a user by another program or node', async () => {
  const user = await latchkey.user();
  const machine = await machineWith(latchkey, 'users.read');
  const { access_token: token } = await clientTokens(latchkey, machine, { scope: 'users.read' });
  const nodes = [sender(latchkey.base, latchkey.config.port).send, other.send];
  /** The nickname by each node, alone and in the list. */
  const shown = async (): Promise<unknown[]> => {
    const names: unknown[] = [];
    for (const send of nodes) {
      const headers = { authorization: `Bearer ${token}` };
      const { body } = await send(`/api/v1/users/${user.id}`, { headers });
      const listed = (await send('/api/v1/users?sort=-created_at&limit=5', { headers })).body['users'] as ApiUser[];
      names.push(body['nickname'], listed.find(({ id }) => id === user.id)?.nickname);
    }
    return names;
  };
  async function soon(expected: unknown[]): Promise<void> {
    for (let tries = 0; tries < 40 && JSON.stringify(await shown()) !== JSON.stringify(expected); tries += 1)
      await sleep(25);
    expect(await shown()).toEqual(expected);
  }
  await shown();
  await shown();
  // The embedded database sends no messages, and has no other program.
  if (onServer) {
    const change = `update users set profile = profile || '{"nickname": "SQL"}' where id = $1`;
    await latchkey.app.database.sql(change, [toUuid(user.id as never)]);
    await soon(['SQL', 'SQL', 'SQL', 'SQL']);
  }
  await latchkey.run('users.update', { user_id: user.id, nickname: 'Node' });
  expect((await shown()).slice(0, 2)).toEqual(['Node', 'Node']);
  await soon(['Node', 'Node', 'Node', 'Node']);
  await latchkey.run('users.delete', { user_id: user.id, immediately: true });
  expect((await shown()).slice(0, 2)).toEqual([undefined, undefined]);
  await soon([undefined, undefined, undefined, undefined]);
});
