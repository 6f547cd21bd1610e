/** Each refusal at an endpoint for clients has one line in the log with the reason, the client and the request id, and no secret. */
import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '#kernel/log.ts';
import { redirectUri, startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { proofFor, proofKey } from '../support/proof.ts';
import { createSigner, type Signer } from '../support/signer.ts';
import { pkce } from '../support/visitor.ts';

type Line = Record<string, unknown>;
let lines: Line[] = [];
let latchkey: TestApp;
let signer: Signer;
const by = {} as Record<'secret' | 'key' | 'other' | 'page' | 'bank', TestClient>;
beforeAll(async () => {
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of String(chunk).trim().split('\n')) lines.push(JSON.parse(line) as Line);
      done();
    },
  });
  latchkey = await startTestApp({
    log: createLog({ level: 'info', destination }),
    settings: { 'oidc.registration': 'open', 'limits.clientFailuresPerAddress': 1_000_000 },
  });
  signer = await createSigner('ES256');
  const keyed = { token_endpoint_auth_method: 'private_key_jwt', jwks: signer.jwks };
  const grants = ['authorization_code', 'refresh_token', 'client_credentials'];
  by.secret = await latchkey.client({ grant_types: grants });
  by.other = await latchkey.client({ grant_types: grants });
  by.key = await latchkey.client({ ...keyed, grant_types: grants });
  by.page = await latchkey.client({ type: 'spa' });
  by.bank = await latchkey.client({ ...keyed, profile: 'fapi2_security', redirect_uris: ['https://bank.example/cb'] });
});
afterAll(() => latchkey.close());

