/** Every place that takes a JWT from a stranger, and JWTs that no library would make: none is a fault, and none is taken. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redirectUri, startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor } from '../../support/visitor.ts';

let latchkey: TestApp;
let web: TestClient;
let robot: TestClient;
let user: TestUser;
let accessToken = '';

const keys = {
  keys: [
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
  ],
};

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.clientFailuresPerAddress': 100_000 } });
  web = await latchkey.client({ jwks: keys });
  robot = await latchkey.client({ token_endpoint_auth_method: 'private_key_jwt', jwks: keys });
  user = await latchkey.user();
  accessToken = (await tokensFor(latchkey.base, web, user)).access_token;
});
afterAll(() => latchkey.close());

const part = (text: string): string => Buffer.from(text).toString('base64url');
const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

const values = ['null', '[]', '5', '"text"', 'true', '{}', '{', '', '\0', '{"__proto__":{"alg":"none"}}', '[[[[]]]]'];
const headers = [
  ...values,
  ...['none', 'None', 'HS256', 'ES256', 'dir', '__proto__', 'constructor', ''].map((alg) => JSON.stringify({ alg })),
  '{"alg":{"toString":1}}',
  '{"alg":["ES256"]}',
  '{"alg":"ES256","kid":{"toString":1}}',
  '{"alg":"ES256","kid":"../../dev/null"}',
  '{"alg":"ES256","typ":{"toString":1}}',
  '{"alg":"ES256","crit":["exp"],"b64":false}',
  '{"alg":"ES256","typ":"dpop+jwt","jwk":null}',
  '{"alg":"ES256","typ":"dpop+jwt","jwk":{}}',
  '{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}',
  '{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":{"toString":1}}}',
  '{"alg":"EdDSA","typ":"dpop+jwt","jwk":{"kty":"OKP","crv":"__proto__","x":"AA"}}',
  '{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"oct","k":"AA"}}',
];
const odd = '{"toString":1,"valueOf":1}';
const payloads = [
  ...values,
  `{"state":${odd}}`,
  `{"client_id":${odd}}`,
  `{"redirect_uri":${odd},"response_mode":${odd}}`,
  `{"response_type":${odd}}`,
  `{"resource":[${odd}]}`,
  `{"claims":${nested(3000)}}`,
  `{"nonce":${nested(3000)}}`,
  `{"iss":${odd},"aud":${odd},"sub":${odd},"exp":${odd},"iat":${odd},"nbf":${odd},"jti":${odd}}`,
  '{"aud":[null,{}],"exp":1e400,"iat":-1,"nbf":"x","jti":[]}',
  `{"htm":${odd},"htu":${odd},"ath":${odd},"nonce":${odd}}`,
  '{"aud":"\\u0000"}',
  '{"aud":"\\ud800"}',
  '{"aud":["\\u0000"]}',
  '{"aud":{"length":1}}',
  '{"aud":5}',
  `{"aud":"${'x'.repeat(3000)}"}`,
  '{"sub":"\\u0000","jti":"\\u0000","iss":"\\ud800","exp":9999999999}',
];

const shapes = [
  ...headers.map((header) => `${part(header)}.${part('{}')}.AAAA`),
  ...payloads.flatMap((payload) => [
    `${part('{"alg":"ES256"}')}.${part(payload)}.${part('x'.repeat(64))}`,
    `${part('{"alg":"none"}')}.${part(payload)}.`,
    `${part(`{"alg":"ES256","typ":"dpop+jwt","jwk":${JSON.stringify(keys.keys[0])}}`)}.${part(payload)}.${part('x'.repeat(64))}`,
  ]),
  '..',
  '.',
  '....',
  'a.b.c.d.e',
  `${part('{"alg":"dir","enc":"A128GCM","zip":"DEF"}')}..AAAA.AAAA.AAAA`,
  `${part('{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000,"p2s":"AA"}')}.AA.AA.AA.AA`,
  `${part('{"alg":"RSA-OAEP-256","enc":"A128GCM"}')}.AA.AA.AA.AA`,
  part('{"alg":"ES256"}').concat('=.=.='),
];

type Place = (jwt: string) => Promise<{ status: number; text: string }>;

const get = async (parameters: Record<string, string | undefined>) => {
  const answer = await fetch(authorizeUrl(latchkey.base, web, { code_challenge: pkce().challenge, ...parameters }), {
    redirect: 'manual',
  });
  return { status: answer.status, text: (await answer.text()) + (answer.headers.get('location') ?? '') };
};
const ask = async (path: string, parameters: Record<string, string>, headersOf: Record<string, string> = {}) => {
  const { status, body } = await post(`${latchkey.base}${path}`, web, parameters, headersOf);
  return { status, text: JSON.stringify(body) };
};
const asRobot = async (path: string, jwt: string) => {
  const { status, body } = await post(
    `${latchkey.base}${path}`,
    { client_id: robot.client_id, client_secret: '' },
    {
      grant_type: 'authorization_code',
      code: 'x',
      token: 'x',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: jwt,
    },
  );
  return { status, text: JSON.stringify(body) };
};

const places: Record<string, Place> = {
  'request at the authorization endpoint': (jwt) => get({ request: jwt }),
  'request alone at the authorization endpoint': (jwt) =>
    get({ request: jwt, redirect_uri: undefined, response_type: undefined, state: undefined }),
  'request, pushed': (jwt) => ask('/oidc/par', { request: jwt }),
  'id_token_hint at the authorization endpoint': (jwt) => get({ id_token_hint: jwt }),
  'id_token_hint at the end of a session': async (jwt) => {
    const answer = await fetch(`${latchkey.base}/oidc/logout?id_token_hint=${encodeURIComponent(jwt)}`);
    return { status: answer.status, text: await answer.text() };
  },
  'client_assertion at the token endpoint': (jwt) => asRobot('/oidc/token', jwt),
  'client_assertion at the pushed authorization endpoint': (jwt) => asRobot('/oidc/par', jwt),
  'client_assertion at introspection': (jwt) => asRobot('/oidc/introspect', jwt),
  'a DPoP proof at the token endpoint': (jwt) =>
    ask('/oidc/token', { grant_type: 'authorization_code', code: 'x', redirect_uri: redirectUri }, { dpop: jwt }),
  'a DPoP proof at userinfo': async (jwt) => {
    const headersOf = { authorization: `DPoP ${accessToken}`, dpop: jwt };
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: headersOf });
    return { status: answer.status, text: await answer.text() };
  },
  'an access token at userinfo': async (jwt) => {
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${jwt}` } });
    return { status: answer.status, text: await answer.text() };
  },
  'a code at the token endpoint': (jwt) =>
    ask('/oidc/token', { grant_type: 'authorization_code', code: jwt, redirect_uri: redirectUri, code_verifier: 'x' }),
  'a refresh token at the token endpoint': (jwt) =>
    ask('/oidc/token', { grant_type: 'refresh_token', refresh_token: jwt }),
};

describe.each(Object.entries(places))('%s', (_where, show) => {
  test('is refused and causes no fault', async () => {
    for (const jwt of shapes) {
      const { status, text } = await show(jwt);
      expect(status, jwt).toBeLessThan(500);
      expect(text, jwt).not.toMatch(/server_error|[?&]code=|"access_token"|\bat [^ ]+ \(|node_modules/);
      if (status < 303) expect(text, jwt).not.toContain('name="email"');
    }
  });
});

test('introspection and revocation recognize none of them', async () => {
  for (const jwt of shapes) {
    // The engine tells a caller that it keeps no JWTs; it says so of every one alike.
    expect((await ask('/oidc/introspect', { token: jwt })).text, jwt).toMatch(
      /^(\{"active":false\}|\{"error":"(unsupported_token_type|invalid_request)".*\})$/,
    );
    expect((await ask('/oidc/revoke', { token: jwt })).status, jwt).toBeLessThan(401);
  }
});
