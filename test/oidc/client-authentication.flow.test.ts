import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { exportSPKI, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import type { TokenAnswer } from '../support/visitor.ts';

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'ES256' } as JWK] };

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

const machine = (more: Record<string, unknown> = {}): Promise<TestClient> =>
  latchkey.run<TestClient>('clients.create', { name: 'Robot', type: 'machine', ...more });
const signing = () => machine({ token_endpoint_auth_method: 'private_key_jwt', jwks });

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
async function send(
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
  path = '/oidc/token',
): Promise<TokenAnswer> {
  const answer = await fetch(`${latchkey.base}${path}`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', ...parameters }),
    headers,
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: JSON.parse(text) as TokenAnswer['body'] };
}

const now = () => Math.floor(Date.now() / 1000);
type Claims = Record<string, unknown>;
const claimsOf = (client: TestClient, change: Claims = {}): Claims =>
  Object.fromEntries(
    Object.entries({
      iss: client.client_id,
      sub: client.client_id,
      aud: latchkey.base,
      iat: now(),
      exp: now() + 60,
      jti: randomUUID(),
      ...change,
    }).filter(([, value]) => value !== undefined),
  );
const sign = (claims: Claims, header: Record<string, unknown> = {}, key: Parameters<SignJWT['sign']>[0] = privateKey) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header }).sign(key);
const assert = (assertion: string, more: Record<string, string> = {}) =>
  send({ client_assertion_type: ASSERTION, client_assertion: assertion, ...more });

