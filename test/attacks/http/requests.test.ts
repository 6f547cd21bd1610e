/** Requests that no browser and no client library sends, to the endpoints that matter. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { authorizeUrl, pkce, Visitor, formsOf } from '../../support/visitor.ts';
import { bodyOf, headerOf, raw, request, statusOf } from '../../support/edge.ts';

let latchkey: TestApp;
let client: TestClient;
let target: { port: number; host: string };
let basic: string;
/** Path of an open sign-in page and the cookies of its browser. */
let login: { path: string; cookie: string; fields: Record<string, string> };

const formType = 'Content-Type: application/x-www-form-urlencoded';

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client();
  const { port, host } = new URL(latchkey.base);
  target = { port: Number(port), host };
  basic = `Authorization: Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`;
  const visitor = new Visitor();
  const page = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  login = { path: new URL(page.url).pathname, cookie: visitor.cookies(page.url), fields: formsOf(page)[0]!.fields };
});
afterAll(() => latchkey.close());

const send = (line: string, headers: readonly string[] = [], body = '') => request(target, line, headers, body);
const token = (body: string, ...headers: string[]) => send('POST /oidc/token', [formType, basic, ...headers], body);

/** Nothing of the inside in an answer, and nothing that a cache or a browser could misread. */
function expectClean(answer: string): void {
  expect(bodyOf(answer)).not.toMatch(
    /\bat .+:\d+:\d+|node_modules|\/src\/|\bselect .+ from\b|oidc-provider|PGlite|postgres|TypeError/i,
  );
  for (const header of ['Server', 'X-Powered-By', 'X-AspNet-Version']) expect(headerOf(answer, header)).toBeUndefined();
  if (bodyOf(answer) !== '') expect(headerOf(answer, 'Content-Type')).toMatch(/charset=utf-8/i);
}

describe('oversized requests', () => {
  test.each([
    ['one header of 17,000 bytes', [`X: ${'x'.repeat(17_000)}`]],
    [
      '300 headers of 60 bytes',
      Array.from({ length: 300 }, (_, i) => `X-${String(i).padStart(4, '0')}: ${'x'.repeat(52)}`),
    ],
  ])('%s: refused, and the next connection works', async (_title, headers) => {
    expect(statusOf(await send('GET /', headers))).toBe(431);
    expect(statusOf(await send('GET /oidc/jwks'))).toBe(200);
  });

  test.each([
    [
      'a sign-in form of 70 KiB',
      () => send(`POST ${login.path}`, [formType, `Cookie: ${login.cookie}`], `email=${'x'.repeat(70 * 1024)}`),
      413,
    ],
    ['a token request of 70 KiB', () => token(`grant_type=client_credentials&scope=${'x'.repeat(70 * 1024)}`), 413],
    [
      'a sign-in form of 2,000 fields',
      () =>
        send(
          `POST ${login.path}`,
          [formType, `Cookie: ${login.cookie}`],
          Array.from({ length: 2000 }, (_, i) => `f${i}=x`).join('&'),
        ),
      400,
    ],
    ['a token request of 2,000 fields', () => token(Array.from({ length: 2000 }, (_, i) => `f${i}=x`).join('&')), 400],
    ['an address of 9,000 bytes', () => send(`GET /oidc/auth?state=${'x'.repeat(9000)}`), 414],
  ])('%s', async (_title, attack, status) => {
    const answer = await attack();
    expect(statusOf(answer)).toBe(status);
    expectClean(answer);
  });

  test.each([
    ['the sign-in form', () => login.path, () => [`Cookie: ${login.cookie}`]],
    ['the token endpoint', () => '/oidc/token', () => [basic]],
  ])('a body in pieces without a length, at %s', async (_title, path, headers) => {
    const piece = `2000\r\n${'x'.repeat(0x2000)}\r\n`;
    const head = [
      `POST ${path()} HTTP/1.1`,
      `Host: ${target.host}`,
      formType,
      'Transfer-Encoding: chunked',
      ...headers(),
      '',
      '',
    ].join('\r\n');
    const answer = await raw(target.port, `${head}2\r\na=\r\n${piece.repeat(9)}0\r\n\r\n`);
    expect([statusOf(answer), headerOf(answer, 'Connection')]).toEqual([413, 'close']);
  });

  test('a compressed body is not decompressed', async () => {
    const packed = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    const head = [
      `POST /oidc/token HTTP/1.1`,
      `Host: ${target.host}`,
      formType,
      basic,
      'Content-Encoding: gzip',
      `Content-Length: ${packed.length}`,
      'Connection: close',
      '',
      '',
    ].join('\r\n');
    expect(statusOf(await raw(target.port, Buffer.concat([Buffer.from(head), packed])))).toBe(415);
  });
});

