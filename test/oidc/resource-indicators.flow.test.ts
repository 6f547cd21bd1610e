import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { createSigner, requestObject } from '../support/signer.ts';
import { authorizeUrl, pkce, post, type TokenAnswer, tokensFor, Visitor } from '../support/visitor.ts';

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const invoices = 'https://invoices.example';
const reports = 'https://reports.example/v1';

/** These share the scope `read`. */
const orders = 'https://orders.example';
const files = 'https://files.example';
const closed = 'https://closed.example';

let latchkey: TestApp;
let clerk: TestClient;
let shop: TestClient;
let robot: TestClient;
let app: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  await latchkey.run('apis.create', {
    identifier: invoices,
    scopes: [{ name: 'read' }, { name: 'write' }],
    access_token_seconds: 120,
  });
  await latchkey.run('apis.create', {
    identifier: reports,
    scopes: [{ name: 'read' }],
    token_format: 'opaque',
    access_token_seconds: 300,
  });
  for (const alg of ['PS256', 'EdDSA', 'RS256'])
    await latchkey.run('apis.create', { identifier: `https://${alg}.example`, signing_alg: alg });
  robot = await latchkey.run('clients.create', {
    name: 'Robot',
    type: 'machine',
    apis: {
      [invoices]: ['read'],
      [reports]: ['*'],
      'https://PS256.example': ['*'],
      'https://EdDSA.example': ['*'],
      'https://RS256.example': ['*'],
    },
  });
  app = await latchkey.client({ first_party: true, apis: { [invoices]: ['*'], [reports]: ['*'] } });
  const scopes = (...names: string[]) => ({ scopes: names.map((name) => ({ name })), token_format: 'opaque' });
  await latchkey.run('apis.create', { identifier: orders, ...scopes('read', 'write', 'cancel', 'delete') });
  await latchkey.run('apis.create', { identifier: files, ...scopes('read', 'file') });
  await latchkey.run('apis.create', { identifier: closed, ...scopes('audit') });
  const apis = { [orders]: ['read', 'write', 'cancel'], [files]: ['*'] };
  clerk = await latchkey.run('clients.create', { name: 'Clerk', type: 'machine', apis });
  shop = await latchkey.client({
    first_party: true,
    apis,
    grant_types: ['authorization_code', 'refresh_token', DEVICE_GRANT],
  });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const token = (parameters: Record<string, string>, client = robot) =>
  post(`${latchkey.base}/oidc/token`, client, { grant_type: 'client_credentials', ...parameters });
const verify = (jwt: string, audience: string) =>
  jwtVerify(jwt, createRemoteJWKSet(new URL(`${latchkey.base}/oidc/jwks`)), {
    issuer: latchkey.base,
    audience,
    typ: 'at+jwt',
  });