describe('secrets (RFC 6749 §2.3.1)', () => {
  test.each([
    ['client_secret_basic', 'client_secret_post'],
    ['client_secret_post', 'client_secret_basic'],
  ])('a client with %s may also use %s: the secret is the same', async (method, other) => {
    const robot = await machine({ token_endpoint_auth_method: method });
    const answer =
      other === 'client_secret_basic'
        ? await send({}, basic(robot.client_id, robot.client_secret))
        : await send({ client_id: robot.client_id, client_secret: robot.client_secret });
    expect(answer.status).toBe(200);
  });

  test.each<[string, (robot: TestClient) => [Record<string, string>, Record<string, string>], number, string]>([
    ['a wrong secret', (r) => [{}, basic(r.client_id, 'x'.repeat(43))], 401, 'invalid_client'],
    ['an empty secret', (r) => [{}, basic(r.client_id, '')], 401, 'invalid_client'],
    [
      'an empty secret and another client_id',
      (r) => [{ client_id: 'other' }, basic(r.client_id, '')],
      400,
      'invalid_request',
    ],
    ['an empty secret in the body', (r) => [{ client_id: r.client_id, client_secret: '' }, {}], 401, 'invalid_client'],
    ['no secret', (r) => [{ client_id: r.client_id }, {}], 401, 'invalid_client'],
    ['a client that does not exist', () => [{}, basic('nobody', 'x'.repeat(43))], 401, 'invalid_client'],
    [
      'Basic and body together',
      (r) => [{ client_id: r.client_id, client_secret: r.client_secret }, basic(r.client_id, r.client_secret)],
      400,
      'invalid_request',
    ],
    [
      'another client_id in the body',
      (r) => [{ client_id: 'other' }, basic(r.client_id, r.client_secret)],
      400,
      'invalid_request',
    ],
    [
      'Basic that is no Base64',
      (r) => [{}, { authorization: `Basic ${btoa(`${r.client_id}:${r.client_secret}`)}!*` }],
      400,
      'invalid_request',
    ],
    ['Basic without a colon', () => [{}, { authorization: `Basic ${btoa('abc')}` }], 400, 'invalid_request'],
    ['Bearer', () => [{}, { authorization: 'Bearer abc' }], 400, 'invalid_request'],
    ['nothing at all', () => [{}, {}], 400, 'invalid_request'],
    [
      'an assertion of a client with a secret',
      (r) => [{ client_assertion_type: ASSERTION, client_assertion: unsigned({ sub: r.client_id }) }, {}],
      401,
      'invalid_client',
    ],
  ])('%s is refused', async (_what, request, status, error) => {
    const robot = await machine();
    const [parameters, headers] = request(robot);
    const answer = await send(parameters, headers);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toBe(error);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    if (status === 401 && headers['authorization']) expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /);
  });

  test.each<[string, (id: string) => [Record<string, string>, Record<string, string>]]>([
    ['in the header', (id) => [{}, basic(id, '')]],
    ['in the header, with the id in the body', (id) => [{ client_id: id }, basic(id, '')]],
    [
      'in the header, by a name that is escaped',
      (id) => [{}, basic(`%${id.charCodeAt(0).toString(16)}${id.slice(1)}`, '')],
    ],
    ['in the body', (id) => [{ client_id: id, client_secret: '' }, {}]],
  ])('an empty secret of a public client is none: %s (§2.3.1)', async (_where, request) => {
    const app = await latchkey.client({
      type: 'spa',
      grant_types: ['authorization_code', 'refresh_token', DEVICE_GRANT],
    });
    const [parameters, headers] = request(app.client_id);
    const pushed = { response_type: 'code', redirect_uri: app.redirect_uris[0] ?? '', scope: 'openid' };
    const challenge = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' };
    const answers = [
      await send({ ...parameters, ...pushed, ...challenge }, headers, '/oidc/par'),
      await send(parameters, headers, '/oidc/device/auth'),
      await send({ ...parameters, grant_type: 'refresh_token', refresh_token: 'x' }, headers),
    ];
    expect(answers.map(({ status, body }) => [status, body.error])).toEqual([
      [201, undefined],
      [200, undefined],
      [400, 'invalid_grant'],
    ]);
  });

  test('the response is JSON also for a client that sends browser headers (RFC 6749 §5.2)', async () => {
    const answer = await send({}, { ...basic('nobody', 'x'.repeat(43)), accept: 'text/html' });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.body.error).toBe('invalid_client');
  });

  test('two secrets are good at once during a rotation', async () => {
    const robot = await machine();
    const { client_secret: second } = await latchkey.run<TestClient>('clients.secrets.create', {
      client_id: robot.client_id,
    });
    const answers = await Promise.all(
      [robot.client_secret, second].map((secret) => send({}, basic(robot.client_id, secret))),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('private_key_jwt (OpenID Connect Core §9, RFC 7523)', () => {
  test('an assertion authenticates once', async () => {
    const robot = await signing();
    const assertion = await sign(claimsOf(robot));
    expect((await assert(assertion)).status).toBe(200);
    const again = await assert(assertion);
    expect([again.status, again.body.error]).toEqual([401, 'invalid_client']);
  });

  test('one of fifty parallel uses of one assertion succeeds', async () => {
    const robot = await signing();
    const assertion = await sign(claimsOf(robot));
    const answers = await Promise.all(Array.from({ length: 50 }, () => assert(assertion)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test.each<[string, () => Claims]>([
    ['an exp in the year 33658', () => ({ exp: 1e12 })],
    ['an exp that is text', () => ({ exp: String(now() + 60) })],
    ['a jti of 5 KiB', () => ({ jti: 'x'.repeat(5000) })],
    ['another iss', () => ({ iss: 'other' })],
    ['no iss', () => ({ iss: undefined })],
  ])('%s is refused', async (_what, change) => {
    const robot = await signing();
    const answer = await assert(await sign(claimsOf(robot, change())));
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
  });

  test.each<[string, (robot: TestClient) => Promise<string>]>([
    ['a key that is not registered', (r) => sign(claimsOf(r), {}, stranger)],
    ['a key that the header brings along', (r) => sign(claimsOf(r), { jwk: strangerJwk() }, stranger)],
    ['a key that the header points to', (r) => sign(claimsOf(r), { jku: 'https://evil.example/jwks' }, stranger)],
    ['no signature', async (r) => unsigned(claimsOf(r))],
    [
      'a signature of zeros',
      async (r) => `${(await sign(claimsOf(r))).split('.').slice(0, 2).join('.')}.${'A'.repeat(86)}`,
    ],
    ['the type of a DPoP proof', (r) => sign(claimsOf(r), { typ: 'dpop+jwt' })],
    ['the type of an access token', (r) => sign(claimsOf(r), { typ: 'at+jwt' })],
    ['an unknown critical header', (r) => sign(claimsOf(r), { crit: ['b64'], b64: true })],
    [
      'the public key as a secret for HS256',
      async (r) =>
        new SignJWT(claimsOf(r))
          .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
          .sign(Buffer.from(await exportSPKI(publicKey))),
    ],
    [
      'the public JWK as a secret for HS256',
      (r) =>
        new SignJWT(claimsOf(r)).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(JSON.stringify(jwks.keys[0]))),
    ],
  ])('%s is refused', async (_what, make) => {
    const robot = await signing();
    const answer = await assert(await make(robot));
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
  });

  test('a client that names one algorithm may use no other', async () => {
    const robot = await machine({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'PS256',
      jwks,
    });
    expect((await assert(await sign(claimsOf(robot)))).body.error).toBe('invalid_client');
  });

  test('garbage is a bad request, not a fault', async () => {
    for (const assertion of ['x', 'a.b.c', '..', unsigned({ sub: 7 }), unsigned([] as never), '\u0000.\u0000.']) {
      const answer = await assert(assertion);
      expect([400, 401]).toContain(answer.status);
    }
  });

  test('a secret does not replace the key', async () => {
    const robot = await signing();
    expect((await send({}, basic(robot.client_id, 'x'.repeat(43)))).body.error).toBe('invalid_client');
    expect((await send({ client_id: robot.client_id })).body.error).toBe('invalid_client');
  });
});

describe('client_secret_jwt (OpenID Connect Core §9)', () => {
  test('the secret signs; another one is refused', async () => {
    const robot = await machine({ token_endpoint_auth_method: 'client_secret_jwt' });
    const signWith = (secret: string) =>
      new SignJWT(claimsOf(robot)).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));
    expect((await assert(await signWith(robot.client_secret))).status).toBe(200);
    expect((await assert(await signWith('x'.repeat(43)))).body.error).toBe('invalid_client');
    expect((await send({}, basic(robot.client_id, robot.client_secret))).body.error).toBe('invalid_client');
  });

  test('an asymmetric key does not replace it', async () => {
    const robot = await machine({ token_endpoint_auth_method: 'client_secret_jwt' });
    expect((await assert(await sign(claimsOf(robot)))).body.error).toBe('invalid_client');
  });
});

describe('public clients (method none)', () => {
  test('cannot use a grant that authenticates only the client (RFC 6749 §4.4)', async () => {
    const spa = await latchkey.client({ type: 'spa' });
    const answer = await send({ client_id: spa.client_id });
    expect(answer.status).toBe(400);
    expect(answer.body.access_token).toBeUndefined();
  });

  test('are refused when they send a secret', async () => {
    const spa = await latchkey.client({ type: 'spa' });
    const answer = await send({}, basic(spa.client_id, 'x'.repeat(43)));
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
  });
});

describe('guessing secrets', () => {
  const wrong = 'x'.repeat(43);

  test('twenty wrong secrets in five minutes lock a client for that IP address, and for no other', async () => {
    const [robot, other] = [await machine(), await machine()];
    const statuses = [];
    for (let i = 0; i < 25; i += 1) statuses.push((await send({}, basic(robot.client_id, wrong))).status);
    expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 401));
    expect(new Set(statuses.slice(20))).toEqual(new Set([429]));
    const right = await send({}, basic(robot.client_id, robot.client_secret));
    expect(right.status).toBe(429);
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await send({}, basic(other.client_id, other.client_secret))).status).toBe(200);
  });

  test('the limit counts over all endpoints and methods', async () => {
    const robot = await signing();
    for (let i = 0; i < 10; i += 1) await assert(await sign(claimsOf(robot), {}, stranger));
    for (let i = 0; i < 10; i += 1) await send({ token: 'x' }, basic(robot.client_id, wrong), '/oidc/introspect');
    expect((await send({ token: 'x' }, basic(robot.client_id, wrong), '/oidc/revoke')).status).toBe(429);
  });

  test('a request for HTML instead of JSON does not bypass it', async () => {
    const robot = await machine();
    for (let i = 0; i < 20; i += 1) await send({}, { ...basic(robot.client_id, wrong), accept: 'text/html' });
    expect((await send({}, basic(robot.client_id, wrong))).status).toBe(429);
  });

  test('parallel requests do not bypass it', async () => {
    const robot = await machine();
    const answers = await Promise.all(Array.from({ length: 60 }, () => send({}, basic(robot.client_id, wrong))));
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(20);
  });

  test('right secrets are never counted', async () => {
    const robot = await machine();
    for (let i = 0; i < 30; i += 1)
      expect((await send({}, basic(robot.client_id, robot.client_secret))).status).toBe(200);
    await send({}, basic(robot.client_id, wrong));
    for (let i = 0; i < 30; i += 1)
      expect((await send({}, basic(robot.client_id, robot.client_secret))).status).toBe(200);
  });

  test('the lock ends after five minutes', async () => {
    const robot = await machine();
    await latchkey.run('settings.update', { name: 'limits.clientFailuresPerAddress', value: '1' });
    expect((await send({}, basic(robot.client_id, wrong))).status).toBe(401);
    const refused = await send({}, basic(robot.client_id, robot.client_secret));
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(300);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 303_000 });
    expect((await send({}, basic(robot.client_id, robot.client_secret))).status).toBe(200);
    vi.useRealTimers();
    await latchkey.run('settings.update', { name: 'limits.clientFailuresPerAddress', value: '20' });
  });

  test('each wrong secret is in the audit log with its IP address', async () => {
    const robot = await machine();
    await send({}, { ...basic(robot.client_id, wrong), 'user-agent': 'guesser/1.0' });
    const rows = await latchkey.app.database.sql(
      `select outcome, ip, user_agent, details from audit_record where type = 'client.authentication_failed' and client_id = $1`,
      [robot.client_id],
    );
    const details = { endpoint: 'token', reason: 'client authentication failed: invalid secret provided' };
    expect(rows).toEqual([{ outcome: 'failure', ip: '127.0.0.1', user_agent: 'guesser/1.0', details }]);
  });
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
function unsigned(claims: Claims): string {
  return `${encode({ alg: 'none' })}.${encode(claims)}.`;
}
function strangerJwk(): JWK {
  const { d: _d, ...jwk } = stranger.export({ format: 'jwk' }) as JWK;
  return jwk;
}
