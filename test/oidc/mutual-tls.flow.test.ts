import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { decodeJwt, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API, callApi, clientTokens } from '../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, type TokenAnswer, Visitor } from '../support/visitor.ts';

const file = (name: string) => join(import.meta.dirname, '../support/certificates', name);
const pem = (name: string) => readFileSync(file(`${name}.pem`), 'utf8');
const certificate = (name: string) => new X509Certificate(pem(name));
const thumbprint = (name: string) => createHash('sha256').update(certificate(name).raw).digest('base64url');
const api = 'https://api.example';
const machine = { name: 'Robot', type: 'machine', apis: { [api]: ['*'] } };

/** The key of a certificate as a client registers it for `self_signed_tls_client_auth` (RFC 8705 §2.2.2). */
function jwksOf(name: string): { keys: JWK[] } {
  const jwk = certificate(name).publicKey.export({ format: 'jwk' }) as JWK;
  return { keys: [{ ...jwk, x5c: [certificate(name).raw.toString('base64')] }] };
}

describe('on the built-in TLS listener (RFC 8705)', () => {
  let latchkey: TestApp;
  let named: TestClient;
  let selfSigned: TestClient;
  beforeAll(async () => {
    latchkey = await startTestApp({
      env: { TLS_CERT: file('server.pem'), TLS_KEY: file('server.key'), TLS_CLIENT_CA: file('ca.pem') },
    });
    await latchkey.run('apis.create', { identifier: api });
    named = await latchkey.run('clients.create', {
      ...machine,
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: 'CN=client',
      tls_client_certificate_bound_access_tokens: true,
    });
    selfSigned = await latchkey.run('clients.create', {
      ...machine,
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: jwksOf('self'),
    });
  });
  afterAll(() => latchkey.close());

  async function send(
    who: TestClient,
    name: string | null,
    parameters: Record<string, string> = {},
    path = '/oidc/token',
  ): Promise<Pick<TokenAnswer, 'status' | 'body'>> {
    const identity = name === null ? {} : { cert: pem(name), key: readFileSync(file(`${name}.key`)) };
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: who.client_id,
      ...parameters,
    }).toString();
    return new Promise((resolve, reject) => {
      const options = {
        method: 'POST',
        agent: false,
        ca: pem('ca'),
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length },
        ...identity,
      } as const;
      const sent = request(`${latchkey.base}${path}`, options, (answer) => {
        text(answer).then(
          (all) => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(all) as TokenAnswer['body'] }),
          reject,
        );
      });
      sent.on('error', reject).end(body);
    });
  }

  test('the issuer is https', () => {
    expect(latchkey.base).toMatch(/^https:\/\/localhost:/);
  });

  test('a certificate of the authority with the registered name authenticates (§2.1), and binds the token (§3)', async () => {
    const { status, body } = await send(named, 'client');
    expect(status).toBe(200);
    const said = await send(named, 'client', { token: body.access_token }, '/oidc/introspect');
    expect(said.body).toMatchObject({ active: true, cnf: { 'x5t#S256': thumbprint('client') } });
    const jwt = await send(named, 'client', { resource: api });
    expect(decodeJwt(jwt.body.access_token)['cnf']).toEqual({ 'x5t#S256': thumbprint('client') });
  });

  test('a registered self-signed certificate authenticates by its key (§2.2)', async () => {
    expect((await send(selfSigned, 'self')).status).toBe(200);
  });

  test.each<[string, () => TestClient, string | null]>([
    ['no certificate', () => named, null],
    ['a certificate that nobody vouches for', () => named, 'self'],
    ['a certificate with another name', () => named, 'server'],
    ['no certificate, where the key is registered', () => selfSigned, null],
    ['another certificate than the registered one', () => selfSigned, 'client'],
  ])('%s is refused', async (_what, who, name) => {
    const { status, body } = await send(who(), name);
    expect([status, body.error]).toEqual([401, 'invalid_client']);
  });

  test('a certificate does not replace another method', async () => {
    const robot = await latchkey.run<TestClient>('clients.create', machine);
    expect((await send(robot, 'client')).body.error).toBe('invalid_client');
  });

  test('the metadata list it (§3.3)', async () => {
    const path = '/.well-known/openid-configuration';
    const metadata = await new Promise<Record<string, unknown>>((resolve, reject) => {
      request(`${latchkey.base}${path}`, { agent: false, ca: pem('ca') }, (answer) => {
        text(answer).then((all) => resolve(JSON.parse(all) as Record<string, unknown>), reject);
      })
        .on('error', reject)
        .end();
    });
    expect(metadata['tls_client_certificate_bound_access_tokens']).toBe(true);
    expect(metadata['token_endpoint_auth_methods_supported']).toEqual(
      expect.arrayContaining(['tls_client_auth', 'self_signed_tls_client_auth']),
    );
  });
});

