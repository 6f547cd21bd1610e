import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { decodeJwt, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { startLogoutListener, type LogoutListener } from '../support/logout-listener.ts';
import { proofFor, proofKey } from '../support/proof.ts';
import { authorizeUrl, pkce, post, tokensFor, type TokenAnswer, Visitor } from '../support/visitor.ts';

const api = 'https://api.example';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'ES256' } as JWK] };

const kinds = [
  'access token',
  'access token for an API',
  'JWT access token',
  'client credentials token',
  'refresh token',
  'ID token',
  'authorization code',
  'logout token',
  'client assertion',
  'DPoP proof',
  'signed userinfo answer',
  'session cookie',
  'client secret',
] as const;
type Kind = (typeof kinds)[number];

const goodbye = 'https://shop.example/bye';

let latchkey: TestApp;
let listener: LogoutListener;
let client: TestClient;
let user: TestUser;
const minted = {} as Record<Kind, string>;
const assertion = (audience: string): Promise<string> =>
  new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setIssuer(client.client_id)
    .setSubject(client.client_id)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(privateKey);
async function authenticated(parameters: Record<string, string>, path = '/oidc/token'): Promise<TokenAnswer> {
  const proof = { client_assertion_type: ASSERTION, client_assertion: await assertion(latchkey.base) };
  return post(
    `${latchkey.base}${path}`,
    { client_id: client.client_id, client_secret: '' },
    { ...proof, ...parameters },
  );
}
async function signIn(visitor: Visitor, extra: Record<string, string> = {}): Promise<Record<string, string>> {
  const { verifier, challenge } = pkce();
  const asked = { code_challenge: challenge, scope: 'openid offline_access read', prompt: 'consent', ...extra };
  const code = (await visitor.signIn(authorizeUrl(latchkey.base, client, asked), user)).get('code') ?? '';
  return {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirect_uris[0] ?? '',
    code_verifier: verifier,
  };
}

beforeAll(async () => {
  latchkey = await startTestApp({
    env: { OUTBOUND_ALLOW: '127.0.0.0/8' },
    settings: { 'limits.clientFailuresPerAddress': 10_000 },
  });
  listener = await startLogoutListener();
  await latchkey.run('apis.create', { identifier: api, scopes: [{ name: 'read' }] });
  await latchkey.run('apis.create', {
    identifier: `${api}/opaque`,
    scopes: [{ name: 'read' }],
    token_format: 'opaque',
  });
  client = await latchkey.client({
    first_party: true,
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks,
    apis: { [api]: ['*'], [`${api}/opaque`]: ['*'] },
    backchannel_logout_uri: `${listener.url}/bye`,
    post_logout_redirect_uris: [goodbye],
    userinfo_signed_response_alg: 'RS256',
  });
  user = await latchkey.user();

  const gone = new Visitor();
  const { body: over } = await authenticated(await signIn(gone));
  await gone.open(`${latchkey.base}/oidc/logout?id_token_hint=${over.id_token}`);
  await listener.waitFor(1);

  const visitor = new Visitor();
  const { body } = await authenticated(await signIn(visitor));
  const forApis = await authenticated(await signIn(visitor, { resource: api }));
  const opaque = await authenticated(await signIn(visitor, { resource: `${api}/opaque` }));
  const apiToken = (answer: TokenAnswer, resource: string) =>
    authenticated({ grant_type: 'refresh_token', refresh_token: answer.body.refresh_token, resource });
  const web = await latchkey.client();
  const answer = await fetch(`${latchkey.base}/oidc/userinfo`, {
    headers: { authorization: `Bearer ${body.access_token}` },
  });
  Object.assign(minted, {
    'access token': body.access_token,
    'access token for an API': (await apiToken(opaque, `${api}/opaque`)).body.access_token,
    'JWT access token': (await apiToken(forApis, api)).body.access_token,
    'client credentials token': (await authenticated({ grant_type: 'client_credentials' })).body.access_token,
    'refresh token': body.refresh_token,
    'ID token': body.id_token,
    'authorization code': (await signIn(visitor))['code'],
    'logout token': listener.received[0]?.get('logout_token') ?? undefined,
    'client assertion': await assertion(latchkey.base),
    'DPoP proof': await proofFor(await proofKey(), 'GET', `${latchkey.base}/oidc/userinfo`),
    'signed userinfo answer': await answer.text(),
    'session cookie': visitor.jar.get('/ latchkey-session')?.value,
    'client secret': web.client_secret,
  } satisfies Record<Kind, string | undefined>);
});
afterAll(async () => {
  await latchkey.close();
  await listener.close();
});

