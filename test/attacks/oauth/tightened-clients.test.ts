import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { proofFor, proofKey, type ProofKey } from '../../support/proof.ts';
import { authorizeUrl, pkce, post, type TokenAnswer, Visitor } from '../../support/visitor.ts';

const opaqueApi = 'https://opaque.example';
const jwtApi = 'https://jwt.example';
const DAY = 86_400;

let latchkey: TestApp;
let server: TestClient;
let user: TestUser;
let browser: Visitor;
let key: ProofKey;
let jwks: { keys: object[] };
let tokenUrl: string;
beforeAll(async () => {
  latchkey = await startTestApp({
    settings: { 'oidc.pkce': 'public' },
    env: { TRUSTED_PROXIES: '127.0.0.1', CLIENT_CERT_HEADER: 'x-ssl-client-cert' },
  });
  tokenUrl = `${latchkey.base}/oidc/token`;
  await createApi(opaqueApi, { token_format: 'opaque' });
  await createApi(jwtApi, { token_format: 'jwt' });
  server = await latchkey.run('clients.create', { name: 'API', type: 'machine', apis });
  user = await latchkey.user();
  browser = new Visitor();
  const web = await latchkey.client({ first_party: true });
  await browser.signIn(authorizeUrl(latchkey.base, web, { code_challenge: pkce().challenge }), user);
  key = await proofKey();
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  jwks = { keys: [{ ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), key_ops: undefined, ext: undefined }] };
});
afterEach(() => void vi.useRealTimers());
afterAll(() => latchkey.close());

const apis = { [opaqueApi]: ['*'], [jwtApi]: ['*'] };
const createApi = (identifier: string, more: Record<string, unknown>) =>
  latchkey.run('apis.create', { identifier, scopes: [{ name: 'read' }], ...more });
const recreateApi = async (identifier: string, more: Record<string, unknown>) => {
  await latchkey.run('apis.delete', { api_id: identifier });
  await createApi(identifier, more);
};
const change = (client: TestClient, values: Record<string, unknown>) =>
  latchkey.run('clients.update', { client_id: client.client_id, ...values });
const setting = (name: string, value: unknown) =>
  latchkey.run('settings.update', { name, value: JSON.stringify(value) });
const travel = (seconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 });
const proof = async () => ({ dpop: await proofFor(key, 'POST', tokenUrl) });

async function codeOf(client: TestClient, more: Record<string, string | undefined> = {}) {
  const { verifier, challenge } = pkce();
  const asked = { scope: 'openid offline_access read', prompt: 'consent', code_challenge: challenge, ...more };
  const resources = Object.keys((client['apis'] as object | undefined) ?? {}).map((api) => `&resource=${api}`);
  const url = authorizeUrl(latchkey.base, client, asked) + resources.join('');
  const code = (await browser.signIn(url, user)).get('code') ?? '';
  const redirect_uri = client.redirect_uris[0] ?? '';
  const grant = { grant_type: 'authorization_code', code, redirect_uri };
  return asked.code_challenge === undefined ? grant : { ...grant, code_verifier: verifier };
}
const refresh = (client: TestClient, token: string, more = {}, headers = {}): Promise<TokenAnswer> =>
  post(tokenUrl, client, { grant_type: 'refresh_token', refresh_token: token, ...more }, headers);

type Held = { client: TestClient; access: string; opaque: string; jwt: string; refresh: string };
async function issued(given: Record<string, unknown> = {}, headers: () => Promise<object> = async () => ({})) {
  const client = await latchkey.client({ apis, ...given });
  const first = (await post(tokenUrl, client, await codeOf(client), { ...(await headers()) })).body;
  const opaque = (await refresh(client, first.refresh_token, { resource: opaqueApi }, await headers())).body;
  const jwt = (await refresh(client, opaque.refresh_token, { resource: jwtApi }, await headers())).body;
  const held: Held = {
    client,
    access: first.access_token,
    opaque: opaque.access_token,
    jwt: jwt.access_token,
    refresh: jwt.refresh_token,
  };
  expect(await seen(held)).toEqual({ opaque: true, jwt: true });
  return held;
}

const isActive = async (token: string, by = server): Promise<unknown> =>
  (await post(`${latchkey.base}/oidc/introspect`, by, { token })).body['active'];
