import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

const invoices = 'https://invoices.example';
const reports = 'https://reports.example/v1';

let latchkey: TestApp;
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
