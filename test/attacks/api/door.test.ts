/** Ways around the door of the management API: addresses, methods and credentials that something else would take. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API, callApi, clientTokens, machineWith, refusalOf, userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let web: TestClient;
let administrator: TestUser;
let victim: TestUser;
let token: string;
let reading: string;
const browser = new Visitor();
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.refusedTokensPerAddress': 10_000 } });
  administrator = await latchkey.user({ administrator: true });
  victim = await latchkey.user();
  web = await latchkey.client({ first_party: true, apis: { [API]: ['*'] } });
  const robot = await machineWith(latchkey, '*');
  ({ access_token: token } = await clientTokens(latchkey, robot, { scope: 'users.read users.manage' }));
  ({ access_token: reading } = await clientTokens(latchkey, robot, { scope: 'users.read' }));
  await browser.signIn(authorizeUrl(latchkey.base, web, { code_challenge: pkce().challenge }), administrator);
});
afterAll(() => latchkey.close());

type Raw = { method?: string; path: string; headers?: Record<string, string | string[]>; body?: string };

/** The path as it is: `fetch` would mend it. */
function send({
  method = 'GET',
  path,
  headers = {},
  body = '',
}: Raw): Promise<{ status: number; type: string; text: string }> {
  const { hostname, port } = new URL(latchkey.base);
  return new Promise((resolve, reject) => {
    request({ hostname, port, method, path, headers }, (answer) => {
      text(answer).then(
        (all) => resolve({ status: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', text: all }),
        reject,
      );
    })
      .on('error', reject)
      .end(body);
  });
}
const isActive = async (): Promise<boolean> =>
  (await callApi(latchkey, `/v1/users/${victim.id}`, { token })).body['status'] === 'active';

describe('an address has one spelling', () => {
  test.each<[string, number]>([
    ['/api/v1/users/..%2f', 404],
    ['/api/v1/users/..%2fclients', 404],
    ['/api/v1/users/%2e%2e/clients', 404],
    ['/api/v1/users/../clients', 404],
    ['/api/v1/./users/USER', 404],
    ['/api/v1//users/USER', 404],
    ['/api/v1/users/USER/', 404],
    ['/api/v1/users/USER%2f', 404],
    ['/api/v1/users/USER;x=y', 404],
    ['/api/v1/users/USER%00', 400],
    ['/api/v1/users/USER%', 400],
    ['/api/v1/users/%75ser', 404],
    ['/API/v1/users/USER', 404],
    ['/api/V1/users/USER', 404],
    ['/api/v1/Users/USER', 404],
    ['/api/v1/users\\USER', 404],
    ['/api/v1/users/USER/disable/', 404],
    ['/oidc/../api/v1/users/USER', 404],
    ['/api/v1/users/USER?user_id=usr_01h455vb4pex5vsknk084sn02q', 422],
  ])('%s', async (path, status) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await send({ path: path.replace('USER', victim.id), headers });
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain(victim.email);
  });

  test('which is the only one that opens', async () => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await send({ path: `/api/v1/users/${victim.id}`, headers });
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining(victim.email)]);
  });

  test('also for an id in capitals, or with a space', async () => {
    for (const id of [victim.id.toUpperCase(), `%20${victim.id}`, `${victim.id}%20`, `${victim.id}%0a`]) {
      const answer = await send({ path: `/api/v1/users/${id}`, headers: { authorization: `Bearer ${token}` } });
      expect([answer.status, answer.text], id).toEqual([404, expect.stringContaining('"users.not_found"')]);
    }
  });
});

describe('a method cannot be put in a header', () => {
  test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'X-Original-Method'])(
    '%s',
    async (name) => {
      const path = `/api/v1/users/${victim.id}`;
      const headers = { authorization: `Bearer ${token}`, [name]: 'POST' };
      expect((await send({ path: `${path}/disable`, headers })).status).toBe(405);
      expect((await send({ method: 'POST', path, headers: { ...headers, [name]: 'GET' } })).status).toBe(405);
      expect(await isActive()).toBe(true);
    },
  );

  test.each(['X-Original-URL', 'X-Rewrite-URL', 'X-Forwarded-Prefix'])('nor an address: %s', async (name) => {
    const headers = { authorization: `Bearer ${reading}`, [name]: `/api/v1/users/${victim.id}/disable` };
    const answer = await send({ method: 'POST', path: `/api/v1/users/${victim.id}/disable`, headers });
    expect(answer.status).toBe(403);
    expect((await send({ path: '/api/v1/nothing', headers })).status).toBe(404);
    expect(await isActive()).toBe(true);
  });
});

