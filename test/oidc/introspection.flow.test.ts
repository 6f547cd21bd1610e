import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { post, tokensFor, type TokenAnswer } from '../support/visitor.ts';

const api = 'https://api.example';
const JWT = 'application/token-introspection+jwt';

let latchkey: TestApp;
let client: TestClient;
let server: TestClient;
let evil: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  await latchkey.run('apis.create', { identifier: api, scopes: [{ name: 'read' }], token_format: 'opaque' });
  client = await latchkey.client({ first_party: true, apis: { [api]: ['*'] } });
  server = await latchkey.run('clients.create', { name: 'API', type: 'machine', apis: { [api]: ['*'] } });
  evil = await latchkey.client({ apis: { [api]: ['*'] } });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const introspect = (token: string, who: TestClient, more: Record<string, string> = {}): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/introspect`, who, { token, ...more });
const revoke = (token: string, who: TestClient, more: Record<string, string> = {}): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/revoke`, who, { token, ...more });
const tokens = (extra: Record<string, string> = {}) =>
  tokensFor(latchkey.base, client, user, { scope: 'openid email offline_access', prompt: 'consent', ...extra });
const forApi = () => tokens({ scope: 'openid read offline_access', resource: api });
async function apiToken(): Promise<string> {
  const { refresh_token: token } = await forApi();
  const parameters = { grant_type: 'refresh_token', refresh_token: token, resource: api };
  return (await post(`${latchkey.base}/oidc/token`, client, parameters)).body.access_token;
}

describe('introspection (RFC 7662)', () => {
  test('the client of a token can introspect it', async () => {
    const { access_token: access, refresh_token: refresh } = await tokens();
    const { status, body, headers } = await introspect(access, client);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      active: true,
      sub: user.id,
      client_id: client.client_id,
      sid: expect.any(String) as string,
      iss: latchkey.base,
      scope: expect.stringMatching(/openid/) as string,
      token_type: 'Bearer',
      iat: expect.any(Number) as number,
      exp: expect.any(Number) as number,
    });
    expect((await introspect(refresh, client)).body).toMatchObject({ active: true, sub: user.id });
  });

  test('an API can introspect tokens for it (§4)', async () => {
    const { body } = await introspect(await apiToken(), server);
    expect(body).toMatchObject({ active: true, aud: api, scope: 'read', sub: user.id, client_id: client.client_id });
  });

  test.each<[string, (t: TokenAnswer['body'], apiToken: string) => [string, TestClient]]>([
    ['a token of another client', (t) => [t.access_token, evil]],
    ['a refresh token of another client', (t) => [t.refresh_token, evil]],
    ['a token for an API, by a client that may only call it', (_t, a) => [a, evil]],
    ['a token for userinfo, by an API', (t) => [t.access_token, server]],
    ['a token with a letter more', (t) => [`${t.access_token}x`, client]],
    ['made-up text', () => ['lk_at_made-up', client]],
    ['text in another form', () => ['ümläut <b>', client]],
    ['5 KiB of text', () => ['x'.repeat(5000), client]],
  ])('%s is {"active":false} and nothing more (§2.2)', async (_what, ask) => {
    const [token, who] = ask(await tokens(), await apiToken());
    for (const hint of ['access_token', 'refresh_token', 'made_up']) {
      const { status, body } = await introspect(token, who, { token_type_hint: hint });
      expect([status, body]).toEqual([200, { active: false }]);
    }
  });

  test('a public client learns nothing, not even about its own tokens', async () => {
    const spa = await latchkey.client({ type: 'spa', first_party: true });
    const { access_token: token } = await tokensFor(latchkey.base, spa, user);
    expect((await introspect(token, { ...spa, client_secret: '' })).body).toEqual({ active: false });
  });

  test.each<[string, () => Promise<TokenAnswer>, number, string]>([
    ['nobody', () => introspect('x', { client_id: '', client_secret: '' } as TestClient), 400, 'invalid_request'],
    ['a wrong secret', () => introspect('x', { ...client, client_secret: 'y'.repeat(43) }), 401, 'invalid_client'],
    ['no token', () => introspect('', client), 400, 'invalid_request'],
  ])('%s is refused', async (_what, ask, status, error) => {
    const answer = await ask();
    expect([answer.status, answer.body.error]).toEqual([status, error]);
  });
});

