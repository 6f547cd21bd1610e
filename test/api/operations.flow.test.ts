import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API, callApi, clientTokens, machineWith, refusalOf, userTokens } from '../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';

let latchkey: TestApp;
let robot: TestClient;
let web: TestClient;
let administrator: TestUser;
let ofRobot: string;
let ofAdministrator: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  robot = await machineWith(latchkey, '*');
  web = await latchkey.client({ first_party: true, apis: { [API]: ['*'] } });
  administrator = await latchkey.user({ administrator: true });
  const scope = 'users.read users.manage clients.read';
  ofRobot = (await clientTokens(latchkey, robot, { scope })).access_token;
  ofAdministrator = (await userTokens(latchkey, web, administrator, `openid ${scope}`)).access_token;
});
afterAll(() => latchkey.close());

const callers = [
  ['a client that acts for itself', () => ofRobot],
  ['a client for an administrator', () => ofAdministrator],
] as const;
const bot = callers[0][1];

describe.each(callers)('%s', (_who, token) => {
  test('reads a user', async () => {
    const user = await latchkey.user({ name: 'Noor Haddad' });
    const answer = await callApi(latchkey, `/v1/users/${user.id}`, { token: token() });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toMatchObject({ id: user.id, email: user.email, status: 'active' });
  });

  test('disables a user, and the audit log names the client and its user', async () => {
    const user = await latchkey.user();
    const { access_token: theirs } = await userTokens(latchkey, web, user, 'openid');
    const path = `/v1/users/${user.id}/disable`;
    const answer = await callApi(latchkey, path, {
      method: 'POST',
      token: token(),
      json: {},
    });
    expect([answer.status, answer.body]).toMatchObject([200, { id: user.id, status: 'disabled' }]);
    expect((await callApi(latchkey, `/v1/users/${user.id}`, { token: token() })).body['status']).toBe('disabled');
    expect((await callApi(latchkey, `/v1/users/${user.id}`, { token: theirs })).status).toBe(401);
    const [event] = await latchkey.app.database.sql(
      "select actor_type, actor_id, client_id, ip, request_id from audit_record where type = 'user.disabled' and subject_id = $1",
      [user.id],
    );
    expect(event).toMatchObject({ ip: '127.0.0.1', request_id: expect.stringMatching(/^[\da-f-]{36}$/) as string });
    expect(event).toMatchObject(
      token === bot
        ? { actor_type: 'client', actor_id: robot.client_id, client_id: robot.client_id }
        : { actor_type: 'user', actor_id: administrator.id, client_id: web.client_id },
    );
  });

  test('lists clients in pages', async () => {
    const first = await callApi(latchkey, '/v1/clients?limit=1', { token: token() });
    const clients = first.body['clients'] as { client_id: string }[];
    expect([first.status, clients.length]).toEqual([200, 1]);
    const cursor = String(first.body['next_cursor']);
    const next = await callApi(latchkey, `/v1/clients?limit=1&cursor=${cursor}`, { token: token() });
    expect(next.body['clients']).toHaveLength(1);
    expect(next.body['clients']).not.toEqual(clients);
    const all = await callApi(latchkey, '/v1/clients', { token: token() });
    expect(JSON.stringify(all.body)).toContain(robot.client_id);
    expect(JSON.stringify(all.body)).not.toContain(robot.client_secret);
  });
});

describe('a list', () => {
  test('has a hundred entries by default', async () => {
    for (let made = 0; made < 101; made += 1) await latchkey.client();
    const { body } = await callApi(latchkey, '/v1/clients', { token: ofRobot });
    expect(body['clients']).toHaveLength(100);
  });

  test.each(['0', '201', '1e2', '-1', 'all', '', '1.5', ' 1', '99999999999999999999'])(
    'has no limit %j, and says so by its name',
    async (limit) => {
      const answer = await callApi(latchkey, `/v1/clients?limit=${encodeURIComponent(limit)}`, { token: ofRobot });
      expect(refusalOf(answer)).toEqual([422, 'input.invalid']);
      expect(Object.keys(answer.body['errors'] as object)).toEqual(['limit']);
    },
  );
});

describe('HEAD', () => {
  test('equals GET without the body', async () => {
    const path = `/v1/users/${administrator.id}`;
    const answer = await callApi(latchkey, path, { method: 'HEAD', token: ofRobot });
    expect([answer.status, answer.body]).toEqual([200, { text: '' }]);
    expect((await callApi(latchkey, path, { method: 'HEAD' })).status).toBe(401);
  });
});