describe('client credentials (RFC 6749 §4.4)', () => {
  test.each<Record<string, string>>([{}, { scope: 'openid email' }])(
    'without an API (%j) the token is opaque, marked, and of no use at userinfo',
    async (asked) => {
      const { status, body } = await token(asked);
      expect(status).toBe(200);
      expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 600 });
      expect(body.access_token).toMatch(/^lk_[a-z]{2}_[\w-]{43,}$/);
      expect(body.refresh_token ?? body.id_token).toBeUndefined();
      const answer = await fetch(`${latchkey.base}/oidc/userinfo`, {
        headers: { authorization: `Bearer ${body.access_token}` },
      });
      expect(answer.status).toBe(401);
    },
  );

  test('a JWT for a registered API has the claims of RFC 9068 §2.2', async () => {
    const { body } = await token({ resource: invoices, scope: 'read' });
    const { payload, protectedHeader } = await verify(body.access_token, invoices);
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) as string });
    expect(payload).toMatchObject({
      iss: latchkey.base,
      sub: robot.client_id,
      client_id: robot.client_id,
      aud: invoices,
      scope: 'read',
      jti: expect.any(String) as string,
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(120);
    expect(body['expires_in']).toBe(120);
  });

  test.each(['PS256', 'EdDSA', 'RS256'])('an API may have its tokens signed with %s', async (alg) => {
    const { body } = await token({ resource: `https://${alg}.example` });
    expect(decodeProtectedHeader(body.access_token).alg).toBe(alg);
    await verify(body.access_token, `https://${alg}.example`);
  });

  test('an API may have opaque tokens, which name it at introspection', async () => {
    const { body } = await token({ resource: reports, scope: 'read' });
    expect(body.access_token).toMatch(/^lk_[a-z]{2}_/);
    const { body: said } = await post(`${latchkey.base}/oidc/introspect`, robot, { token: body.access_token });
    expect(said).toMatchObject({ active: true, aud: reports, scope: 'read' });
  });

  test.each<[string, Record<string, string>, string]>([
    ['an API that does not exist', { resource: 'https://unknown.example' }, 'invalid_target'],
    ['the address of an API with a slash more', { resource: `${invoices}/` }, 'invalid_target'],
    ['another spelling of it', { resource: 'HTTPS://invoices.example' }, 'invalid_target'],
    ['a relative address', { resource: 'invoices' }, 'invalid_target'],
    ['a fragment (RFC 8707 §2)', { resource: `${invoices}#x` }, 'invalid_target'],
    ['a scope with characters that none has', { scope: 'a"b' }, 'invalid_scope'],
  ])('%s is refused', async (_what, parameters, error) => {
    const answer = await token(parameters);
    expect([answer.status, answer.body.error]).toEqual([400, error]);
  });

  test('a scope that the client does not have is omitted, for any request', async () => {
    const { body } = await token({ resource: invoices, scope: 'read write' });
    expect(body['scope']).toBe('read');
  });

  test.each<[string, Record<string, string>, string | undefined]>([
    ['a scope of one API', { scope: 'write' }, orders],
    ['scopes of one API', { scope: 'write cancel' }, orders],
    ['a scope of two APIs, and one of one of them', { scope: 'read cancel' }, orders],
    ['a scope of OpenID Connect and one of an API', { scope: 'openid write' }, orders],
    ['scopes of OpenID Connect', { scope: 'openid email' }, undefined],
    ['no scope', {}, undefined],
  ])('without resource %s (%j) selects the API %s', async (_what, parameters, expected) => {
    const { status, body } = await token(parameters, clerk);
    expect(status).toBe(200);
    const { body: said } = await post(`${latchkey.base}/oidc/introspect`, clerk, { token: body.access_token });
    expect([said['active'], said['aud']]).toEqual([true, expected]);
    // RFC 6749 §5.1: what was granted is said where it differs from what was asked.
    expect(body['scope']).toBe(said['scope']);
  });

  test.each<[string, Record<string, string>]>([
    ['a scope that nothing has', { scope: 'nosuch' }],
    ['one among others', { scope: 'write nosuch' }],
    ['one next to a scope of OpenID Connect', { scope: 'email nosuch' }],
    ['a scope of an API that is closed to the client', { scope: 'audit' }],
    ['a scope that the client may not ask for', { scope: 'delete' }],
    ['a scope of two APIs', { scope: 'read' }],
    ['scopes of two APIs', { scope: 'write file' }],
    ['a scope that the API has not', { scope: 'file', resource: orders }],
    ['a scope that nothing has, at an API', { scope: 'nosuch', resource: orders }],
    ['a scope of OpenID Connect at an API', { scope: 'email', resource: orders }],
  ])('%s is refused (RFC 6749 §5.2): %j', async (_what, parameters) => {
    const answer = await token(parameters, clerk);
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_scope']);
    expect(answer.body['access_token']).toBeUndefined();
  });

  test('one token is for one API (RFC 8707 §2.2)', async () => {
    const answer = await fetch(`${latchkey.base}/oidc/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${robot.client_id}:${robot.client_secret}`)}` },
      body: new URLSearchParams([
        ['grant_type', 'client_credentials'],
        ['resource', invoices],
        ['resource', reports],
      ]),
    });
    expect(await answer.json()).toMatchObject({ error: 'invalid_target' });
  });

  test('the grant is closed to other clients', async () => {
    const answer = await token({}, app);
    expect(answer.status).toBe(400);
    expect(['unauthorized_client', 'invalid_request']).toContain(answer.body.error);
  });

  test.each(['password', 'urn:ietf:params:oauth:grant-type:jwt-bearer', 'implicit', 'PASSWORD', ''])(
    'the grant type %j is not offered (RFC 9700 §2.4)',
    async (grant) => {
      const answer = await token({ grant_type: grant, username: user.email, password: user.password });
      expect(answer.status).toBe(400);
      expect(['unsupported_grant_type', 'invalid_request']).toContain(answer.body.error);
    },
  );
});

describe('APIs in a sign-in (RFC 8707 §2.1)', () => {
  test('a token for an API has its audience and the user; userinfo refuses it', async () => {
    const { verifier, challenge } = pkce();
    const url = authorizeUrl(latchkey.base, app, {
      code_challenge: challenge,
      scope: 'openid read write',
      resource: invoices,
    });
    const code = (await new Visitor().signIn(url, user)).get('code') ?? '';
    const exchange = { grant_type: 'authorization_code', code, redirect_uri: app.redirect_uris[0] ?? '' };
    const { body } = await post(`${latchkey.base}/oidc/token`, app, {
      ...exchange,
      code_verifier: verifier,
      resource: invoices,
    });
    const { payload } = await verify(body.access_token, invoices);
    expect(payload).toMatchObject({ sub: user.id, client_id: app.client_id, scope: 'read write' });
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${body.access_token}` },
    });
    expect(answer.status).toBe(401);
  });

  test('a refresh token serves the allowed APIs, one at a time, and no other', async () => {
    const url = { scope: 'openid read offline_access', resource: invoices, prompt: 'consent' };
    const first = await tokensFor(latchkey.base, app, user, url);
    const refresh = (token: string, resource: string) =>
      post(`${latchkey.base}/oidc/token`, app, { grant_type: 'refresh_token', refresh_token: token, resource });
    const again = await refresh(first.refresh_token, invoices);
    await verify(again.body.access_token, invoices);
    const other = await refresh(again.body.refresh_token, reports);
    expect(other.body.error).toBe('invalid_target');
  });

  test.each([
    ['that does not exist', 'https://unknown.example'],
    ['with a fragment', `${invoices}#x`],
  ])('an API %s is refused at the authorization endpoint', async (_what, resource) => {
    const { challenge } = pkce();
    const page = await new Visitor().open(authorizeUrl(latchkey.base, app, { code_challenge: challenge, resource }));
    expect(new URL(page.location ?? '').searchParams.get('error')).toBe('invalid_target');
  });

  test('an API that was withdrawn from the client is refused at its next refresh', async () => {
    const other = await latchkey.client({ first_party: true, apis: { [invoices]: ['*'] } });
    const first = await tokensFor(latchkey.base, other, user, {
      scope: 'openid read offline_access',
      resource: invoices,
      prompt: 'consent',
    });
    await latchkey.run('clients.update', { client_id: other.client_id, apis: {} });
    const answer = await post(`${latchkey.base}/oidc/token`, other, {
      grant_type: 'refresh_token',
      refresh_token: first.refresh_token,
      resource: invoices,
    });
    expect(answer.body.error).toBe('invalid_target');
  });
});