describe('behind a trusted proxy', () => {
  const HEADER = 'x-ssl-client-cert';
  const shows = (name: string, verified = 'SUCCESS') => ({
    [HEADER]: encodeURIComponent(pem(name)),
    'x-ssl-client-verify': verified,
  });
  let latchkey: TestApp;
  let robot: TestClient;
  let web: TestClient;
  let user: TestUser;
  beforeAll(async () => {
    latchkey = await startTestApp({ env: { TRUSTED_PROXIES: '127.0.0.1', CLIENT_CERT_HEADER: HEADER } });
    await latchkey.run('apis.create', { identifier: api });
    robot = await latchkey.run('clients.create', {
      ...machine,
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_san_dns: 'localhost',
      tls_client_certificate_bound_access_tokens: true,
    });
    web = await latchkey.client({ first_party: true, tls_client_certificate_bound_access_tokens: true });
    user = await latchkey.user();
  });
  afterAll(() => latchkey.close());

  const token = (headers: Record<string, string>) =>
    post(
      `${latchkey.base}/oidc/token`,
      { client_id: robot.client_id, client_secret: '' },
      { grant_type: 'client_credentials' },
      headers,
    );
  const userinfo = async (value: string, headers: Record<string, string> = {}) =>
    (await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${value}`, ...headers } }))
      .status;

  test('the certificate in its header authenticates', async () => {
    expect((await token(shows('client'))).status).toBe(200);
  });

  test.each<[string, Record<string, string>, number]>([
    ['none', {}, 401],
    ['an empty header', { [HEADER]: '' }, 401],
    ['one that the proxy could not check', shows('client', 'FAILED:self-signed certificate'), 401],
    ['one without the verification header', { [HEADER]: encodeURIComponent(pem('client')) }, 401],
    ['one with another name', shows('self'), 401],
    ['garbage', { [HEADER]: 'x', 'x-ssl-client-verify': 'SUCCESS' }, 400],
    [
      'two in one header',
      {
        [HEADER]: `${encodeURIComponent(pem('client'))}, ${encodeURIComponent(pem('self'))}`,
        'x-ssl-client-verify': 'SUCCESS',
      },
      400,
    ],
  ])('%s: refused', async (_what, headers, status) => {
    const answer = await token(headers);
    expect(answer.status).toBe(status);
    expect(answer.body.access_token).toBeUndefined();
  });

  test('a bound token opens userinfo only with its certificate (§3)', async () => {
    const bare = await tokensFor(latchkey.base, web, user).catch((error: Error) => error.message);
    expect(bare).toMatch(/invalid_grant/);
    const { refresh_token: refresh, access_token: value } = await withCertificate();
    expect(await userinfo(value, shows('client'))).toBe(200);
    expect(await userinfo(value, shows('self'))).toBe(401);
    expect(await userinfo(value)).toBe(401);
    const renew = (headers: Record<string, string>) =>
      post(`${latchkey.base}/oidc/token`, web, { grant_type: 'refresh_token', refresh_token: refresh }, headers);
    expect((await renew({})).body.error).toBe('invalid_grant');
    expect((await renew(shows('client'))).status).toBe(200);
  });

  test('and the management API', async () => {
    const client = await latchkey.run<TestClient>('clients.create', {
      ...machine,
      apis: { [API]: ['users.read'] },
      tls_client_certificate_bound_access_tokens: true,
    });
    const headers = shows('client');
    const { access_token: value } = await clientTokens(latchkey, client, { scope: 'users.read' }, headers);
    const call = async (shown: Record<string, string>) =>
      (await callApi(latchkey, `/v1/users/${user.id}`, { token: value, headers: shown })).status;
    expect(await call(headers)).toBe(200);
    expect(await call(shows('self'))).toBe(401);
    expect(await call({})).toBe(401);
  });

  async function withCertificate(): Promise<TokenAnswer['body']> {
    const { verifier, challenge } = pkce();
    const asked = { code_challenge: challenge, scope: 'openid offline_access', prompt: 'consent' };
    const code = (await new Visitor().signIn(authorizeUrl(latchkey.base, web, asked), user)).get('code') ?? '';
    const exchange = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: web.redirect_uris[0] ?? '',
      code_verifier: verifier,
    };
    const { status, body } = await post(`${latchkey.base}/oidc/token`, web, exchange, shows('client'));
    expect(status).toBe(200);
    return body;
  }
});

describe('a header without a trusted proxy', () => {
  test.each<[string, Record<string, string>]>([
    ['from anywhere, where no header is named', {}],
    ['from an address that is no proxy', { TRUSTED_PROXIES: '192.0.2.1', CLIENT_CERT_HEADER: 'x-ssl-client-cert' }],
  ])('is ignored: %s', async (_what, env) => {
    const latchkey = await startTestApp({ env });
    const robot = await latchkey
      .run<TestClient>('clients.create', {
        ...machine,
        token_endpoint_auth_method: 'self_signed_tls_client_auth',
        jwks: jwksOf('self'),
      })
      .catch(() => null);
    const headers = { 'x-ssl-client-cert': encodeURIComponent(pem('self')), 'x-ssl-client-verify': 'SUCCESS' };
    const who = { client_id: robot?.client_id ?? 'nobody', client_secret: '' };
    const answer = await post(`${latchkey.base}/oidc/token`, who, { grant_type: 'client_credentials' }, headers);
    expect([400, 401]).toContain(answer.status);
    expect(answer.body.access_token).toBeUndefined();
    await latchkey.close();
  });
});