test('each kind is issued', () => {
  for (const kind of kinds) expect(minted[kind], kind).toMatch(/^\S{20,}$/);
  expect(decodeJwt(minted['logout token'])).toMatchObject({ iss: latchkey.base, aud: client.client_id, sub: user.id });
});

/** Where a token is shown, what is right there, and whether it was taken. */
const doors: readonly [string, readonly Kind[], (token: string) => Promise<boolean>][] = [
  [
    'introspection',
    ['access token', 'access token for an API', 'JWT access token', 'client credentials token', 'refresh token'],
    async (token) => (await authenticated({ token }, '/oidc/introspect')).body['active'] === true,
  ],
  [
    'userinfo',
    ['access token'],
    async (token) =>
      (await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status < 400,
  ],
  [
    'the sign-out as a hint',
    ['ID token'],
    async (token) => {
      const asked = new URLSearchParams({ id_token_hint: token, post_logout_redirect_uri: goodbye });
      return (await new Visitor().open(`${latchkey.base}/oidc/logout?${asked.toString()}`)).location === goodbye;
    },
  ],
  [
    'the authorization endpoint as a hint',
    ['ID token'],
    async (token) => {
      const asked = { code_challenge: pkce().challenge, id_token_hint: token };
      const page = await new Visitor().open(authorizeUrl(latchkey.base, client, asked));
      return page.location === null && page.status === 200;
    },
  ],
  [
    'the token endpoint as a refresh token',
    ['refresh token'],
    async (token) => (await authenticated({ grant_type: 'refresh_token', refresh_token: token })).status === 200,
  ],
  [
    'the token endpoint as a device code',
    [],
    async (token) =>
      (await authenticated({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: token }))
        .status === 200,
  ],
  [
    'the token endpoint as a client assertion',
    ['client assertion'],
    async (token) =>
      (
        await post(
          `${latchkey.base}/oidc/token`,
          { client_id: client.client_id, client_secret: '' },
          { grant_type: 'client_credentials', client_assertion_type: ASSERTION, client_assertion: token },
        )
      ).status === 200,
  ],
  [
    'the browser as a session',
    ['session cookie'],
    async (token) => {
      const url = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'none' });
      const page = await new Visitor().request(url, { headers: { cookie: `latchkey-session=${token}` } });
      return new URL(page.location ?? '').searchParams.has('code');
    },
  ],
];

/** A signed answer of userinfo has no type of its own and says the same about the same person, so that as a hint it may pass. */
const mayPass = (kind: Kind, door: string): boolean => kind === 'signed userinfo answer' && door.endsWith('as a hint');
// The cookie is signed, so that its value alone opens nothing either.
const neverAlone: ReadonlySet<string> = new Set(['session cookie']);

describe.each(doors)('at %s', (door, right, isTaken) => {
  const wrong = kinds.filter((kind) => (!right.includes(kind) && !mayPass(kind, door)) || neverAlone.has(kind));
  test.each(wrong)('a %s is refused (RFC 8725 §3.12)', async (kind) => {
    expect(await isTaken(minted[kind])).toBe(false);
  });
  test.each(right.filter((kind) => !neverAlone.has(kind)))('a %s is accepted', async (kind) => {
    expect(await isTaken(minted[kind])).toBe(true);
  });
});

test('a code is not accepted as another kind, and still works once for its own client', async () => {
  const exchange = await signIn(new Visitor());
  expect((await authenticated({ token: exchange['code'] ?? '' }, '/oidc/introspect')).body).toEqual({ active: false });
  await authenticated({ token: exchange['code'] ?? '' }, '/oidc/revoke');
  expect((await authenticated(exchange)).status).toBe(200);
});

test('tokens of users have the signed-in user, whatever a caller adds', async () => {
  const plain = await latchkey.client({ first_party: true });
  const { id_token: token } = await tokensFor(latchkey.base, plain, user, { login_hint: 'other@else.example' });
  expect(decodeJwt(token).sub).toBe(user.id);
});