const now = (): number => Math.floor(Date.now() / 1000);
const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` });
const own = (client = by.secret) => basic(client.client_id, client.client_secret);
const ASSERTION = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' };
async function asserted(client: TestClient, claims: Line = {}, header: Line = {}, key = signer): Promise<Line> {
  const usual = { iss: client.client_id, sub: client.client_id, aud: latchkey.base, jti: randomUUID() };
  return { ...ASSERTION, client_assertion: await key.sign({ ...usual, exp: now() + 60, ...claims }, header) };
}

type Sent = { headers?: Record<string, string>; body?: Line | string; json?: unknown; method?: string };
async function send(path: string, { headers = {}, body = {}, json, method = 'POST' }: Sent) {
  lines = [];
  const form = typeof body === 'string' ? body : new URLSearchParams(body as Record<string, string>);
  const answer = await fetch(latchkey.base + path, {
    method,
    body: json === undefined ? (method === 'POST' ? form : null) : JSON.stringify(json),
    headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  });
  const text = await answer.text();
  const told = (text.startsWith('{') ? JSON.parse(text) : {}) as Line;
  return { status: answer.status, told, line: lines.find(({ msg }) => msg === 'request') ?? {} };
}

const token = '/oidc/token';
const machine = { grant_type: 'client_credentials' };
const wrong = 'a-secret-that-is-wrong-and-never-logged-1234';
const secrets: string[] = [
  wrong,
  'code-never-logged',
  'refresh-never-logged',
  'token-never-logged',
  'verifier-never-logged',
];

type Row = [
  what: string,
  path: string,
  request: () => Sent | Promise<Sent>,
  error: string,
  reason: string | RegExp,
  client: 'known' | 'claimed' | 'none',
];
const rows: Row[] = [
  [
    'a wrong secret',
    token,
    () => ({ headers: basic(by.secret.client_id, wrong), body: machine }),
    'invalid_client',
    'client authentication failed: invalid secret provided',
    'known',
  ],
  [
    'an unknown client',
    token,
    () => ({ headers: basic('ghost', wrong), body: machine }),
    'invalid_client',
    'client authentication failed: client not found',
    'claimed',
  ],
  [
    'another method',
    token,
    () => ({ headers: basic(by.key.client_id, wrong), body: machine }),
    'invalid_client',
    /the provided authentication mechanism does not match/,
    'known',
  ],
  [
    'two methods',
    token,
    () => ({ headers: own(), body: { ...machine, client_secret: wrong } }),
    'invalid_request',
    /only be provided using one mechanism/,
    'claimed',
  ],
  [
    'nothing',
    token,
    () => ({ body: machine }),
    'invalid_request',
    'no client authentication mechanism provided',
    'none',
  ],
  [
    'another audience',
    token,
    async () => ({ body: { ...machine, ...(await asserted(by.key, { aud: 'https://o.example' })) } }),
    'invalid_client',
    /aud must be or hold the issuer/,
    'known',
  ],
  [
    'an expired assertion',
    token,
    async () => ({ body: { ...machine, ...(await asserted(by.key, { exp: now() - 99 })) } }),
    'invalid_client',
    'client authentication failed: jwt expired',
    'known',
  ],
  [
    'a key of another client',
    token,
    async () => ({ body: { ...machine, ...(await asserted(by.key, {}, {}, await createSigner('ES256'))) } }),
    'invalid_client',
    /^client authentication failed: /,
    'known',
  ],
  [
    'an algorithm that is not registered',
    token,
    async () => ({ body: { ...machine, ...(await asserted(by.bank, {}, {}, await createSigner('RS256'))) } }),
    'invalid_client',
    'client authentication failed: alg mismatch',
    'known',
  ],
  [
    'an assertion of an unknown client',
    token,
    async () => ({ body: { ...machine, ...(await asserted({ ...by.key, client_id: 'ghost' })) } }),
    'invalid_client',
    'client authentication failed: client not found',
    'claimed',
  ],
  [
    'an unknown grant type',
    token,
    () => ({ headers: own(), body: { grant_type: 'nosuch' } }),
    'unsupported_grant_type',
    /grant_type/,
    'known',
  ],
  [
    'no grant type',
    token,
    () => ({ headers: own(), body: {} }),
    'invalid_request',
    "missing required parameter 'grant_type'",
    'known',
  ],
  [
    'an unknown code',
    token,
    () => ({
      headers: own(),
      body: {
        grant_type: 'authorization_code',
        code: 'code-never-logged',
        redirect_uri: redirectUri,
        code_verifier: `${'v'.repeat(43)}`,
      },
    }),
    'invalid_grant',
    'grant request is invalid: authorization code not found',
    'known',
  ],
  [
    'an unknown refresh token',
    token,
    () => ({ headers: own(), body: { grant_type: 'refresh_token', refresh_token: 'refresh-never-logged' } }),
    'invalid_grant',
    'grant request is invalid: refresh token not found',
    'known',
  ],
  [
    'a proof for another address',
    token,
    async () => ({
      headers: { ...own(), dpop: await proofFor(await proofKey(), 'POST', 'https://o.example/x') },
      body: machine,
    }),
    'invalid_dpop_proof',
    'DPoP proof htu mismatch',
    'known',
  ],
  [
    'a body that is no form',
    token,
    () => ({ headers: { ...own(), 'content-type': 'text/plain' }, body: 'x' }),
    'invalid_request',
    /content-type/,
    'claimed',
  ],
  [
    'a wrong secret',
    '/oidc/par',
    () => ({ headers: basic(by.other.client_id, wrong), body: {} }),
    'invalid_client',
    /invalid secret/,
    'known',
  ],
  [
    'another redirect_uri',
    '/oidc/par',
    () => ({
      headers: own(),
      body: {
        client_id: by.secret.client_id,
        response_type: 'code',
        redirect_uri: 'https://o.example/?code=code-never-logged',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
      },
    }),
    'invalid_request',
    /redirect_uri did not match/,
    'known',
  ],
  [
    'no PKCE',
    '/oidc/par',
    () => ({
      headers: own(),
      body: { client_id: by.secret.client_id, response_type: 'code', redirect_uri: redirectUri, scope: 'openid' },
    }),
    'invalid_request',
    /PKCE/,
    'known',
  ],
  [
    'a request object that is over',
    '/oidc/par',
    async () => ({
      body: {
        ...(await asserted(by.key)),
        request: await signer.sign({
          iss: by.key.client_id,
          aud: latchkey.base,
          client_id: by.key.client_id,
          exp: now() - 99,
        }),
      },
    }),
    'invalid_request_object',
    'Request Object claims are invalid: jwt expired',
    'known',
  ],
  [
    'a wrong secret',
    '/oidc/introspect',
    () => ({ headers: basic(by.secret.client_id, wrong), body: { token: 'token-never-logged' } }),
    'invalid_client',
    /invalid secret/,
    'known',
  ],
  ['no token', '/oidc/introspect', () => ({ headers: own(), body: {} }), 'invalid_request', /'token'/, 'known'],
  [
    'a wrong secret',
    '/oidc/revoke',
    () => ({ headers: basic(by.secret.client_id, wrong), body: { token: 'token-never-logged' } }),
    'invalid_client',
    /invalid secret/,
    'known',
  ],
  ['no token', '/oidc/revoke', () => ({ headers: own(), body: {} }), 'invalid_request', /'token'/, 'known'],
  [
    'a grant that is not allowed',
    '/oidc/device/auth',
    () => ({ headers: own(), body: {} }),
    'invalid_request',
    /is not allowed for this client/,
    'known',
  ],
  [
    'metadata that is wrong',
    '/oidc/register',
    () => ({ json: { redirect_uris: ['http://o.example/?token=token-never-logged'] } }),
    'invalid_redirect_uri',
    /^redirect_uris /,
    'none',
  ],
  [
    'metadata of an operator',
    '/oidc/register',
    () => ({ json: { redirect_uris: ['https://o.example/cb'], latchkey_profile: 'fapi2_security' } }),
    'invalid_client_metadata',
    'latchkey_profile cannot be registered',
    'none',
  ],
  [
    'a body that is no JSON',
    '/oidc/register',
    () => ({ headers: { 'content-type': 'application/json' }, body: `{"client_secret":"${wrong}",` }),
    'invalid_request',
    /./,
    'none',
  ],
  [
    'a wrong registration token',
    '/oidc/register/some',
    () => ({ method: 'GET', headers: { authorization: `Bearer ${wrong}` } }),
    'invalid_token',
    /./,
    'none',
  ],
];

describe('a refusal', () => {
  test.each(rows)('of %s at %s is told and logged', async (_what, path, request, error, reason, client) => {
    const sent = await request();
    const { told, line, status } = await send(path, sent);
    expect(told['error']).toBe(error);
    expect(line).toMatchObject({
      level: 'info',
      path,
      status,
      requestId: expect.stringMatching(/^[\da-f-]{36}$/),
      error,
    });
    expect(line['refusal']).toMatch(reason);
    const ids = Object.values(by).map(({ client_id: id }) => id);
    if (client === 'none') expect(line).not.toHaveProperty('clientId');
    if (client === 'claimed') expect(['ghost', ...ids]).toContain(line['clientId']);
    if (client === 'known') expect(ids).toContain(line['clientId']);
    const text = JSON.stringify(lines);
    for (const secret of [...secrets, by.secret.client_secret, by.other.client_secret])
      expect(text).not.toContain(secret);
    const { client_assertion: jwt, request: object } = (typeof sent.body === 'object' ? sent.body : {}) as Record<
      string,
      string
    >;
    for (const value of [jwt, object]) if (value) expect(text).not.toContain(value.split('.')[1]);
  });

  test('of a token that is not valid any more is logged where the answer says nothing (RFC 7662 §2.2)', async () => {
    const answer = await send(token, { headers: own(), body: machine });
    await latchkey.run('clients.disable', { client_id: by.secret.client_id });
    const { told, line } = await send('/oidc/introspect', {
      headers: own(by.other),
      body: { token: String(answer.told['access_token']) },
    });
    await latchkey.run('clients.enable', { client_id: by.secret.client_id });
    expect(told).toEqual({ active: false });
    expect(line).toMatchObject({ refusal: expect.stringMatching(/client/), clientId: by.other.client_id });
  });

  test.each<[string, string, () => Sent]>([
    ['token request', token, () => ({ headers: own(), body: machine })],
    ['introspection', '/oidc/introspect', () => ({ headers: own(), body: { token: 'x' } })],
    [
      'authorization request',
      `/oidc/auth?client_id=${'CLIENT'}&response_type=code&scope=openid`,
      () => ({ method: 'GET' }),
    ],
  ])('of a disabled client names that in the log alone: %s', async (_what, path, request) => {
    const { client_id: id } = by.secret;
    await latchkey.run('clients.disable', { client_id: id });
    const { told, line } = await send(path.replace('CLIENT', id), request());
    await latchkey.run('clients.enable', { client_id: id });
    expect(line).toMatchObject({ refusal: 'the client is disabled', error: 'invalid_client', clientId: id });
    expect(JSON.stringify(told)).not.toContain('disabled');
  });

  test('is not what a client expects: a silent request without a session has a plain line (OpenID Connect Core §3.1.2.6)', async () => {
    const asked = {
      client_id: by.secret.client_id,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      prompt: 'none',
    };
    const query = new URLSearchParams({ ...asked, code_challenge: pkce().challenge, code_challenge_method: 'S256' });
    lines = [];
    const answer = await fetch(`${latchkey.base}/oidc/auth?${query.toString()}`, { redirect: 'manual' });
    expect(answer.headers.get('location')).toContain('error=login_required');
    expect(lines.find(({ msg }) => msg === 'request')).not.toHaveProperty('refusal');
  });

  test.each([
    ['a secret in the place of the client id', () => basic(by.other.client_secret, by.other.client_id)],
    ['a very long client id', () => basic('x'.repeat(200), wrong)],
    ['a client id with a line break', () => basic('a%0Ab', wrong)],
  ])('of %s names no client', async (_what, headers) => {
    const { line } = await send(token, { headers: headers(), body: machine });
    expect(line).toMatchObject({ refusal: expect.any(String) });
    expect(line).not.toHaveProperty('clientId');
    expect(JSON.stringify(lines)).not.toContain(by.other.client_secret);
  });

  test('is logged ten times in a minute for each client and reason', async () => {
    const robot = await latchkey.run<TestClient>('clients.create', { name: 'Robot', type: 'machine' });
    const all: Line[] = [];
    for (let i = 0; i < 13; i += 1) {
      await send(token, { headers: basic(robot.client_id, wrong), body: machine });
      all.push(...lines);
    }
    expect(all.filter(({ clientId }) => clientId === robot.client_id)).toHaveLength(10);
    const { line } = await send(token, {
      headers: basic(robot.client_id, robot.client_secret),
      body: { grant_type: 'nosuch' },
    });
    expect(line).toMatchObject({ clientId: robot.client_id, error: 'unsupported_grant_type' });
  });
});