describe('a token counts in the header alone (RFC 6750 §2.1)', () => {
  const path = () => `/v1/users/${victim.id}/disable`;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  test.each<[string, () => Parameters<typeof callApi>, [number, string]]>([
    [
      'in the query',
      () => [latchkey, `${path()}?access_token=${token}`, { method: 'POST' }],
      [400, 'api.invalid_request'],
    ],
    [
      'in the query, beside one in the header',
      () => [latchkey, `${path()}?access_token=${token}`, { method: 'POST', token: reading }],
      [400, 'api.invalid_request'],
    ],
    [
      'in a form',
      () => [latchkey, path(), { method: 'POST', headers: form, body: `access_token=${token}` }],
      [401, 'api.invalid_token'],
    ],
    [
      'in JSON',
      () => [latchkey, path(), { method: 'POST', json: { access_token: token } }],
      [401, 'api.invalid_token'],
    ],
    [
      'in a cookie',
      () => [latchkey, path(), { method: 'POST', headers: { cookie: `access_token=${token}` } }],
      [401, 'api.invalid_token'],
    ],
    [
      'in another header',
      () => [
        latchkey,
        path(),
        { method: 'POST', headers: { 'x-access-token': token, 'x-authorization': `Bearer ${token}` } },
      ],
      [401, 'api.invalid_token'],
    ],
    [
      'of a proxy',
      () => [latchkey, path(), { method: 'POST', headers: { 'proxy-authorization': `Bearer ${token}` } }],
      [401, 'api.invalid_token'],
    ],
  ])('not %s', async (_where, call, refusal) => {
    expect(refusalOf(await callApi(...call()))).toEqual(refusal);
    expect(await isActive()).toBe(true);
  });

  test.each(['Bearer another', 'Basic eDp5', ''])('nor beside another header Authorization: %j', async (other) => {
    for (const authorization of [
      [`Bearer ${token}`, other],
      [other, `Bearer ${token}`],
    ]) {
      const answer = await send({ method: 'POST', path: `/api${path()}`, headers: { authorization } });
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('request.repeated_authorization')]);
    }
    expect(await isActive()).toBe(true);
  });

  test('the session of an administrator opens nothing, so that no page can call for them', async () => {
    const headers = {
      cookie: browser.cookies(`${latchkey.base}/`),
      origin: latchkey.base,
      'sec-fetch-site': 'same-origin',
    };
    expect((await callApi(latchkey, path(), { method: 'POST', headers })).status).toBe(401);
    const answer = await callApi(latchkey, '/v1/clients', { headers: { ...headers, origin: 'https://evil.example' } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await isActive()).toBe(true);
  });

  test('no other origin is let in, with or without a token', async () => {
    const origin = { origin: 'https://evil.example' };
    const preflight = {
      ...origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
    };
    for (const answer of [
      await callApi(latchkey, '/v1/clients', { method: 'OPTIONS', headers: preflight }),
      await callApi(latchkey, `/v1/users/${victim.id}`, { token, headers: origin }),
      await callApi(latchkey, '/openapi.json', { headers: origin }),
    ])
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});

describe('an id is a value', () => {
  test.each([
    "' or 1=1 --",
    "usr_01h455vb4pex5vsknk084sn02q'; drop table users; --",
    'usr_01h455vb4pex5vsknk084sn02q or true',
    '$(id)',
    '{"$ne":null}',
    '__proto__',
    'constructor',
    '*',
    '-1',
    'x'.repeat(4000),
    'client_01h455vb4pex5vsknk084sn02q',
    '018f3a1c-7e0b-7d3a-8f1e-0242ac120002',
  ])('%j is of nobody', async (id) => {
    const answer = await callApi(latchkey, `/v1/users/${encodeURIComponent(id)}`, { token });
    expect(answer.status).toBe(404);
    expect(['users.not_found', 'request.not_found']).toContain(answer.body['code']);
    expect(JSON.stringify(answer.body)).not.toMatch(/syntax|select|pg_|uuid/i);
  });

  test.each(["' or 1=1 --", 'client_01h455vb4pex5vsknk084sn02q', '\u202e', '1;select'])(
    'a list from the cursor %j is none',
    async (cursor) => {
      const everything = await clientTokens(latchkey, await machineWith(latchkey, '*'), { scope: 'clients.read' });
      const path = `/v1/clients?cursor=${encodeURIComponent(cursor)}`;
      const { status, body } = await callApi(latchkey, path, { token: everything.access_token });
      expect([status, Object.keys(body['errors'] as object)]).toEqual([422, ['cursor']]);
    },
  );
});

describe('an error', () => {
  test('shows nothing of the server, and does not repeat what was sent', async () => {
    const mark = '<script>alert(1)</script>';
    const answers = [
      await callApi(latchkey, `/v1/users/${encodeURIComponent(mark)}`, { token }),
      await callApi(latchkey, `/v1/users/${victim.id}/disable`, {
        method: 'POST',
        token,
        headers: { 'content-type': 'application/json' },
        body: mark,
      }),
      await callApi(latchkey, '/v1/users/usr_x', { headers: { authorization: `Bearer ${encodeURIComponent(mark)}` } }),
    ];
    for (const { headers, body } of answers) {
      expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(JSON.stringify([body, [...headers]])).not.toMatch(/<script>|node_modules|\bat .*\.ts:|alert/);
    }
  });
});

describe('a user who is disabled at this moment', () => {
  test('gets nothing more done, however many calls are under way', async () => {
    const user = await latchkey.user({ administrator: true });
    const scope = 'openid users.read users.manage';
    const { access_token: theirs } = await userTokens(latchkey, web, user, scope);
    const other = await latchkey.user();
    await latchkey.run('users.disable', { user_id: user.id });
    const calls = await Promise.all(
      Array.from({ length: 20 }, () =>
        callApi(latchkey, `/v1/users/${other.id}/disable`, { method: 'POST', token: theirs }),
      ),
    );
    expect(new Set(calls.map(({ status }) => status))).toEqual(new Set([401]));
    expect((await callApi(latchkey, `/v1/users/${other.id}`, { token })).body['status']).toBe('active');
  });
});

describe('a body of a method that reads', () => {
  test.each<[string, Record<string, string>]>([
    ['with its length', { 'content-length': '11' }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('is refused %s', async (_what, headers) => {
    const sent = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers };
    const answer = await send({ path: `/api/v1/users/${victim.id}`, headers: sent, body: '{"limit":1}' });
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([400, { code: 'api.unexpected_body' }]);
  });
});
