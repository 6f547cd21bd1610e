/** Assertions of clients of the default profile and of FAPI 2.0, at every endpoint that authenticates clients. */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { redirectUri, startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { createSigner, type Signer } from '../support/signer.ts';
import { pkce } from '../support/visitor.ts';

let latchkey: TestApp;
let signer: Signer;
let shop: TestClient;
let secretive: TestClient;
let bank: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp({
    // With a path: the audience is the public address, not where the engine finds its endpoint.
    env: (port) => ({ ISSUER: `http://localhost:${port}/id`, ISSUER_ALIASES: `http://127.0.0.1:${port}` }),
    settings: { 'limits.clientFailuresPerAddress': 1_000_000 },
  });
  signer = await createSigner('ES256');
  const grants = [
    'authorization_code',
    'refresh_token',
    'client_credentials',
    'urn:ietf:params:oauth:grant-type:device_code',
  ];
  const signing = { token_endpoint_auth_method: 'private_key_jwt', jwks: signer.jwks };
  shop = await latchkey.client({ ...signing, grant_types: grants });
  secretive = await latchkey.client({ token_endpoint_auth_method: 'client_secret_jwt', grant_types: grants });
  bank = await latchkey.client({
    ...signing,
    profile: 'fapi2_security',
    redirect_uris: ['https://bank.example/cb'],
    grant_types: grants,
  });
});
afterAll(() => latchkey.close());
afterEach(() => void vi.useRealTimers());

const now = (): number => Math.floor(Date.now() / 1000);
type Claims = Record<string, unknown>;

function assertion(client: TestClient, claims: Claims = {}, header: Record<string, unknown> = {}): Promise<string> {
  const all = { iss: client.client_id, sub: client.client_id, aud: latchkey.base, jti: randomUUID(), iat: now() };
  const given = Object.entries({ ...all, exp: now() + 60, ...claims }).filter(([, value]) => value !== undefined);
  const payload = Object.fromEntries(given);
  return client === secretive
    ? new SignJWT(payload).setProtectedHeader({ alg: 'HS256', ...header }).sign(Buffer.from(client.client_secret))
    : signer.sign(payload, header);
}

/** The parameters without the assertion, and the answer to a client that is authenticated. */
const endpoints: Record<string, [parameters: (client: TestClient) => Record<string, string>, error?: string]> = {
  '/oidc/token': [() => ({ grant_type: 'refresh_token', refresh_token: 'unknown' }), 'invalid_grant'],
  '/oidc/par': [
    (client) => ({
      client_id: client.client_id,
      response_type: 'code',
      redirect_uri: client.redirect_uris[0] ?? redirectUri,
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
      scope: 'openid',
    }),
  ],
  '/oidc/introspect': [() => ({ token: 'unknown' })],
  '/oidc/revoke': [() => ({ token: 'unknown' })],
  '/oidc/device/auth': [() => ({ scope: 'openid' })],
};

type Answer = { status: number; error?: string; error_description?: string };
async function send(path: string, client: TestClient, jwt: string): Promise<Answer> {
  const answer = await fetch(latchkey.base + path, {
    method: 'POST',
    body: new URLSearchParams({
      ...endpoints[path]![0](client),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: jwt,
    }),
  });
  const text = await answer.text();
  return { status: answer.status, ...(text.startsWith('{') ? (JSON.parse(text) as object) : {}) };
}
async function isAuthenticated(path: string, client: TestClient, claims: Claims, header = {}): Promise<boolean> {
  const { error } = await send(path, client, await assertion(client, claims, header));
  if (error === 'invalid_client') return false;
  expect(error).toBe(endpoints[path]![1]);
  return true;
}
/** The outcome at each endpoint; a row says it once for all. */
async function everywhere(client: () => TestClient, claims: (path: string) => Claims, header = {}): Promise<unknown> {
  const outcomes = new Set<boolean>();
  for (const path of Object.keys(endpoints)) outcomes.add(await isAuthenticated(path, client(), claims(path), header));
  return [...outcomes];
}