describe('framing', () => {
  test.each([
    ['Content-Length with Transfer-Encoding', ['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ['two Content-Lengths', ['Content-Length: 5', 'Content-Length: 6'], 'a=bcd'],
    ['a signed Content-Length', ['Content-Length: +5'], 'a=bcd'],
    ['a space before the colon', ['Transfer-Encoding : chunked'], '0\r\n\r\n'],
    ['chunked and then identity', ['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'],
    ['an unknown coding', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
    ['a folded header', ['X-A: b', ' c', 'Content-Length: 0'], ''],
  ])('%s: 400, the connection ends, the smuggled request gets no response', async (_title, headers, body) => {
    const head = [`POST /oidc/token HTTP/1.1`, `Host: ${target.host}`, ...headers, '', ''].join('\r\n');
    const answer = await raw(target.port, `${head}${body}GET /setup/x HTTP/1.1\r\nHost: ${target.host}\r\n\r\n`);
    expect([statusOf(answer), headerOf(answer, 'Connection')]).toEqual([400, 'close']);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  test('bare line feeds', async () => {
    expect(statusOf(await raw(target.port, `GET / HTTP/1.1\nHost: ${target.host}\n\n`))).toBe(400);
  });
});

test.each(['Host: evil.test', 'Host: localhost', 'Host: a@localhost', 'Host: localhost:1'])(
  'cache poisoning by %s is refused and never reflected',
  async (header) => {
    for (const path of ['/', '/.well-known/openid-configuration', login.path, '/oidc/auth']) {
      const answer = await raw(target.port, `GET ${path} HTTP/1.1\r\n${header}\r\nConnection: close\r\n\r\n`);
      expect([400, 421]).toContain(statusOf(answer));
      expect(answer).not.toContain('evil.test');
    }
  },
);

test('forwarded headers change no URL: metadata and redirects are the same', async () => {
  const lies = [
    'X-Forwarded-Host: evil.test',
    'Forwarded: host=evil.test;proto=http',
    'X-Forwarded-Proto: javascript',
    'X-Original-Host: evil.test',
    'X-Forwarded-Prefix: //evil.test',
    'X-Forwarded-Port: 1',
    'X-Original-URL: /setup/x',
    'X-Rewrite-URL: /setup/x',
  ];
  const discovery = '/.well-known/openid-configuration';
  expect(bodyOf(await send(`GET ${discovery}`, lies))).toBe(bodyOf(await send(`GET ${discovery}`)));
  const authorize = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }).slice(
    latchkey.base.length,
  );
  const answer = await send(`GET ${authorize}`, lies);
  expect(statusOf(answer)).toBe(303);
  expect(headerOf(answer, 'Location')).toMatch(/^(http:\/\/localhost:\d+)?\/interaction\//);
  expect(answer).not.toContain('evil.test');
});

describe('methods', () => {
  test.each([
    ['TRACE /', 'GET, HEAD'],
    ['GET /oidc/token', 'POST, OPTIONS'],
    ['PUT /oidc/token', 'POST, OPTIONS'],
    ['DELETE /oidc/jwks', 'GET, OPTIONS, HEAD'],
    ['PATCH /oidc/userinfo', 'GET, POST, OPTIONS, HEAD'],
    ['PUT /interaction/x/login', 'GET, POST'],
  ])('%s is 405', async (line, allow) => {
    const answer = await send(line);
    expect([statusOf(answer), headerOf(answer, 'Allow')]).toEqual([405, allow]);
  });

  test('a method override changes nothing', async () => {
    const overridden = await token(
      'grant_type=client_credentials',
      'X-HTTP-Method-Override: GET',
      'X-HTTP-Method: DELETE',
    );
    const plain = await token('grant_type=client_credentials');
    expect([statusOf(overridden), bodyOf(overridden)]).toEqual([statusOf(plain), bodyOf(plain)]);
  });
});

describe('a duplicate parameter is invalid_request (RFC 6749 §3.1)', () => {
  test.each(['client_id', 'redirect_uri', 'scope', 'state', 'code_challenge', 'response_type', 'nonce'])(
    '%s at the authorization endpoint',
    async (name) => {
      const url = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
      const answer = await send(`GET ${url.slice(latchkey.base.length)}&${name}=https%3A%2F%2Fevil.test%2Fcb`);
      const location = headerOf(answer, 'Location') ?? '';
      expect(location).not.toMatch(/^https?:\/\/evil\.test/);
      expect(location === '' ? bodyOf(answer) : location).toContain('invalid_request');
    },
  );

  test.each(['grant_type', 'code', 'redirect_uri', 'client_id', 'code_verifier'])(
    '%s at the token endpoint',
    async (name) => {
      const answer = await token(
        `grant_type=authorization_code&code=x&redirect_uri=x&code_verifier=x&client_id=${client.client_id}&${name}=y`,
      );
      expect([statusOf(answer), JSON.parse(bodyOf(answer))]).toMatchObject([400, { error: 'invalid_request' }]);
    },
  );
});

test.each([
  ['a list', 'email[]=alice@x.test'],
  ['an object', 'email=alice@x.test&password[$ne]=x'],
  ['two of one', 'email=alice@x.test&email=bob@x.test'],
  ['the prototype', '__proto__[isAdmin]=1'],
])('%s for a field of the sign-in form is 400', async (_title, body) => {
  const answer = await send(
    `POST ${login.path}`,
    [formType, `Cookie: ${login.cookie}`],
    `csrf=${login.fields['csrf']}&${body}`,
  );
  expect(statusOf(answer)).toBe(400);
});

test('JSON to the sign-in form is refused', async () => {
  const answer = await send(
    `POST ${login.path}`,
    ['Content-Type: application/json', `Cookie: ${login.cookie}`],
    '{"email":["alice"],"password":{"length":9}}',
  );
  expect(statusOf(answer)).toBe(415);
});

describe('error handling', () => {
  const shapes = [
    '%',
    '%ff',
    '%00',
    '%ed%a0%80',
    '%c0%af',
    '('.repeat(7000),
    '%22%3E%3Csvg%20onload%3D1%3E',
    '%7B%7B7*7%7D%7D',
    "'%20or%201=1--",
    '..%2f..%2fetc%2fpasswd',
    '%e2%80%ae',
    '-1',
  ];
  const places = [
    'response_type',
    'client_id',
    'redirect_uri',
    'scope',
    'state',
    'nonce',
    'prompt',
    'max_age',
    'ui_locales',
    'id_token_hint',
    'login_hint',
    'acr_values',
    'request',
    'request_uri',
    'response_mode',
    'claims',
    'code_challenge',
    'display',
    'resource',
    'dpop_jkt',
  ];

  test.each(places)('the authorization endpoint never fails on %s', async (name) => {
    const url = new URL(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, [name]: undefined }));
    for (const shape of shapes) {
      const answer = await send(`GET ${url.pathname}${url.search}&${name}=${shape}`);
      expect(statusOf(answer), `${name}=${shape.slice(0, 30)}`).toBeLessThan(500);
      expectClean(answer);
    }
  });

  test.each([
    [
      '/oidc/token',
      [
        'grant_type',
        'code',
        'redirect_uri',
        'refresh_token',
        'device_code',
        'scope',
        'client_assertion',
        'client_assertion_type',
        'code_verifier',
        'resource',
      ],
    ],
    ['/oidc/introspect', ['token', 'token_type_hint']],
    ['/oidc/revoke', ['token', 'token_type_hint']],
    ['/oidc/par', ['client_id', 'redirect_uri', 'request', 'request_uri', 'scope', 'claims']],
    ['/oidc/device/auth', ['client_id', 'scope', 'claims']],
    ['/oidc/userinfo', ['access_token']],
    ['/oidc/device', ['user_code', 'xsrf', 'confirm']],
    ['/oidc/logout/confirm', ['xsrf', 'logout']],
  ])('%s never fails on its parameters', async (path, names) => {
    for (const name of names)
      for (const shape of shapes) {
        const answer = await send(`POST ${path}`, [formType, basic], `grant_type=authorization_code&${name}=${shape}`);
        expect(statusOf(answer), `${name}=${shape.slice(0, 30)}`).toBeLessThan(500);
        expectClean(answer);
      }
  });

  test.each([
    ['/oidc/logout', ['id_token_hint', 'post_logout_redirect_uri', 'client_id', 'state', 'logout_hint', 'ui_locales']],
    ['/oidc/device', ['user_code']],
    ['/', ['ui_locales']],
    ['/interaction/x', ['ui_locales']],
    ['/setup/x', ['ui_locales']],
  ])('GET %s never fails on its parameters', async (path, names) => {
    for (const name of names)
      for (const shape of shapes) {
        const answer = await send(`GET ${path}?${name}=${shape}`);
        expect(statusOf(answer), `${name}=${shape.slice(0, 30)}`).toBeLessThan(500);
        expectClean(answer);
      }
  });

  test.each([
    '/oidc/auth/x',
    '/interaction/x',
    '/interaction/x/login',
    '/interaction/x/password',
    '/interaction/x/consent',
    '/oidc/device/x',
    '/setup/x',
    '/oidc/register/x',
    '/assets/x.css',
  ])('an unknown %s is refused', async (path) => {
    const answer = await send(`GET ${path}`, [`Cookie: ${login.cookie}`]);
    expect(statusOf(answer)).toBeGreaterThanOrEqual(400);
    expect(statusOf(answer)).toBeLessThan(500);
    expectClean(answer);
  });

  test.each([
    'Basic',
    'Basic !!!',
    `Basic ${Buffer.from('%ff:%').toString('base64')}`,
    `Basic ${Buffer.from('a').toString('base64')}`,
    `Basic ${Buffer.from('\0:\0').toString('base64')}`,
    'Bearer',
    'Bearer \u00ff',
    'DPoP x',
    'Digest x',
  ])('credentials %j cause no fault', async (credentials) => {
    for (const path of ['/oidc/token', '/oidc/userinfo', '/oidc/introspect']) {
      const answer = await send(
        `POST ${path}`,
        [formType, `Authorization: ${credentials}`],
        'grant_type=client_credentials&token=x',
      );
      expect(statusOf(answer)).toBeGreaterThanOrEqual(400);
      expect(statusOf(answer)).toBeLessThan(500);
      expectClean(answer);
    }
  });

  test.each(['session', '_session', '_interaction', 'latchkey-csrf', 'latchkey-language', 'latchkey-device'])(
    'a broken cookie %s causes no fault',
    async (name) => {
      for (const value of ['%', '%00', '\u00ff', 'x'.repeat(4000), '"', '{}', '__proto__']) {
        for (const path of [login.path, '/oidc/auth', '/oidc/logout']) {
          const answer = await send(`GET ${path}`, [`Cookie: ${name}=${value}`]);
          expect(statusOf(answer), value).toBeLessThan(500);
        }
      }
    },
  );
});

test.each(['x.css', ';x.js', '%2fx.png', '/x.css', '%3bx.js', '.css', '%00.css', '/'])(
  'no cache can be tricked into storing a page under a file name: %s',
  async (suffix) => {
    const answer = await send(`GET ${login.path}${suffix}`, [`Cookie: ${login.cookie}`]);
    expect([400, 404]).toContain(statusOf(answer));
    expect(headerOf(answer, 'Cache-Control')).toBe('no-store');
  },
);

describe('one route has one path', () => {
  const forms = (path: string): string[] => [
    `/${path}`,
    `${path}/`,
    path.replace(/[a-z](?=[^/]*$)/, (c) => `%${c.charCodeAt(0).toString(16)}`),
    `${path};a`,
    `/.${path}`,
    `/x/..${path}`,
    `${path}%2f..%2f`,
    `${path}.`,
  ];

  test.each(['/oidc/token', '/oidc/auth', '/oidc/introspect', '/oidc/jwks', '/.well-known/openid-configuration'])(
    '%s has no other spelling',
    async (path) => {
      for (const form of [...forms(path), path.toUpperCase()]) {
        const answer = await send(`${path.includes('token') || path.includes('introspect') ? 'POST' : 'GET'} ${form}`);
        expect(statusOf(answer), form).toBe(404);
      }
    },
  );

  test.each(['/recovery', '/recovery/link/x', '/account/emails', '/not-me/done', '/waitlist/check'])(
    '%s is case-sensitive',
    async (path) => {
      expect(statusOf(await send(`GET ${path}`))).not.toBe(404);
      const last = path.split('/')[2] ?? 'recovery';
      for (const form of [
        path.replace(last, last.toUpperCase()),
        path.replace(last, `${last[0]?.toUpperCase()}${last.slice(1)}`),
      ])
        expect(statusOf(await send(`GET ${form}`)), form).toBe(404);
    },
  );

  test('the sign-in form has no other path that a limit could miss', async () => {
    for (const form of [...forms(login.path), login.path.replace('/login', '/LOGIN')]) {
      const answer = await send(
        `POST ${form}`,
        [formType, `Cookie: ${login.cookie}`],
        `csrf=${login.fields['csrf']}&email=a@x.test`,
      );
      expect(statusOf(answer), form).toBe(404);
    }
  });
});
