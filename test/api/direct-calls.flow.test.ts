/** Calls that a service repeats, which are answered before the middleware: limits, permissions and ends are the same. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { toUuid } from '#kernel/ids.ts';
import { API, type ApiAnswer, callApi, clientTokens, machineWith, refusalOf, userTokens } from '../support/api.ts';
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

describe('with ids and queries', () => {
  const scopes = 'users.read users.manage clients.read organizations.read organization.read organization.members.read';
  let reader: string;
  let user: TestUser;
  let organization: { id: string };
  const get = (path: string, bearer = reader, headers = {}): Promise<ApiAnswer> =>
    callApi(latchkey, path, { token: bearer, headers });
  /** The second call is answered before the middleware, which checked the token of the first. */
  const twice = async (path: string): Promise<ApiAnswer> => {
    await get(path);
    return get(path);
  };
  beforeAll(async () => {
    const machine = await machineWith(latchkey, ...scopes.split(' '));
    reader = (await clientTokens(latchkey, machine, { scope: scopes })).access_token;
    user = await latchkey.user({ name: 'Zoë 漢字' });
    organization = await latchkey.run('organizations.create', { name: 'Acme' });
    await latchkey.run('organizations.members.create', { organization_id: organization.id, user_id: user.id });
  });

  test.each([
    ['a user', () => `/v1/users/${user.id}`],
    ['users', () => '/v1/users?limit=2&sort=-created_at'],
    ['users by a filter', () => '/v1/users?status=active&include_total=true'],
    ['an organization', () => `/v1/organizations/${organization.id}`],
    ['members', () => `/v1/organizations/${organization.id}/members?limit=5`],
    ['a client', () => `/v1/clients/${robot.client_id}`],
    ['a user who does not exist', () => `/v1/users/${user.id.slice(0, -4)}0000`],
    ['an organization that does not exist', () => `/v1/organizations/${organization.id.slice(0, -4)}0000`],
    ['a limit that is too high', () => '/v1/users?limit=500'],
    ['a member that is none', () => '/v1/users?colour=red'],
  ])('%s: as behind the routes', async (_what, path) => {
    const direct = await twice(path());
    // The application answers a request with this header.
    const routed = await get(path(), reader, { 'if-none-match': '"other"' });
    const own = ['date', 'x-request-id', 'ratelimit', 'connection', 'keep-alive'];
    const headersOf = ({ headers }: ApiAnswer) =>
      [...headers]
        .filter(([name]) => !own.includes(name))
        .map(String)
        .toSorted();
    const bodyOf = ({ body: { next_cursor: _sealed, requestId: _own, ...body } }: ApiAnswer) => body;
    expect([direct.status, JSON.stringify(bodyOf(direct))]).toEqual([routed.status, JSON.stringify(bodyOf(routed))]);
    expect(headersOf(direct)).toEqual(headersOf(routed));
  });

  test('pages follow one another', async () => {
    const seen: string[] = [];
    for (let path: string | null = '/v1/users?limit=2'; path !== null;) {
      const { body } = await twice(path);
      seen.push(...(body['users'] as { id: string }[]).map(({ id }) => id));
      path = body['next_cursor'] === null ? null : `/v1/users?limit=2&cursor=${String(body['next_cursor'])}`;
    }
    expect(seen).toHaveLength(new Set(seen).size);
    expect(seen).toContain(user.id);
    expect(seen.toSorted()).toEqual(seen);
  });

  test('a cursor of another caller is refused', async () => {
    const { body } = await twice('/v1/users?limit=1');
    const machine = await machineWith(latchkey, 'users.read');
    const { access_token: other } = await clientTokens(latchkey, machine, { scope: 'users.read' });
    const path = `/v1/users?limit=1&cursor=${String(body['next_cursor'])}`;
    expect((await get(path)).status).toBe(200);
    await get('/v1/users?limit=1', other);
    expect(refusalOf(await get(path, other))).toEqual([422, 'input.invalid']);
  });

  test.each([
    ['a status', () => latchkey.run('users.disable', { user_id: user.id }), { status: 'disabled' }],
    ['a status again', () => latchkey.run('users.enable', { user_id: user.id }), { status: 'active' }],
    ['a profile', () => latchkey.run('users.update', { user_id: user.id, nickname: 'Zo' }), { nickname: 'Zo' }],
  ])('%s that was changed is in the next answer', async (_what, change, members) => {
    expect((await twice(`/v1/users/${user.id}`)).body).not.toMatchObject(members);
    const listed = async () =>
      ((await twice('/v1/users?limit=200')).body['users'] as { id: string }[]).find(({ id }) => id === user.id);
    expect(await listed()).not.toMatchObject(members);
    await change();
    expect((await get(`/v1/users/${user.id}`)).body).toMatchObject(members);
    expect(await listed()).toMatchObject(members);
  });

  test('a user who is new is in the next list, and one who was deleted is in no answer', async () => {
    const newest = async () =>
      ((await twice('/v1/users?limit=1&sort=-created_at')).body['users'] as { id: string }[])[0]?.id;
    await newest();
    const other = await latchkey.user();
    expect(await newest()).toBe(other.id);
    expect((await twice(`/v1/users/${other.id}`)).status).toBe(200);
    await latchkey.run('users.delete', { user_id: other.id, immediately: true });
    expect(refusalOf(await twice(`/v1/users/${other.id}`))).toEqual([404, 'users.not_found']);
    expect(await newest()).not.toBe(other.id);
  });

  test('one call with a refusal counts once', async () => {
    const left = ({ headers }: ApiAnswer): number => Number(/r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]);
    const path = `/v1/users/${user.id.slice(0, -4)}0000`;
    const first = await twice(path);
    const second = await get(path);
    expect([first.status, second.status, left(first) - left(second)]).toEqual([404, 404, 1]);
  });

  test('a user whose rights were taken away is refused, and one who was disabled, too', async () => {
    const web = await latchkey.client({ first_party: true, apis: { [API]: ['*'] } });
    const second = await latchkey.user({ administrator: true });
    const { access_token: theirs } = await userTokens(latchkey, web, second, 'openid users.read');
    const path = `/v1/users/${user.id}`;
    expect([(await get(path, theirs)).status, (await get(path, theirs)).status]).toEqual([200, 200]);
    await latchkey.app.database.sql('update users set is_administrator = false where id = $1', [
      toUuid(second.id as never),
    ]);
    await latchkey.run('users.enable', { user_id: user.id });
    expect(refusalOf(await get(path, theirs))).toEqual([403, 'api.insufficient_scope']);
    await latchkey.run('users.disable', { user_id: second.id });
    expect(refusalOf(await get(path, theirs))).toEqual([401, 'api.invalid_token']);
  });

  test('a token for one organization does not see another one', async () => {
    const web = await latchkey.client({ first_party: true, apis: { [API]: ['*'] } });
    const other = await latchkey.run<{ id: string }>('organizations.create', { name: 'Other' });
    const { access_token: theirs } = await userTokens(latchkey, web, user, 'openid organization.read');
    for (let time = 0; time < 3; time += 1)
      expect(refusalOf(await get(`/v1/organizations/${other.id}`, theirs))).toEqual([404, 'organizations.not_found']);
  });
});