describe('introspection of a JWT (RFC 9068)', () => {
  const jwtApi = 'https://jwt.example';
  let resource: TestClient;
  let caller: TestClient;
  beforeAll(async () => {
    await latchkey.run('apis.create', { identifier: jwtApi, scopes: [{ name: 'read' }] });
    resource = await latchkey.run('clients.create', { name: 'JWT API', type: 'machine', apis: { [jwtApi]: ['*'] } });
    caller = await latchkey.client({ first_party: true, subject_type: 'pairwise', apis: { [jwtApi]: ['*'] } });
  });
  async function jwtToken(person = user, who = caller): Promise<string> {
    const asked = { scope: 'openid read offline_access', prompt: 'consent', resource: jwtApi };
    const { refresh_token: token } = await tokensFor(latchkey.base, who, person, asked);
    const parameters = { grant_type: 'refresh_token', refresh_token: token, resource: jwtApi };
    return (await post(`${latchkey.base}/oidc/token`, who, parameters)).body.access_token;
  }

  test('returns the same as the JWT itself, to its client and to its API', async () => {
    const token = await jwtToken();
    const { sub, exp, iat, jti } = decodeJwt(token);
    for (const who of [caller, resource]) {
      const { body } = await introspect(token, who);
      const said = {
        active: true,
        client_id: caller.client_id,
        aud: jwtApi,
        iss: latchkey.base,
        scope: 'read',
        token_type: 'Bearer',
      };
      expect(body).toEqual({ ...said, sub, exp, iat, jti });
    }
    expect(sub).not.toBe(user.id);
  });

  test('works for a client that acts for itself', async () => {
    const parameters = { grant_type: 'client_credentials', resource: jwtApi };
    const { body } = await post(`${latchkey.base}/oidc/token`, resource, parameters);
    expect((await introspect(body.access_token, resource)).body).toMatchObject({ active: true, aud: jwtApi });
  });

  test.each<[string, (person: TestUser, token: string) => Promise<unknown>]>([
    ['the person was disabled', (person) => latchkey.run('users.disable', { user_id: person.id })],
    ['everything of the person was ended', (person) => latchkey.run('users.sessions.end_all', { user_id: person.id })],
  ])('it is inactive when %s', async (_what, end) => {
    const person = await latchkey.user();
    const token = await jwtToken(person);
    expect((await introspect(token, resource)).body['active']).toBe(true);
    await end(person, token);
    expect((await introspect(token, resource)).body).toEqual({ active: false });
  });

  test('it is inactive when its client is disabled', async () => {
    const gone = await latchkey.client({ first_party: true, apis: { [jwtApi]: ['*'] } });
    const token = await jwtToken(user, gone);
    await latchkey.run('clients.disable', { client_id: gone.client_id });
    expect((await introspect(token, resource)).body).toEqual({ active: false });
  });

  test('it stays active after a rotation of the keys, until its expiry', async () => {
    const token = await jwtToken();
    await latchkey.run('keys.rotate');
    expect((await introspect(token, resource)).body['active']).toBe(true);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 601_000 });
    expect((await introspect(token, resource)).body).toEqual({ active: false });
    vi.useRealTimers();
  });

  test('a changed or forged JWT, or one of another issuer or API, is inactive', async () => {
    const token = await jwtToken();
    const [head = '', body = '', signature = ''] = token.split('.');
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const changed = `${head}.${encode({ ...decodeJwt(token), scope: 'read write' })}.${signature}`;
    const unsigned = `${encode({ alg: 'none', typ: 'at+jwt' })}.${body}.`;
    const { id_token: id } = await tokens();
    for (const text of [changed, unsigned, `${head}.${body}.${'A'.repeat(86)}`, id, `~jwt:${id}`])
      expect((await introspect(text, resource)).body['active'] ?? false).toBe(false);
    expect((await introspect(token, server)).body).toEqual({ active: false });
    expect((await introspect(token, evil)).body).toEqual({ active: false });
  });

  test('the mark of such a token opens nothing elsewhere', async () => {
    const token = `~jwt:${await jwtToken()}`;
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
  });
});

