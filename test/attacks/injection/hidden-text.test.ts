/**
 * JSON inside of something else (a parameter, a JWT, a key) can hold what no form can: NUL, halves of characters, any
 * depth. PostgreSQL keeps none of the first two, so wherever such text came through it was a fault.
 */
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redirectUri, startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k' };

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'oidc.registration': 'open' } });
  client = await latchkey.client({
    jwks: { keys: [jwk] },
    request_object_signing_alg: 'ES256',
    first_party: true,
  });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
/** Written as JSON escapes: there is nothing in the address that the edge could object to. */
const hidden = {
  'NUL in a name': '{"a\\u0000":null}',
  'NUL in a value': '{"email":{"value":"\\u0000"}}',
  'NUL in a list': '{"email":{"values":["a",["\\u0000"]]}}',
  'half a character in a name': '{"a\\ud800b":null}',
  'half a character in a value': '{"email":{"value":"\\udfff"}}',
  'a depth that nobody means': `{"email":{"x":${nested(200)}}}`,
};

function requestObject(claims: Record<string, unknown>): Promise<string> {
  return new SignJWT({
    iss: client.client_id,
    aud: latchkey.base,
    client_id: client.client_id,
    exp: Math.floor(Date.now() / 1000) + 200,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email',
    code_challenge: pkce().challenge,
    code_challenge_method: 'S256',
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .sign(privateKey);
}

/** Goes as far as it is let: what is stored with a code is stored at the end. */
async function walk(extra: Record<string, string | undefined>): Promise<Page> {
  const visitor = new Visitor();
  let page = await visitor.open(
    authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, scope: 'openid email', ...extra }),
  );
  if (page.location || page.status >= 400) return page;
  page = await visitor.submit(page, { email: user.email });
  return visitor.submit(page, { password: user.password });
}

const errorOf = ({ location }: Page): string | null => location && new URL(location).searchParams.get('error');

describe('the parameter claims (OpenID Connect Core §5.5)', () => {
  describe.each(['id_token', 'userinfo'])('%s', (place) => {
    test.each(Object.entries(hidden))('%s is a bad request', async (_what, json) => {
      const page = await walk({ claims: `{"${place}":${json}}` });
      expect([page.status, errorOf(page)]).toEqual([303, 'invalid_request']);
    });
  });

  test.each(Object.entries(hidden))('pushed: %s is a bad request', async (_what, json) => {
    const { status, body } = await post(`${latchkey.base}/oidc/par`, client, {
      client_id: client.client_id,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
      claims: `{"id_token":${json}}`,
    });
    expect([status, body.error]).toEqual([400, 'invalid_request']);
  });

  test.each([
    '{"userinfo":{"__proto__":{"essential":true},"constructor":null,"toString":{"value":1}}}',
    '{"__proto__":{"email":null},"id_token":{"email":null}}',
    '{"constructor":{"prototype":{"admin":true}},"id_token":{"acr":{"values":[null,{}]}}}',
    '{"id_token":{"auth_time":{"value":"x","essential":true},"amr":{"values":{"length":3}}}}',
  ])('%s requests no known claim', async (claims) => {
    const page = await walk({ claims });
    expect(new URL(page.location ?? '').searchParams.get('code')).toMatch(/^lk_ac_/);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });
});

const objects: Record<string, Record<string, unknown>> = {
  'NUL in state': { state: 'a\0b' },
  'NUL in nonce': { nonce: '\0' },
  'half a character in state': { state: '\ud800' },
  'half a character in nonce': { nonce: 'x\udc00' },
  'NUL in login_hint': { login_hint: '\0@example.com' },
  'NUL in ui_locales': { ui_locales: 'de \0' },
  'NUL in acr_values': { acr_values: '\0' },
  'NUL in dpop_jkt': { dpop_jkt: '\0' },
  'NUL in a member that nobody knows': { whatever: { deep: ['\0'] } },
  'NUL in claims': { claims: { id_token: { 'a\0': null } } },
  'half a character in claims': { claims: { userinfo: { email: { value: '\ud800' } } } },
  'a depth that nobody means': { claims: { id_token: { email: { x: JSON.parse(nested(500)) as unknown } } } },
  'what cannot become text': { state: { toString: 'x', valueOf: 1 } },
  'what cannot become text, in a member that few know': { acr_values: { toString: null, valueOf: null } },
};

describe('signed requests (RFC 9101)', () => {
  test.each(Object.entries(objects))('%s is a bad request, reported only to the browser', async (_what, claims) => {
    const page = await walk({ request: await requestObject(claims), state: undefined });
    expect([page.status, page.location]).toEqual([400, null]);
    expect(page.text).toContain('oidc.request_unreadable');
  });

  test.each([['/oidc/par'], ['/oidc/device/auth']])('at %s they are bad requests', async (path) => {
    for (const [what, claims] of Object.entries(objects)) {
      const { status, body } = await post(`${latchkey.base}${path}`, client, { request: await requestObject(claims) });
      expect([what, status, body.error]).toEqual([what, 400, 'invalid_request']);
    }
  });

  test('escapes in the name of the parameter hide nothing', async () => {
    const { client_id, client_secret } = client;
    const answer = await fetch(`${latchkey.base}/oidc/par`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`,
      },
      body: `%72eques%74=${await requestObject({ nonce: '\0' })}`,
    });
    expect(answer.status).toBe(400);
  });

  test.each([{ state: { a: 1 } }, { nonce: 5 }])('%j is refused, because it is not text', async (claims) => {
    const page = await walk({ request: await requestObject(claims), state: undefined });
    expect([page.status, errorOf(page)]).toEqual([303, 'invalid_request_object']);
  });

  test('readable text is accepted', async () => {
    const page = await walk({
      request: await requestObject({ state: 'é\u2028', whatever: { a: [{}] } }),
      state: undefined,
    });
    expect(new URL(page.location ?? '').searchParams.get('state')).toBe('é\u2028');
  });
});

describe('registration (RFC 7591)', () => {
  test.each([
    ['a key', { jwks: { keys: [{ ...jwk, 'a\ud800': 1 }] } }],
    ['the name', { client_name: '\udc00' }],
    ['a member that nobody knows', { 'x\ud800': [{ 'y\udfff': '' }] }],
  ])('half a surrogate pair in %s is a bad request', async (_what, member) => {
    const answer = await fetch(`${latchkey.base}/oidc/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['https://rp.example/cb'], ...member }),
    });
    expect(answer.status).toBe(400);
  });
});
