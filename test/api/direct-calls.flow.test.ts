/** Calls that a service repeats, which are answered before the middleware: limits, permissions and ends are the same. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { callApi, clientTokens, machineWith, refusalOf } from '../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';

let latchkey: TestApp;
let administrator: TestUser;
let robot: TestClient;
let token: string;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.refusedTokensPerAddress': 10_000 } });
  administrator = await latchkey.user({ administrator: true });
});
afterAll(() => latchkey.close());
beforeEach(async () => {
  robot = await machineWith(latchkey, 'access.check', 'clients.read');
  ({ access_token: token } = await clientTokens(latchkey, robot, { scope: 'access.check clients.read' }));
});

const question = { user_id: '', permission: 'users.manage' };
const check = (json: object = { ...question, user_id: administrator.id }) =>
  callApi(latchkey, '/v1/access/check', { method: 'POST', token, json });

test('a call is answered the same when it is repeated', async () => {
  const [first, second, third] = [await check(), await check(), await check()];
  expect([first.status, first.body]).toEqual([200, { allowed: true }]);
  for (const again of [second, third]) {
    expect([again.status, again.body]).toEqual([200, { allowed: true }]);
    const without = (headers: Headers): string[] => [...headers.keys()].filter((name) => name !== 'date');
    expect(without(again.headers)).toEqual(without(first.headers));
  }
});

test('a batch and a list are, too', async () => {
  const batch = {
    checks: [
      { ...question, user_id: administrator.id },
      { ...question, client_id: 'unknown' },
    ],
  };
  for (let time = 0; time < 3; time += 1) {
    const refused = await callApi(latchkey, '/v1/access/check-batch', { method: 'POST', token, json: batch });
    expect(refusalOf(refused)).toEqual([422, 'input.invalid']);
    const { status, body } = await callApi(latchkey, '/v1/clients', { token });
    expect([status, Object.keys(body)]).toEqual([200, expect.arrayContaining(['clients'])]);
  }
});

test('wrong input is named', async () => {
  await check();
  const answer = await check({ permission: 'users.manage' });
  expect(refusalOf(answer)).toEqual([422, 'input.invalid']);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.body['errors']).toEqual({ user_id: expect.stringContaining('must be given') });
});

test('a permission that the token lacks is refused', async () => {
  ({ access_token: token } = await clientTokens(latchkey, robot, { scope: 'clients.read' }));
  expect((await callApi(latchkey, '/v1/clients', { token })).status).toBe(200);
  expect(refusalOf(await check())).toEqual([403, 'api.insufficient_scope']);
});

test('a disabled user has no permission in the next answer', async () => {
  const user = await latchkey.user({ administrator: true });
  const asked = { ...question, user_id: user.id };
  expect([await check(asked), await check(asked)].map(({ body }) => body)).toEqual([
    { allowed: true },
    { allowed: true },
  ]);
  await latchkey.run('users.disable', { user_id: user.id });
  expect((await check(asked)).body).toEqual({ allowed: false });
});

test.each([
  ['a disabled client', () => latchkey.run('clients.disable', { client_id: robot.client_id })],
  ['a client that lost the API', () => latchkey.run('clients.update', { client_id: robot.client_id, apis: {} })],
  [
    'a client whose tokens must be bound to a key',
    () => latchkey.run('clients.update', { client_id: robot.client_id, dpop_bound_access_tokens: true }),
  ],
])('the next call of %s is refused', async (_what, end) => {
  expect([(await check()).status, (await check()).status]).toEqual([200, 200]);
  await end();
  expect((await check()).status).toBe(401);
});

test('the limit counts every call', async () => {
  await latchkey.run('settings.update', { name: 'limits.apiCallsPerMinute', value: '5' });
  const statuses = [];
  for (let call = 0; call < 7; call += 1) statuses.push((await check()).status);
  await latchkey.run('settings.update', { name: 'limits.apiCallsPerMinute', value: '600' });
  expect(statuses.slice(0, 5)).toEqual([200, 200, 200, 200, 200]);
  expect(statuses.slice(5)).toEqual([429, 429]);
});
