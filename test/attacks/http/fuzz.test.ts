/**
 * Requests that nobody wrote by hand, at every address of the site map: methods, media types, headers, parameters right and
 * wrong in any company. Whatever they are, the product answers them, says nothing about itself and goes on.
 */
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redirectUri, startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';
import { siteMap } from '../../../src/app/site-map.ts';

/** Fixed, so that a failure stays one; another may be tried without touching this file. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 70);

let latchkey: TestApp;
let user: TestUser;
let web: TestClient;
let cookies: string[] = [];
/** By the word that stands for them in a generated header. */
let credentials: Record<string, string> = {};
/** Below a mount that ends in `/*`. */
let below: Record<string, string[]> = {};
/** Values that mean something here, so that requests come further than the first check. */
let known: Record<string, string[]> = {};

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

beforeAll(async () => {
  latchkey = await startTestApp({
    settings: {
      'oidc.registration': 'open',
      'limits.clientFailuresPerAddress': 100_000,
      'limits.userCodeFailures': 100_000,
      'limits.passwordFailuresPerAddress': 100_000,
    },
  });
  web = await latchkey.client({ post_logout_redirect_uris: ['https://rp.example/bye'] });
  const spa = await latchkey.client({ name: 'Page', type: 'spa' });
  const tv = await latchkey.client({
    name: 'TV',
    type: 'native',
    redirect_uris: [],
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
  });
  user = await latchkey.user();
  const visitor = new Visitor();
  const tokens = await tokensFor(
    latchkey.base,
    web,
    user,
    { scope: 'openid offline_access', prompt: 'consent' },
    visitor,
  );
  const ask = authorizeUrl(latchkey.base, web, { code_challenge: pkce().challenge, prompt: 'login' });
  const page = await visitor.open(ask);
  const uid = new URL(page.url).pathname.split('/')[2] ?? '';
  const device = await post(`${latchkey.base}/oidc/device/auth`, tv, { scope: 'openid' });
  const secret = (await latchkey.app.setup.openLink()) ?? '';
  cookies = ['', ...[page.url, `${latchkey.base}/`].map((url) => visitor.cookies(url))];
  credentials = {
    right: `Basic ${Buffer.from(`${web.client_id}:${web.client_secret}`).toString('base64')}`,
    bearer: `Bearer ${tokens.access_token}`,
  };
  below = {
    '/interaction': [uid, `${uid}/login`, `${uid}/password`, `${uid}/account`, `${uid}/consent`],
    '/oidc/auth': [uid],
    '/oidc/register': [web.client_id],
    '/setup': [secret.slice('/setup/'.length), 'done'],
    '/demo': ['sign-in', 'callback', 'refresh', 'userinfo', 'sign-out'],
  };
  known = {
    client_id: [web.client_id, spa.client_id, tv.client_id],
    client_secret: [web.client_secret],
    redirect_uri: [redirectUri],
    post_logout_redirect_uri: ['https://rp.example/bye'],
    response_type: ['code', 'id_token', 'none'],
    response_mode: ['query', 'form_post', 'jwt', 'web_message'],
    scope: ['openid', 'openid offline_access email'],
    prompt: ['none', 'login', 'consent', 'select_account create'],
    code_challenge: [pkce().challenge],
    code_challenge_method: ['S256', 'plain'],
    grant_type: [
      'authorization_code',
      'refresh_token',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
    refresh_token: [tokens.refresh_token],
    access_token: [tokens.access_token],
    token: [tokens.access_token, tokens.id_token],
    id_token_hint: [tokens.id_token],
    device_code: [String(device.body['device_code'])],
    user_code: [String(device.body['user_code'])],
    csrf: [formsOf(page)[0]?.fields['csrf'] ?? ''],
    email: [user.email],
    action: ['continue', 'allow', 'logout', 'confirm'],
    max_age: ['0', '1'],
  };
});
afterAll(async () => {
  agent.destroy();
  await latchkey.close();
});

const names = [
  'client_id',
  'client_secret',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'prompt',
  'max_age',
  'ui_locales',
  'claims_locales',
  'login_hint',
  'id_token_hint',
  'acr_values',
  'claims',
  'display',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
  'resource',
  'dpop_jkt',
  'registration',
  'grant_type',
  'code',
  'code_verifier',
  'refresh_token',
  'device_code',
  'token',
  'token_type_hint',
  'access_token',
  'client_assertion',
  'client_assertion_type',
  'post_logout_redirect_uri',
  'user_code',
  'xsrf',
  'logout',
  'confirm',
  'csrf',
  'email',
  'password',
  'action',
  'account',
  'remember',
  'name',
  'web_message_uri',
  'web_message_target',
  '__proto__',
  'constructor',
  'toString',
  'a[b]',
  'a[]',
  '',
];

const odd = [
  '',
  ' ',
  '0',
  '-1',
  '1e400',
  'null',
  'true',
  '[]',
  '{}',
  '[object Object]',
  '__proto__',
  'constructor',
  'toString',
  '\0',
  '\ufffe',
  '\u202e',
  'é'.normalize('NFD'),
  '\r\nSet-Cookie: a=b',
  "' or 1=1 --",
  '"><svg onload=alert(1)>',
  '{{7*7}}',
  '${7*7}',
  '../../etc/passwd',
  'javascript:alert(1)',
  '//evil.test',
  'https://evil.test/',
  'urn:x:y',
  '%',
  '%00',
  '%ff',
  '%ed%a0%80',
  '+',
  '=&=',
  'a'.repeat(3000),
  '('.repeat(500),
  '['.repeat(500),
  '.'.repeat(300),
  '{"id_token":{"acr":{"values":[{}]}}}',
  '{"userinfo":{"__proto__":null}}',
  'e30.e30.e30',
  'a.b.c.d.e',
  '~a.b',
  'lk_at_x',
  'urn:ietf:params:oauth:request_uri:x',
  'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
];

const types = [
  'application/x-www-form-urlencoded',
  'application/json',
  'text/plain',
  'multipart/form-data; boundary=x',
  '',
  'application/x-www-form-urlencoded; charset=utf-16',
  'application/json; charset="',
  ';',
  'a/b/c',
  '*/*',
];

/** Some are refused at the door, and nothing behind it is tried then: those come seldom. */
const headerOf = (name: string, values: readonly string[], oneIn = 8) =>
  fc.oneof(
    { weight: oneIn - 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...values).map((value): [string, string] => [name, value]) },
  );