describe('an API that a request names otherwise', () => {
  const aud = async (access: string, by = shop) =>
    (await post(`${latchkey.base}/oidc/introspect`, by, { token: access })).body['aud'];
  const refresh = (value: string, more: Record<string, string> = {}) =>
    post(`${latchkey.base}/oidc/token`, shop, { grant_type: 'refresh_token', refresh_token: value, ...more });
  async function pushed(asked: Record<string, string>): Promise<TokenAnswer> {
    const { challenge } = pkce();
    const url = new URL(authorizeUrl(latchkey.base, shop, { code_challenge: challenge, ...asked }));
    return post(`${latchkey.base}/oidc/par`, shop, Object.fromEntries(url.searchParams));
  }
  const device = (asked: Record<string, string>) => post(`${latchkey.base}/oidc/device/auth`, shop, asked);
  async function refusedAt(asked: Record<string, string>): Promise<string | null> {
    const { challenge } = pkce();
    const page = await new Visitor().open(authorizeUrl(latchkey.base, shop, { code_challenge: challenge, ...asked }));
    return page.location === null ? null : new URL(page.location).searchParams.get('error');
  }

  test('audience is another name for resource, at every endpoint', async () => {
    const machine = await token({ audience: orders, scope: 'read' }, clerk);
    expect([await aud(machine.body.access_token, clerk), machine.body['scope']]).toEqual([orders, 'read']);
    const asked = { scope: 'openid read offline_access', audience: files };
    const first = await tokensFor(latchkey.base, shop, user, asked);
    expect(await aud(first.access_token)).toBeUndefined();
    const second = await refresh(first.refresh_token, { audience: files });
    expect([await aud(second.body.access_token), second.body['scope']]).toEqual([files, 'read']);
    expect((await refresh(second.body.refresh_token, { audience: orders })).body.error).toBe('invalid_target');
    const plain = await tokensFor(latchkey.base, shop, user, { scope: 'read', nonce: undefined, audience: files });
    expect(await aud(plain.access_token)).toBe(files);
  });

  test('audience is ignored where it is no API of the client, or beside resource (RFC 6749 §3.1)', async () => {
    for (const audience of ['https://unknown.example', closed, `${orders}/`])
      expect(await aud((await token({ audience }, clerk)).body.access_token, clerk)).toBeUndefined();
    expect(await aud((await token({ audience: files, resource: orders }, clerk)).body.access_token, clerk)).toBe(
      orders,
    );
    expect(await refusedAt({ scope: 'openid', audience: closed })).toBeNull();
  });

  test.each<[string, boolean]>([
    ['pushed', false],
    ['pushed', true],
    ['signed', true],
    ['plain', true],
  ])(
    'audience beside a request that is %s, with a session %s (RFC 9101 §6.3, RFC 9126 §4)',
    async (way, hasSession) => {
      const signer = await createSigner();
      const signing = { jwks: signer.jwks, request_object_signing_alg: 'ES256' };
      const asking = await latchkey.client({
        first_party: true,
        apis: { [orders]: ['*'], [files]: ['*'] },
        ...(way === 'signed' ? signing : {}),
      });
      const visitor = new Visitor();
      const { verifier, challenge } = pkce();
      const first = authorizeUrl(latchkey.base, shop, { code_challenge: challenge });
      if (hasSession) await visitor.signIn(first, user);
      const plain = new URL(authorizeUrl(latchkey.base, asking, { code_challenge: challenge, scope: 'openid read' }));
      const asked = Object.fromEntries(plain.searchParams);
      const url = new URL(plain);
      if (way === 'pushed') {
        const { body } = await post(`${latchkey.base}/oidc/par`, asking, asked);
        url.search = new URLSearchParams({
          client_id: asking.client_id,
          request_uri: String(body['request_uri']),
        }).toString();
      } else if (way === 'signed') {
        const request = await requestObject(signer, asking.client_id, latchkey.base, asked);
        url.search = new URLSearchParams({ client_id: asking.client_id, request }).toString();
      }
      url.searchParams.set('audience', files);
      const code = (await visitor.signIn(url.href, user)).get('code') ?? '';
      const exchange = { grant_type: 'authorization_code', code, redirect_uri: asking.redirect_uris[0] ?? '' };
      const { status } = await post(`${latchkey.base}/oidc/token`, asking, {
        ...exchange,
        code_verifier: verifier,
        resource: files,
      });
      expect(status).toBe(way === 'plain' ? 200 : 400);
    },
  );

  test('a scope of one API selects it in a sign-in, and the refresh token is good for it', async () => {
    const plain = await tokensFor(latchkey.base, shop, user, { scope: 'write', nonce: undefined });
    expect([await aud(plain.access_token), plain['scope']]).toEqual([orders, 'write']);
    const first = await tokensFor(latchkey.base, shop, user, { scope: 'openid write offline_access' });
    expect(await aud(first.access_token)).toBeUndefined();
    const second = await refresh(first.refresh_token, { resource: orders });
    expect([await aud(second.body.access_token), second.body['scope']]).toEqual([orders, 'write']);
  });

  test('an unknown scope is refused where OAuth is spoken, and ignored with openid (OpenID Connect Core §3.1.2.1)', async () => {
    const oauth = { scope: 'nosuch', nonce: undefined as unknown as string };
    expect(await refusedAt(oauth)).toBe('invalid_scope');
    expect((await pushed(oauth)).body.error).toBe('invalid_scope');
    expect((await device({ scope: 'nosuch' })).body.error).toBe('invalid_scope');
    expect(await refusedAt({ scope: 'openid nosuch' })).toBeNull();
    expect((await pushed({ scope: 'openid nosuch' })).status).toBe(201);
    expect((await device({ scope: 'openid nosuch' })).status).toBe(200);
    const tokens = await tokensFor(latchkey.base, shop, user, { scope: 'openid nosuch' });
    expect(tokens['scope']).toBe('openid');
    expect(
      (
        await refresh((await tokensFor(latchkey.base, shop, user, { scope: 'openid offline_access' })).refresh_token, {
          scope: 'nosuch',
        })
      ).body.error,
    ).toBe('invalid_scope');
  });
});