const clients: [string, () => TestClient][] = [
  ['private_key_jwt', () => shop],
  ['client_secret_jwt', () => secretive],
];
const accepted: [string, (path: string) => Claims][] = [
  ['the issuer as audience', () => ({})],
  ['the token endpoint as audience', () => ({ aud: `${latchkey.base}/oidc/token` })],
  ['the endpoint that is called as audience', (path) => ({ aud: latchkey.base + path })],
  [
    'the token endpoint at another name of this server',
    () => ({ aud: `${latchkey.config.issuerAliases[0]}/id/oidc/token` }),
  ],
  ['a list with the issuer', () => ({ aud: [latchkey.base] })],
  ['a list with the issuer and the token endpoint', () => ({ aud: [`${latchkey.base}/oidc/token`, latchkey.base] })],
  [
    'a list with the called endpoint and another server',
    (path) => ({ aud: ['https://o.example', latchkey.base + path] }),
  ],
  ['an exp ten minutes ahead', () => ({ exp: now() + 600 })],
  ['an exp an hour ahead', () => ({ exp: now() + 3600 })],
  ['an exp an hour ahead of a clock that is 50 s fast', () => ({ iat: now() + 50, exp: now() + 3650 })],
  ['an iat and nbf 15 s ahead', () => ({ iat: now() + 15, nbf: now() + 15 })],
  ['an iat and nbf 55 s ahead', () => ({ iat: now() + 55, nbf: now() + 55 })],
  ['an exp that passed 50 s ago', () => ({ iat: now() - 110, exp: now() - 50 })],
  ['an iat of yesterday', () => ({ iat: now() - 86_400 })],
  ['no iat', () => ({ iat: undefined })],
];
const refused: [string, (path: string) => Claims, told?: string][] = [
  ['another issuer as audience', () => ({ aud: 'https://o.example' }), 'aud must be or hold the issuer'],
  ['a list of other audiences', () => ({ aud: ['https://o.example', `${latchkey.base}/oidc/jwks`] }), 'aud must be'],
  ['another endpoint as audience', () => ({ aud: `${latchkey.base}/oidc/userinfo` }), 'aud must be'],
  ['another name of this server as issuer', () => ({ aud: `${latchkey.config.issuerAliases[0]}/id` }), 'aud must be'],
  [
    'the token endpoint without the path of the issuer',
    () => ({ aud: `${latchkey.config.issuerUrl.origin}/oidc/token` }),
  ],
  ['the origin of the issuer', () => ({ aud: latchkey.config.issuerUrl.origin })],
  ['the issuer with a slash', () => ({ aud: `${latchkey.base}/` }), 'aud must be'],
  ['the issuer in a nested list', () => ({ aud: [[latchkey.base]] })],
  ['an empty list as audience', () => ({ aud: [] })],
  ['no audience', () => ({ aud: undefined })],
  ['an exp 62 minutes ahead', () => ({ exp: now() + 3720 }), 'exp must be at most 60 minutes ahead'],
  ['an exp 25 hours ahead', () => ({ exp: now() + 90_000 }), 'exp must be at most 60 minutes ahead'],
  ['an exp that passed 65 s ago', () => ({ exp: now() - 65 }), 'jwt expired'],
  ['an iat 90 s ahead', () => ({ iat: now() + 90 }), 'iat and nbf must not be in the future'],
  ['an nbf 90 s ahead', () => ({ nbf: now() + 90 }), 'jwt not active yet'],
  ['no exp', () => ({ exp: undefined })],
  ['no jti', () => ({ jti: undefined })],
];