const someHeaders = fc
  .tuple(
    headerOf('accept', ['*/*', 'text/html', 'application/json', 'application/jwt', '', 'a', ',;q=x', 'text/*;q=2']),
    headerOf('accept-language', ['de', '*', 'x'.repeat(2000), '-,;q', 'en;q=abc']),
    headerOf('origin', ['null', 'https://evil.test', '', '\u00ff'], 20),
    headerOf(
      'authorization',
      [
        'right',
        'right',
        'right',
        'right',
        'bearer',
        'Basic',
        'Basic Og==',
        'Basic w786',
        'Bearer x',
        'Bearer',
        'DPoP x',
        'x y z',
        'Bearer lk_at_x',
      ],
      2,
    ),
    headerOf('dpop', ['', 'x', 'e30.e30.', 'a.b.c, a.b.c']),
    headerOf('x-forwarded-for', ['::', 'x', '1.2.3.4, ,']),
    headerOf('x-http-method-override', ['DELETE']),
    headerOf('sec-fetch-site', ['same-origin', 'cross-site', 'x'], 30),
    headerOf('if-none-match', ['*', '"', 'W/"x"']),
    headerOf('if-modified-since', ['x', 'Thu, 01 Jan 1970 00:00:00 GMT']),
    headerOf('range', ['bytes=0-0', 'bytes=9-1', 'x']),
    headerOf('expect', ['100-continue', 'x'], 60),
    headerOf('content-encoding', ['gzip', 'identity'], 60),
    headerOf('user-agent', ['', '\u00ff\u0080', 'a'.repeat(4000)]),
    headerOf('traceparent', ['00-x-x-x', '']),
  )
  .map((list) => Object.fromEntries(list.filter((entry) => entry !== undefined)));