const seen = async ({ opaque, jwt }: Held) => ({ opaque: await isActive(opaque), jwt: await isActive(jwt) });
const none = { opaque: false, jwt: false };
const both = { opaque: true, jwt: true };
async function userinfo(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${latchkey.base}/oidc/userinfo`, { headers })).status;
}

describe('tokens that do not meet the present demands of the client', () => {
  test.each<[string, Record<string, unknown>]>([
    ['proof of possession (RFC 9449 §5.2)', { dpop_bound_access_tokens: true }],
    ['a certificate (RFC 8705 §3)', { tls_client_certificate_bound_access_tokens: true }],
    ['authentication by a key', { token_endpoint_auth_method: 'private_key_jwt', jwks: 'ours' }],
    [
      'FAPI 2.0',
      {
        profile: 'fapi2_security',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: 'ours',
        redirect_uris: ['https://shop.example/cb'],
      },
    ],
    ['two factors', { minimum_acr: 'urn:latchkey:acr:2' }],
  ])('%s: all are inactive', async (_what, demands) => {
    const held = await issued();
    await change(held.client, demands['jwks'] === undefined ? demands : { ...demands, jwks });
    expect(await seen(held)).toEqual(none);
    expect(await userinfo(held.access)).toBe(401);
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['another way to send the same secret', {}, { token_endpoint_auth_method: 'client_secret_post' }],
    ['less than before', { minimum_acr: 'urn:latchkey:acr:1' }, { minimum_acr: null }],
    ['another name', {}, { name: 'Store' }],
  ])('%s: all stay valid', async (_what, before, after) => {
    const held = await issued(before);
    await change(held.client, after);
    expect(await seen(held)).toEqual(both);
    expect(await userinfo(held.access)).toBe(200);
  });

  test('proof of possession that was switched off and on again: tokens issued between are invalid', async () => {
    const held = await issued({ dpop_bound_access_tokens: true }, proof);
    await change(held.client, { dpop_bound_access_tokens: false });
    const bearer = (await refresh(held.client, held.refresh, { resource: opaqueApi })).body;
    expect(await isActive(bearer.access_token)).toBe(true);
    await change(held.client, { dpop_bound_access_tokens: true });
    expect(await isActive(bearer.access_token)).toBe(false);
    expect(await seen(held)).toEqual(both);
    // A refresh token of a confidential client is bound to the client itself, which proves its key with each use.
    expect((await refresh(held.client, bearer.refresh_token)).body.error).toBe('invalid_grant');
    const renewed = await refresh(held.client, bearer.refresh_token, { resource: opaqueApi }, await proof());
    expect(await isActive(renewed.body.access_token)).toBe(true);
  });

  test('a refresh token of a public client without a bound key is refused, with any key', async () => {
    const held = await issued({ type: 'spa' });
    await change(held.client, { dpop_bound_access_tokens: true });
    const answer = await refresh(held.client, held.refresh, {}, await proof());
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
    await change(held.client, { dpop_bound_access_tokens: false });
    expect((await refresh(held.client, held.refresh)).status).toBe(200);
  });

  test('no token is issued that nothing could bind: without its certificate', async () => {
    const client = await latchkey.client({ tls_client_certificate_bound_access_tokens: true });
    const answer = await post(tokenUrl, client, await codeOf(client, { scope: 'openid' }));
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
  });

  test('a refresh token of a sign-in at a lower level is refused', async () => {
    const held = await issued();
    await change(held.client, { minimum_acr: 'urn:latchkey:acr:2' });
    expect((await refresh(held.client, held.refresh)).body.error).toBe('invalid_grant');
    expect(await isActive(held.refresh, held.client)).toBe(false);
  });

  test('tokens of a client that acts for itself', async () => {
    const machine = await latchkey.run<TestClient>('clients.create', { name: 'Robot', type: 'machine', apis });
    const parameters = { grant_type: 'client_credentials', scope: 'read' };
    const tokens = await Promise.all(
      [opaqueApi, jwtApi].map(async (resource) => (await post(tokenUrl, machine, { ...parameters, resource })).body),
    );
    const states = () => Promise.all(tokens.map(({ access_token: token }) => isActive(token)));
    expect(await states()).toEqual([true, true]);
    await change(machine, { dpop_bound_access_tokens: true });
    expect(await states()).toEqual([false, false]);
    await change(machine, { dpop_bound_access_tokens: false, token_endpoint_auth_method: 'private_key_jwt', jwks });
    expect(await states()).toEqual([false, false]);
    await change(machine, {
      token_endpoint_auth_method: 'client_secret_basic',
      jwks: null,
      apis: { [jwtApi]: ['read'] },
    });
    expect(await states()).toEqual([false, true]);
  });
});

describe('codes of requests that would be refused now', () => {
  test.each<[string, Record<string, string | undefined>, (client: TestClient) => Promise<unknown>]>([
    ['PKCE', { code_challenge: undefined, code_challenge_method: undefined }, () => setting('oidc.pkce', 'all')],
    ['pushed requests', {}, (client) => change(client, { require_pushed_authorization_requests: true })],
    ['signed requests', {}, (client) => change(client, { require_signed_request_object: true })],
    ['two factors', {}, (client) => change(client, { minimum_acr: 'urn:latchkey:acr:2' })],
  ])('%s', async (_what, asked, tighten) => {
    const client = await latchkey.client({ apis });
    const [before, after] = [await codeOf(client, asked), await codeOf(client, asked)];
    expect((await post(tokenUrl, client, before)).status).toBe(200);
    await tighten(client);
    expect((await post(tokenUrl, client, after)).body.error).toBe('invalid_grant');
    await setting('oidc.pkce', 'public');
  });

  test('a request that was pushed is as good as before', async () => {
    const client = await latchkey.client({ first_party: true });
    const { verifier, challenge } = pkce();
    const redirect_uri = client.redirect_uris[0] ?? '';
    const asked = { client_id: client.client_id, response_type: 'code', scope: 'openid', redirect_uri };
    const pushed = await post(`${latchkey.base}/oidc/par`, client, {
      ...asked,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    });
    const query = new URLSearchParams({ client_id: client.client_id, request_uri: String(pushed.body['request_uri']) });
    const code = (await browser.signIn(`${latchkey.base}/oidc/auth?${query.toString()}`, user)).get('code') ?? '';
    await change(client, { require_pushed_authorization_requests: true });
    const grant = { grant_type: 'authorization_code', code, redirect_uri, code_verifier: verifier };
    expect((await post(tokenUrl, client, grant)).status).toBe(200);
  });
});

test('the code of a sign-in that outlasts its pushed request is kept', async () => {
  const client = await latchkey.client({ first_party: true, require_pushed_authorization_requests: true });
  const { verifier, challenge } = pkce();
  const redirect_uri = client.redirect_uris[0] ?? '';
  const pushed = await post(`${latchkey.base}/oidc/par`, client, {
    client_id: client.client_id,
    response_type: 'code',
    scope: 'openid',
    redirect_uri,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  const query = new URLSearchParams({ client_id: client.client_id, request_uri: String(pushed.body['request_uri']) });
  const visitor = new Visitor();
  const page = await visitor.open(`${latchkey.base}/oidc/auth?${query.toString()}`);
  await latchkey.app.database.sql(`delete from oidc_artifact where kind = 'PushedAuthorizationRequest'`);
  const code = (await visitor.signIn(page.url, user)).get('code') ?? '';
  const grant = { grant_type: 'authorization_code', code, redirect_uri, code_verifier: verifier };
  expect((await post(tokenUrl, client, grant)).status).toBe(200);
});

describe('tokens of another form or age than new ones', () => {
  test('a JWT for an API that now wants opaque tokens, and the reverse', async () => {
    const held = await issued();
    await recreateApi(jwtApi, { token_format: 'opaque' });
    await recreateApi(opaqueApi, { token_format: 'jwt' });
    expect(await seen(held)).toEqual(none);
    await recreateApi(jwtApi, { token_format: 'jwt', signing_alg: 'PS256' });
    await recreateApi(opaqueApi, { token_format: 'opaque' });
    expect(await seen(held)).toEqual({ opaque: true, jwt: false });
    await recreateApi(jwtApi, { token_format: 'jwt' });
    expect(await seen(held)).toEqual(both);
  });

  test('a lifetime that the API shortened counts from the issue of the token', async () => {
    const held = await issued();
    for (const [identifier, token_format] of [
      [opaqueApi, 'opaque'],
      [jwtApi, 'jwt'],
    ] as const)
      await recreateApi(identifier, { token_format, access_token_seconds: 60 });
    const { body } = await post(`${latchkey.base}/oidc/introspect`, server, { token: held.opaque });
    expect(Number(body['exp']) - Number(body['iat'])).toBe(60);
    travel(75);
    expect(await seen(held)).toEqual(none);
    vi.useRealTimers();
    await recreateApi(opaqueApi, { token_format: 'opaque' });
    await recreateApi(jwtApi, { token_format: 'jwt' });
  });

  test.each<[string, number, (held: Held) => Promise<unknown>, unknown, unknown]>([
    ['oidc.accessTokenSeconds', 600, ({ access }) => userinfo(access), 200, 401],
    ['oidc.refreshIdleSeconds', 14 * DAY, (held) => isActive(held.refresh, held.client), true, false],
    [
      'oidc.refreshAbsoluteSeconds',
      90 * DAY,
      async (held) => (await refresh(held.client, held.refresh)).status,
      200,
      400,
    ],
  ])('%s that the operator shortened', async (name, value, use, before, after) => {
    const [held, other] = [await issued(), await issued()];
    expect(await use(other)).toBe(before);
    await setting(name, 60);
    travel(75);
    expect(await use(held)).toBe(after);
    vi.useRealTimers();
    await setting(name, value);
  });
});
