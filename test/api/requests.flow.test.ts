/** Inputs and addresses that the API refuses, and the form of its errors (RFC 9457). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callApi, clientTokens, machineWith, refusalOf } from '../support/api.ts';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';

let latchkey: TestApp;
let user: TestUser;
let token: string;
let disable: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  user = await latchkey.user();
  const robot = await machineWith(latchkey, '*');
  ({ access_token: token } = await clientTokens(latchkey, robot, { scope: 'users.read users.manage clients.read' }));
  disable = `/v1/users/${user.id}/disable`;
});
afterAll(() => latchkey.close());

const json = { 'content-type': 'application/json' };
const isActive = async (): Promise<boolean> =>
  (await callApi(latchkey, `/v1/users/${user.id}`, { token })).body['status'] === 'active';

type Body = [what: string, body: string, headers: Record<string, string>, refusal: [number, string]];

describe('a body is refused without an effect', () => {
  test.each<Body>([
    [
      'that is a form',
      'reason=x',
      { 'content-type': 'application/x-www-form-urlencoded' },
      [415, 'request.unsupported_media_type'],
    ],
    ['of no type', '{}', { 'content-type': '' }, [415, 'request.unsupported_media_type']],
    ['that is text', '{}', { 'content-type': 'text/plain' }, [415, 'request.unsupported_media_type']],
    [
      'of another format in JSON',
      '{}',
      { 'content-type': 'application/vnd.api+json' },
      [415, 'request.unsupported_media_type'],
    ],
    [
      'in UTF-16',
      '{}',
      { 'content-type': 'application/json; charset=utf-16' },
      [415, 'request.unsupported_media_type'],
    ],
    [
      'in Latin-1',
      '{}',
      { 'content-type': 'application/json;charset="ISO-8859-1"' },
      [415, 'request.unsupported_media_type'],
    ],
    ['that is packed', '{}', { ...json, 'content-encoding': 'gzip' }, [415, 'request.unsupported_media_type']],
    ['that is no JSON', '{', json, [400, 'request.invalid_json']],
    ['in which a member is __proto__', '{"__proto__":{"reason":"x"}}', json, [400, 'request.invalid_json']],
    ['with NUL in it', '{"reason":"a\\u0000b"}', json, [400, 'request.invalid_json']],
    ['with half a character', '{"reason":"\\ud800"}', json, [400, 'request.invalid_json']],
    ['that is nested deeply', `${'['.repeat(40)}${']'.repeat(40)}`, json, [400, 'request.invalid_json']],
    ['that is a list', '[]', json, [422, 'input.invalid']],
    ['that is null', 'null', json, [422, 'input.invalid']],
    ['that is text in JSON', '"reason"', json, [422, 'input.invalid']],
    ['that is large', `{"reason":"${'x'.repeat(300_000)}"}`, json, [413, 'request.too_large']],
  ])('%s', async (_what, body, headers, refusal) => {
    expect(refusalOf(await callApi(latchkey, disable, { method: 'POST', token, headers, body }))).toEqual(refusal);
    expect(await isActive()).toBe(true);
  });

  test.each<[string, string, string[]]>([
    ['a member that is not known', '{"status":"active","isAdmin":true}', ['isAdmin', 'status']],
    ['a name of every object', '{"constructor":{"prototype":{"x":1}}}', ['constructor']],
    ['a member of the path', '{"user_id":"usr_01h455vb4pex5vsknk084sn02q"}', ['user_id']],
  ])('with %s, which is named', async (_what, body, members) => {
    const answer = await callApi(latchkey, disable, { method: 'POST', token, headers: json, body });
    expect(refusalOf(answer)).toEqual([422, 'input.invalid']);
    expect(Object.keys(answer.body['errors'] as object).toSorted()).toEqual(members);
    expect(await isActive()).toBe(true);
  });
});

test('a body in UTF-8 is accepted, however its charset is written', async () => {
  for (const charset of ['utf-8', 'UTF-8', '"utf-8"']) {
    const headers = { 'content-type': `application/json; charset=${charset}` };
    const answer = await callApi(latchkey, disable, { method: 'POST', token, headers, body: '{"x":1}' });
    expect(answer.body['errors']).toEqual({ x: 'is not a member here' });
  }
});

describe('a query is refused with the name of the parameter', () => {
  test.each<[string, string, string, string[]]>([
    ['of a member that is not known', 'GET', '/v1/clients?sort=secret', ['sort']],
    ['where the operation takes none', 'GET', '/v1/users/USER?fields=passwordHash', ['fields']],
    ['where the input is a body', 'POST', '/v1/users/USER/disable?reason=x', ['reason']],
    ['without a name', 'GET', '/v1/clients?=1', ['input']],
    ['of a method in disguise', 'POST', '/v1/users/USER/disable?_method=DELETE', ['_method']],
  ])('%s: %s %s', async (_what, method, path, members) => {
    const answer = await callApi(latchkey, path.replace('USER', user.id), { method, token });
    expect(refusalOf(answer)).toEqual([422, 'input.invalid']);
    expect(Object.keys(answer.body['errors'] as object)).toEqual(members);
    expect(await isActive()).toBe(true);
  });

  test('in a sentence, also without a name', async () => {
    const { body } = await callApi(latchkey, '/v1/clients?=1', { token });
    expect(body['detail']).toMatch(/^Correct these members: input has a member without a name\./);
  });

  test('with a duplicate parameter', async () => {
    const answer = await callApi(latchkey, '/v1/clients?limit=1&limit=2', { token });
    expect(refusalOf(answer)).toEqual([400, 'request.repeated_parameter']);
  });
});

describe('an id', () => {
  test('of a missing user, of another kind and of no kind get the same response', async () => {
    const ids = ['usr_01h455vb4pex5vsknk084sn02q', 'client_01h455vb4pex5vsknk084sn02q', 'usr_', 'nothing', '0', 'null'];
    const answers = await Promise.all(ids.map((id) => callApi(latchkey, `/v1/users/${id}`, { token })));
    const problems = answers.map(({ status, body: { requestId: _requestId, ...problem } }) => ({ ...problem, status }));
    expect(problems).toEqual(ids.map(() => problems[0]));
    expect(problems[0]).toMatchObject({ status: 404, code: 'users.not_found' });
  });
});

describe('addresses and methods', () => {
  test.each<[string, string]>([
    ['GET', '/v1'],
    ['GET', '/v1/nothing'],
    ['GET', '/v2/clients'],
    ['PUT', '/v1/nothing'],
    ['OPTIONS', '/v1/people'],
    ['GET', '/v1/people'],
    ['GET', '/openapi'],
  ])('%s %s does not exist', async (method, path) => {
    const answer = await callApi(latchkey, path, { method, token });
    expect(refusalOf(answer)).toEqual([404, 'request.not_found']);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  });

  test.each<[string, string, string]>([
    ['DELETE', '/v1/clients', 'GET, HEAD, POST'],
    ['OPTIONS', '/v1/clients', 'GET, HEAD, POST'],
    ['PUT', '/v1/users/usr_x', 'DELETE, GET, HEAD, PATCH'],
    ['GET', '/v1/users/usr_x/disable', 'POST'],
    ['POST', '/openapi.json', 'GET, HEAD'],
  ])('%s %s is not taken, and what is taken is said', async (method, path, allow) => {
    const answer = await callApi(latchkey, path, { method, token });
    expect(refusalOf(answer)).toEqual([405, 'request.method_not_allowed']);
    expect(answer.headers.get('allow')).toBe(allow);
  });
});

describe('a problem (RFC 9457 §3.1)', () => {
  test('has type, title, status, detail, code and the request id', async () => {
    const { body } = await callApi(latchkey, '/v1/users/usr_x', { token });
    expect(body).toEqual({
      type: 'urn:latchkey:problem:users.not_found',
      title: 'Not Found',
      status: 404,
      detail: expect.stringMatching(/^There is no such user\./) as string,
      code: 'users.not_found',
      requestId: expect.stringMatching(/^[\da-f-]{36}$/) as string,
    });
  });
});

describe('each answer', () => {
  test.each<[string, string, object, number]>([
    ['that is done', 'GET', {}, 200],
    ['that is refused', 'POST', { headers: json, body: '{"x":1}' }, 405],
    ['without a token', 'GET', { token: undefined }, 401],
    ['at no address', 'GET', { path: '/nothing' }, 404],
  ])(
    '%s has its request id',
    async (_what, method, { path = `/v1/users/${user.id}`, ...given }: { path?: string }, status) => {
      const answer = await callApi(latchkey, path, { method, token, ...given });
      expect(answer.status).toBe(status);
      const id = answer.headers.get('x-request-id');
      expect(id).toMatch(/^[\da-f-]{36}$/);
      if (status >= 400) expect(answer.body['requestId']).toBe(id);
    },
  );

  test('says what is left of the limit', async () => {
    for (let call = 0; call < 3; call += 1) {
      const { headers } = await callApi(latchkey, '/v1/clients?limit=1', { token });
      expect(headers.get('ratelimit-policy')).toBe('"api-calls";q=600;w=60');
      expect(headers.get('ratelimit')).toMatch(/^"api-calls";r=\d+;t=\d+$/);
    }
    expect((await callApi(latchkey, '/v1/clients', {})).headers.get('ratelimit')).toBeNull();
  });
});

describe('limits', () => {
  test('of calls count for each caller, and say when to retry', async () => {
    await latchkey.run('settings.update', { name: 'limits.apiCallsPerMinute', value: '3' });
    try {
      const [first, second] = [await machineWith(latchkey, '*'), await machineWith(latchkey, '*')];
      const tokens = await Promise.all(
        [first, second].map((client) => clientTokens(latchkey, client, { scope: 'clients.read' })),
      );
      const call = (of: number) => callApi(latchkey, '/v1/clients?limit=1', { token: tokens[of]!.access_token });
      for (let made = 0; made < 3; made += 1) expect((await call(0)).status).toBe(200);
      const refused = await call(0);
      expect(refusalOf(refused)).toEqual([429, 'api.too_many_calls']);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(refused.headers.get('ratelimit')).toMatch(/^"api-calls";r=0;t=\d+$/);
      expect(refused.headers.get('ratelimit-policy')).toBe('"api-calls";q=3;w=60');
      expect((await call(1)).status).toBe(200);
    } finally {
      await latchkey.run('settings.update', { name: 'limits.apiCallsPerMinute', value: '600' });
    }
  });

  test('of refused tokens count for an IP address, and shut out neither valid tokens nor calls without one', async () => {
    await latchkey.run('settings.update', { name: 'limits.refusedTokensPerAddress', value: '2' });
    const call = (shown?: string) => callApi(latchkey, '/v1/clients', { token: shown });
    for (let made = 0; made < 4; made += 1) expect(refusalOf(await call())).toEqual([401, 'api.invalid_token']);
    const answers = [await call('made-up'), await call('made-up'), await call('another')];
    expect(answers.map(refusalOf)).toEqual([
      [401, 'api.invalid_token'],
      [401, 'api.invalid_token'],
      [429, 'api.too_many_refused_tokens'],
    ]);
    expect(Number(answers.at(-1)!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answers.at(-1)!.headers.get('ratelimit')).toMatch(/^"api-refused-tokens";r=0;t=\d+$/);
    expect((await call(token)).status).toBe(200);
    expect(refusalOf(await call())).toEqual([401, 'api.invalid_token']);
    await latchkey.run('settings.update', { name: 'limits.refusedTokensPerAddress', value: '10000' });
  });
});