type Parameter = { name: string; isKnown: boolean; value: string; index: number; isRaw: boolean };
const parameters: fc.Arbitrary<Parameter[]> = fc.array(
  fc.record({
    name: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...names) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
    ),
    isKnown: fc.boolean(),
    value: fc.oneof(fc.constantFrom(...odd), fc.string({ unit: 'binary', maxLength: 40 })),
    index: fc.nat(3),
    isRaw: fc.integer({ min: 0, max: 15 }).map((n) => n === 0),
  }),
  { maxLength: 6 },
);

const authorize = ['client_id', 'redirect_uri', 'response_type', 'scope', 'code_challenge', 'code_challenge_method'];
/** The fields of a normal request; half of the fuzzed requests are normal ones with an error added. */
const honest: Readonly<Record<string, readonly string[]>> = {
  '/oidc/auth': authorize,
  '/oidc/par': authorize,
  '/oidc/token': ['grant_type', 'refresh_token', 'device_code', 'client_id'],
  '/oidc/device/auth': ['client_id', 'scope'],
  '/oidc/device': ['user_code'],
  '/oidc/introspect': ['token'],
  '/oidc/revoke': ['token'],
  '/oidc/logout': ['id_token_hint', 'post_logout_redirect_uri', 'client_id'],
  '/interaction/*': ['csrf', 'email', 'action'],
  '/setup/*': ['csrf', 'email', 'password'],
};
const asIn = (path: string, index: number): Parameter[] =>
  (honest[path] ?? []).map((name) => ({ name, isKnown: true, value: '', index, isRaw: false }));

/** Halves of characters become what a sender makes of them; raw ones go as they are where a line can hold them. */
function encode(list: readonly Parameter[]): string {
  return list
    .map(({ name, isKnown, value, index, isRaw }) => {
      const meant = isKnown ? (known[name]?.[index % (known[name]?.length ?? 1)] ?? value) : value;
      const escaped = encodeURIComponent(meant.toWellFormed());
      return `${encodeURIComponent(name.toWellFormed())}=${isRaw ? meant.replace(/[^!-~]/g, '%FF') : escaped}`;
    })
    .join('&');
}

/** Registrations: members that there are, with values that they have and values that nothing has. */
const metadata = fc
  .dictionary(
    fc.constantFrom(
      'redirect_uris',
      'client_name',
      'grant_types',
      'response_types',
      'token_endpoint_auth_method',
      'jwks',
      'jwks_uri',
      'contacts',
      'scope',
      'subject_type',
      'sector_identifier_uri',
      'default_max_age',
      'application_type',
      'client_id',
      'id_token_signed_response_alg',
      'backchannel_logout_uri',
      'request_uris',
      'software_statement',
      'constructor',
    ),
    fc.oneof(
      fc.constantFrom<unknown>(null, 0, -1, 1e308, true, '', [], {}, [null], [[]], { keys: [] }, { keys: [{}] }),
      fc.constantFrom<unknown>(
        ['https://rp.example/cb'],
        ['code'],
        ['authorization_code'],
        'none',
        'pairwise',
        'native',
      ),
      fc.constantFrom(...odd),
      fc.array(fc.constantFrom(...odd), { maxLength: 3 }),
    ),
    { maxKeys: 6, noNullPrototype: true },
  )
  .map((members) => JSON.stringify({ redirect_uris: ['https://rp.example/cb'], ...members }));

type Answer = { status: number; headers: IncomingHttpHeaders; text: string };