describe('signed introspection (RFC 9701)', () => {
  let signing: TestClient;
  beforeAll(async () => {
    signing = await latchkey.run('clients.create', {
      name: 'Signed API',
      type: 'machine',
      apis: { [api]: ['*'] },
      introspection_signed_response_alg: 'PS256',
    });
  });

  async function signed(token: string): Promise<{ type: string | null; jwt: string }> {
    const answer = await fetch(`${latchkey.base}/oidc/introspect`, {
      method: 'POST',
      headers: { accept: JWT, authorization: `Basic ${btoa(`${signing.client_id}:${signing.client_secret}`)}` },
      body: new URLSearchParams({ token }),
    });
    return { type: answer.headers.get('content-type'), jwt: await answer.text() };
  }

  test('the response is a JWT of its own type for the caller only (§5)', async () => {
    const { type, jwt } = await signed(await apiToken());
    expect(type).toContain(JWT);
    const { payload, protectedHeader } = await jwtVerify(
      jwt,
      createRemoteJWKSet(new URL(`${latchkey.base}/oidc/jwks`)),
      { issuer: latchkey.base, audience: signing.client_id, typ: 'token-introspection+jwt' },
    );
    expect(protectedHeader.alg).toBe('PS256');
    expect(payload['token_introspection']).toMatchObject({ active: true, aud: api, sub: user.id });
    expect(payload.sub ?? payload.exp).toBeUndefined();
  });

  test('a token of another API is signed as inactive, with no other member (§5)', async () => {
    const { access_token: token } = await tokens();
    for (const text of [token, 'made-up']) {
      const { jwt } = await signed(text);
      expect(decodeJwt(jwt)['token_introspection']).toEqual({ active: false });
      expect(jwt).not.toContain(user.id);
    }
  });

  test('JSON is still available', async () => {
    expect((await introspect('made-up', signing)).body).toEqual({ active: false });
  });
});

describe('revocation (RFC 7009)', () => {
  test('ends an access token, and the refresh token of its grant (§2.1)', async () => {
    const { access_token: access, refresh_token: refresh } = await tokens();
    expect((await revoke(access, client)).status).toBe(200);
    expect((await introspect(access, client)).body).toEqual({ active: false });
    const answer = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'refresh_token',
      refresh_token: refresh,
    });
    expect(answer.body.error).toBe('invalid_grant');
  });

  test('ends a refresh token with the access tokens of its grant (§2.1)', async () => {
    const { access_token: access, refresh_token: refresh } = await tokens();
    expect((await revoke(refresh, client, { token_type_hint: 'refresh_token' })).status).toBe(200);
    expect((await introspect(refresh, client)).body).toEqual({ active: false });
    expect((await introspect(access, client)).body).toEqual({ active: false });
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${access}` } });
    expect(answer.status).toBe(401);
  });

  test('ends a token with a wrong hint (§2.1)', async () => {
    const { refresh_token: refresh } = await tokens();
    await revoke(refresh, client, { token_type_hint: 'access_token' });
    expect((await introspect(refresh, client)).body).toEqual({ active: false });
  });

  test('ends a token of client credentials', async () => {
    const { body } = await post(`${latchkey.base}/oidc/token`, server, { grant_type: 'client_credentials' });
    await revoke(body.access_token, server);
    expect((await introspect(body.access_token, server)).body).toEqual({ active: false });
  });

  test('ends the token of a public client', async () => {
    const spa = await latchkey.client({ type: 'spa', first_party: true });
    const { access_token: token } = await tokensFor(latchkey.base, spa, user);
    expect((await revoke(token, { ...spa, client_secret: '' })).status).toBe(200);
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
  });

  test('gives the same response for an unknown, used or foreign token, and ends no foreign one (§2.2)', async () => {
    const { access_token: access, refresh_token: refresh } = await tokens();
    const answers = [];
    for (const token of [access, refresh, 'made-up', 'ü'.repeat(100)]) answers.push(await revoke(token, evil));
    answers.push(await revoke(await apiToken(), server));
    expect(new Set(answers.map(({ status, body }) => `${status} ${String(body['text'])}`))).toEqual(new Set(['200 ']));
    expect((await introspect(access, client)).body['active']).toBe(true);
    expect((await introspect(refresh, client)).body['active']).toBe(true);
  });

  test.each<[string, () => Promise<TokenAnswer>, number, string]>([
    ['a wrong secret', () => revoke('x', { ...client, client_secret: 'y'.repeat(43) }), 401, 'invalid_client'],
    ['no token', () => revoke('', client), 400, 'invalid_request'],
  ])('%s is refused', async (_what, ask, status, error) => {
    const answer = await ask();
    expect([answer.status, answer.body.error]).toEqual([status, error]);
  });
});
