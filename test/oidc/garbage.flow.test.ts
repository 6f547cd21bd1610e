import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { tokensFor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
let basic: string;
beforeAll(async () => {
  latchkey = await startTestApp({
    settings: { 'limits.clientFailuresPerAddress': 100_000, 'limits.userCodeFailures': 100_000 },
  });
  client = await latchkey.client({
    type: 'web',
    first_party: true,
    grant_types: [
      'authorization_code',
      'refresh_token',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
  });
  user = await latchkey.user();
  basic = `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}`;
});
afterAll(() => latchkey.close());

const endpoints: readonly [string, Record<string, string>][] = [
  ['/oidc/token', { grant_type: 'client_credentials' }],
  ['/oidc/token', { grant_type: 'refresh_token', refresh_token: 'x' }],
  ['/oidc/token', { grant_type: 'authorization_code', code: 'x', redirect_uri: 'x', code_verifier: 'x'.repeat(43) }],
  ['/oidc/token', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'x' }],
  ['/oidc/introspect', { token: 'x', token_type_hint: 'access_token' }],
  ['/oidc/revoke', { token: 'x', token_type_hint: 'access_token' }],
  ['/oidc/device/auth', { scope: 'openid', claims: '{}' }],
  ['/oidc/userinfo', { access_token: 'x', scope: 'openid' }],
];
const values: readonly string[] = [
  '\u0000',
  'a\u0000b',
  '\ud800',
  '%00',
  '\r\nSet-Cookie: a=b',
  "' or 1=1 --",
  '"><script>alert(1)</script>',
  '{"$gt":""}',
  '[]',
  '__proto__',
  'constructor',
  'ü'.repeat(2000),
  'x'.repeat(20_000),
  ' ',
  '\u202e',
  '../../etc/passwd',
  'null',
  '-1',
  '1e999',
];
async function send(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const answer = await fetch(`${latchkey.base}${path}`, {
    method: 'POST',
    redirect: 'manual',
    body,
    headers: { authorization: basic, 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}
const isClean = ({ status, text }: { status: number; text: string }): boolean =>
  status < 500 && !/at .+\.(ts|js):\d+|SQLSTATE|syntax error/.test(text);

describe.each(endpoints)('%s with %j', (path, parameters) => {
  const headers: Record<string, string> = path === '/oidc/userinfo' ? { authorization: '' } : {};
  test.each(Object.keys(parameters))('a strange %s is an error of the request, not a fault', async (name) => {
    for (const value of values) {
      const answer = await send(path, new URLSearchParams({ ...parameters, [name]: value }).toString(), headers);
      expect(isClean(answer), `${JSON.stringify(value)} ${answer.status} ${answer.text.slice(0, 200)}`).toBe(true);
    }
  });

  test('a duplicate parameter is refused (RFC 6749 §3.2)', async () => {
    for (const name of Object.keys(parameters)) {
      const answer = await send(path, `${new URLSearchParams(parameters).toString()}&${name}=y`, headers);
      expect([name, answer.status >= 400 && answer.status < 500]).toEqual([name, true]);
    }
  });

  test('an unknown parameter is ignored (RFC 6749 §3.2), also a strange one', async () => {
    for (const name of ['unknown', '__proto__', 'constructor', 'a[b]', '', '\u0000'])
      expect(
        isClean(await send(path, new URLSearchParams({ ...parameters, [name]: 'x' }).toString(), headers)),
        name,
      ).toBe(true);
  });
});

describe.each([...new Set(endpoints.map(([path]) => path))])('%s', (path) => {
  test.each<[string, string | Uint8Array<ArrayBuffer>, Record<string, string>, number[]]>([
    ['JSON', '{"grant_type":"client_credentials"}', { 'content-type': 'application/json' }, [400, 415]],
    ['a multipart form', '--x\r\n\r\n--x--', { 'content-type': 'multipart/form-data; boundary=x' }, [400, 415]],
    ['text', 'grant_type=client_credentials', { 'content-type': 'text/plain' }, [400, 415]],
    ['a type that is none', 'a=b', { 'content-type': 'x' }, [400, 415]],
    ['invalid UTF-8', new Uint8Array([0x74, 0x3d, 0xff, 0xfe, 0xc0, 0x80]), {}, [400]],
    ['escaped invalid UTF-8', 'token=%ff%fe&grant_type=%c0%80', {}, [400]],
    ['half an escape', 'token=%f&grant_type=%', {}, [400, 401]],
    ['a packed body', 'a=b', { 'content-encoding': 'gzip' }, [400, 415]],
    ['more than 64 KiB', `token=${'x'.repeat(70_000)}`, {}, [413]],
  ])('%s is refused', async (_what, body, headers, statuses) => {
    const answer = await send(path, body, headers);
    expect(statuses).toContain(answer.status);
    expect(isClean(answer)).toBe(true);
  });

  test.each(['utf-16', 'klingon', '"'])('the character set %s causes no fault', async (charset) => {
    const type = `application/x-www-form-urlencoded; charset=${charset}`;
    expect(isClean(await send(path, 'scope=openid', { 'content-type': type }))).toBe(true);
  });

  test('an empty body causes no fault', async () => {
    expect(isClean(await send(path, ''))).toBe(true);
  });

  test('ten thousand parameters are refused or ignored, quickly', async () => {
    const begin = performance.now();
    const answer = await send(
      path,
      Array.from({ length: 10_000 }, (_, i) => `a${i}=`)
        .join('&')
        .slice(0, 60_000),
    );
    expect(answer.status).toBeLessThan(500);
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  test.each(['PUT', 'DELETE', 'PATCH', 'TRACE'])('%s is not allowed', async (method) => {
    const port = Number(new URL(latchkey.base).port);
    const status = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          `${method} ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
        ),
      );
      socket.on('data', (data) => resolve(data.toString('latin1').split(' ')[1] ?? ''));
      socket.on('error', reject);
    });
    expect(status).toBe('405');
  });
});

describe('headers', () => {
  test.each([
    'Basic',
    'Basic ',
    'Basic =',
    'Basic ====',
    `Basic ${btoa(':')}`,
    `Basic ${btoa('%:%')}`,
    `Basic ${btoa('a:\u0000')}`,
    `Basic ${btoa('%ff:%ff')}`,
    `Basic ${btoa('x'.repeat(9000))}`,
    'Digest a=b',
    'x'.repeat(5000),
  ])('Authorization: %s', async (authorization) => {
    for (const [path, parameters] of endpoints)
      expect(isClean(await send(path, new URLSearchParams(parameters).toString(), { authorization }))).toBe(true);
  });

  test.each(['accept', 'dpop', 'origin', 'oauth-client-attestation', 'x-forwarded-host'])(
    'a strange %s',
    async (name) => {
      for (const value of ['x', '*', '"', 'null', 'a.b.c', '{}', 'x'.repeat(5000)])
        for (const [path, parameters] of endpoints)
          expect(
            isClean(await send(path, new URLSearchParams(parameters).toString(), { [name]: value })),
            `${name}: ${value.slice(0, 20)}`,
          ).toBe(true);
    },
  );
});

test('OAuth errors have the form of RFC 6749 §5.2', async () => {
  for (const [path, parameters] of endpoints) {
    const answer = await send(path, new URLSearchParams(parameters).toString(), {
      authorization: `Basic ${btoa('nobody:x')}`,
    });
    if (answer.status < 400) continue;
    const body = JSON.parse(answer.text) as { error: string; error_description?: string };
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(body.error).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
    expect(body.error_description ?? '').toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/);
    expect(Object.keys(body).every((name) => ['error', 'error_description', 'scope'].includes(name))).toBe(true);
  }
});

test('normal requests still work', async () => {
  expect((await tokensFor(latchkey.base, client, user)).access_token).toBeTypeOf('string');
});