describe.each(clients)('an assertion of %s (OpenID Connect Core §9, RFC 7523 §3)', (_method, client) => {
  test.each(accepted)('with %s is accepted at every endpoint', async (_what, claims) => {
    expect(await everywhere(client, claims)).toEqual([true]);
  });

  test.each(refused)('with %s is refused at every endpoint, and says so', async (_what, claims, told = '') => {
    for (const path of Object.keys(endpoints)) {
      const answer = await send(path, client(), await assertion(client(), claims(path)));
      expect([path, answer.status, answer.error]).toEqual([path, 401, 'invalid_client']);
      expect(answer.error_description).toMatch(/^client authentication failed/);
      expect(answer.error_description).toContain(told);
    }
  });

  test.each(['jwt', 'JWT', 'application/jwt', 'Client-Authentication+JWT', 'application/client-authentication+jwt'])(
    'with the type %s is accepted (RFC 7515 §4.1.9)',
    async (typ) => {
      expect(await isAuthenticated('/oidc/token', client(), {}, { typ })).toBe(true);
    },
  );

  test.each(['dpop+jwt', 'application/DPoP+jwt', 'oauth-authz-req+jwt', 'text/jwt', 'jwt ', ''])(
    'with the type %j is refused',
    async (typ) => {
      expect(await isAuthenticated('/oidc/token', client(), {}, { typ })).toBe(false);
    },
  );

  test('is valid once at all endpoints, as long as it could be used', async () => {
    const jwt = await assertion(client(), { exp: now() + 3600 });
    expect((await send('/oidc/token', client(), jwt)).error).toBe('invalid_grant');
    for (const minutes of [0, 30, 60]) {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 });
      for (const path of Object.keys(endpoints)) expect((await send(path, client(), jwt)).error).toBe('invalid_client');
      vi.useRealTimers();
    }
  });
});

describe('the answer to a refused client tells nothing about others', () => {
  const plain = 'client authentication failed';
  test('an unknown client, a wrong secret and a wrong key get the same answer', async () => {
    const wrong = await createSigner('ES256');
    const claims = {
      iss: shop.client_id,
      sub: shop.client_id,
      aud: 'https://o.example',
      jti: randomUUID(),
      exp: now() - 99,
    };
    const basic = (id: string) => ({ authorization: `Basic ${btoa(`${id}:${'x'.repeat(43)}`)}` });
    const robot = await latchkey.run<TestClient>('clients.create', { name: 'Robot', type: 'machine' });
    const answers = [];
    for (const headers of [basic('unknown'), basic(robot.client_id), basic(shop.client_id)]) {
      const body = new URLSearchParams({ grant_type: 'client_credentials' });
      answers.push(await (await fetch(`${latchkey.base}/oidc/token`, { method: 'POST', headers, body })).json());
    }
    for (const sub of [shop.client_id, 'unknown'])
      answers.push({
        ...(await send('/oidc/token', shop, await wrong.sign({ ...claims, iss: sub, sub }))),
        status: undefined,
      });
    for (const answer of answers) expect(answer).toEqual({ error: 'invalid_client', error_description: plain });
  });
});

describe('an assertion of a FAPI 2.0 client (Security Profile §5.3.2.1)', () => {
  test.each<[string, (path: string) => Claims]>([
    ['the issuer as audience', () => ({})],
    ['an exp five minutes ahead', () => ({ exp: now() + 300 })],
    ['an iat and nbf 8 s ahead', () => ({ iat: now() + 8, nbf: now() + 8 })],
  ])('with %s is accepted at every endpoint', async (_what, claims) => {
    expect(await everywhere(() => bank, claims)).toEqual([true]);
  });

  test.each<[string, (path: string) => Claims]>([
    ['the token endpoint as audience', () => ({ aud: `${latchkey.base}/oidc/token` })],
    ['the called endpoint as audience', (path) => ({ aud: latchkey.base + path })],
    ['a list with the issuer', () => ({ aud: [latchkey.base] })],
    ['an exp six minutes ahead', () => ({ exp: now() + 360 })],
    ['an exp that passed 15 s ago', () => ({ exp: now() - 15 })],
    ['an iat 40 s ahead', () => ({ iat: now() + 40 })],
    ['an nbf 40 s ahead', () => ({ nbf: now() + 40 })],
  ])('with %s is refused at every endpoint', async (_what, claims) => {
    expect(await everywhere(() => bank, claims)).toEqual([false]);
  });
});

describe('codes and tokens keep their own tolerance of clocks', () => {
  test('a device code is over with its lifetime, also for a client that shows an assertion', async () => {
    const started = await send('/oidc/device/auth', shop, await assertion(shop));
    const { device_code: code = '', expires_in: seconds = 0 } = started as {
      device_code?: string;
      expires_in?: number;
    };
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + (seconds + 16) * 1000 });
    const answer = await fetch(`${latchkey.base}/oidc/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: code,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertion(shop),
      }),
    });
    expect(await answer.json()).toMatchObject({ error: expect.stringMatching(/expired_token|invalid_grant/) });
  });
});