function send(method: string, path: string, headers: Record<string, string>, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(latchkey.base);
    const sent = request({ hostname, port, method, path, agent, headers, timeout: 10_000 }, (answer) => {
      text(answer).then(
        (got) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: got }),
        reject,
      );
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in ten seconds')));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Text that no response may contain: stack traces, statements, paths of this machine, names and versions of software. */
const tellTale =
  /\n\s+at \S+ \(|node_modules|\/src\/|file:\/\/|\/work\/|syntax error at or near|relation "|violates |SQLSTATE|invalid input syntax|\bKoa[ /]|nunjucks|MikroORM|PGlite|oidc-provider|TypeError|RangeError|undefined is not/;

function judge(answer: Answer, hint: string): void {
  expect(answer.status, hint).toBeLessThan(500);
  expect(answer.text, hint).not.toMatch(tellTale);
  expect(answer.text, hint).not.toMatch(/<svg onload|<script>alert/);
  const { headers } = answer;
  expect(headers['x-content-type-options'], hint).toBe('nosniff');
  expect(headers['referrer-policy'], hint).toBe('no-referrer');
  expect(headers['content-security-policy'], hint).toMatch(/default-src 'none'.*base-uri 'none'/);
  expect(headers['permissions-policy'], hint).toContain('camera=()');
  expect(headers['cross-origin-resource-policy'], hint).toMatch(/^(same|cross)-origin$/);
  expect([undefined, 'same-origin'], hint).toContain(headers['cross-origin-opener-policy']);
  expect(headers['server'] ?? headers['x-powered-by'], hint).toBeUndefined();
  if (answer.text !== '' && headers['content-type']?.startsWith('text/'))
    expect(headers['content-type'], hint).toContain('charset=utf-8');
  for (const line of headers['set-cookie'] ?? []) expect(line, hint).toMatch(/httponly/i);
  const { location } = headers;
  if (location === undefined) return;
  expect(location, hint).toMatch(/^[!-~]+$/);
  const { origin } = new URL(location, latchkey.base);
  expect([latchkey.base, new URL(redirectUri).origin, 'https://rp.example'], hint).toContain(origin);
}

describe.each(siteMap({ embedded: true }).map((mount) => [mount.path, mount] as const))('%s', (path, mount) => {
  test('responds to every input', { timeout: 20_000 }, async () => {
    const property = fc.asyncProperty(
      fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...mount.methods) },
        {
          weight: 1,
          arbitrary: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'),
        },
      ),
      fc.oneof(fc.nat(5), fc.string({ unit: 'binary', maxLength: 12 })),
      parameters,
      parameters,
      fc.oneof({ weight: 12, arbitrary: fc.constant(types[0]!) }, { weight: 1, arbitrary: fc.constantFrom(...types) }),
      someHeaders,
      fc.nat(2),
      fc.oneof(
        { weight: path.includes('register') ? 1 : 20, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.oneof(fc.json({ maxDepth: 4 }), metadata) },
      ),
      fc.option(fc.nat(3), { nil: undefined, freq: 2 }),
      async (method, end, extraQuery, extraFields, type, headers, cookie, json, base) => {
        const [query, fields] = [extraQuery, extraFields].map((extra) => {
          const names = new Set(extra.map(({ name }) => name));
          const rest = base === undefined ? [] : asIn(path, base).filter(({ name }) => !names.has(name));
          return [...rest, ...extra];
        }) as [Parameter[], Parameter[]];
        const stem = path.replace(/\/\*$/, '');
        const ends = below[stem] ?? ['x'];
        const tail = typeof end === 'number' ? ends[end % ends.length]! : encodeURIComponent(end.toWellFormed());
        const target = `${path.endsWith('/*') ? `${stem}/${tail}` : path}?${method === 'GET' || mount.path === '/demo/callback' ? encode(query) : ''}`;
        const body = ['GET', 'HEAD', 'TRACE'].includes(method) ? '' : (json ?? encode(fields));
        const sent = {
          ...headers,
          ...(headers['authorization'] === undefined
            ? {}
            : { authorization: credentials[headers['authorization']] ?? headers['authorization'] }),
          ...(body === '' ? {} : { 'content-type': json === undefined ? type : 'application/json' }),
          ...(cookies[cookie] ? { cookie: cookies[cookie] } : {}),
          'content-length': String(Buffer.byteLength(body)),
        };
        const hint = JSON.stringify({ method, target: target.slice(0, 1500), sent, body: body.slice(0, 1500) });
        const answer = await send(method, target.slice(0, 9000), sent, body);
        // Node answers what it cannot frame before anything of ours runs.
        if (answer.headers['x-content-type-options'] === undefined && [400, 417, 431].includes(answer.status)) {
          expect(answer.text, hint).not.toMatch(tellTale);
          return;
        }
        judge(answer, hint);
      },
    );
    await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
  });
});

test('a user can still sign in afterwards', async () => {
  const tokens = await tokensFor(latchkey.base, web, user, { prompt: 'login' });
  expect(tokens['token_type']).toBe('Bearer');
});
