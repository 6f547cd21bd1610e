/** FAPI 1.0 Part 2: Advanced, as a profile of a client on an instance that allows no other client more than codes. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet, type JWK, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { assertionParameters, createSigner, requestObject, type Signer } from '../support/signer.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, type TokenAnswer, Visitor } from '../support/visitor.ts';

const pem = (name: string) => readFileSync(join(import.meta.dirname, '../support/certificates', `${name}.pem`), 'utf8');
const HEADER = 'x-ssl-client-cert';
const shows = (name: string) => ({
  [HEADER]: encodeURIComponent(pem(name)),
  'x-ssl-client-verify': name === 'client' ? 'SUCCESS' : 'FAILED',
});
const selfKey = (): JWK => {
  const { publicKey, raw } = new X509Certificate(pem('self'));
  return { ...(publicKey.export({ format: 'jwk' }) as JWK), x5c: [raw.toString('base64')] };
};

const redirectUri = 'https://bank.example/cb';
const now = (): number => Math.floor(Date.now() / 1000);
const hybridMembers = {
  response_types: ['code id_token', 'code'],
  grant_types: ['authorization_code', 'implicit', 'refresh_token'],
};

let latchkey: TestApp;
let signer: Signer;
let user: TestUser;
let keys: ReturnType<typeof createLocalJWKSet>;
const by = {} as Record<'key' | 'named' | 'selfSigned' | 'jarm' | 'plain', TestClient>;
const signedIn = new Visitor();
const bank = (): Record<string, unknown> => ({
  profile: 'fapi1_advanced',
  first_party: true,
  redirect_uris: [redirectUri],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: signer.jwks,
});
let asks = 0;
const discovery = async () =>
  // With a query, so that it is made now.
  (await (await fetch(`${latchkey.base}/.well-known/openid-configuration?${++asks}`)).json()) as Record<
    string,
    string[]
  >;
let before: Record<string, string[]>;
beforeAll(async () => {
  latchkey = await startTestApp({ env: { TRUSTED_PROXIES: '127.0.0.1', CLIENT_CERT_HEADER: HEADER } });
  before = await discovery();
  signer = await createSigner('PS256');
  by.plain = await latchkey.client({ first_party: true, redirect_uris: [redirectUri] });
  by.jarm = await latchkey.client(bank());
  by.key = await latchkey.client({ ...bank(), ...hybridMembers });
  by.named = await latchkey.client({
    ...bank(),
    ...hybridMembers,
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_san_dns: 'localhost',
  });
  by.selfSigned = await latchkey.client({
    ...bank(),
    ...hybridMembers,
    token_endpoint_auth_method: 'self_signed_tls_client_auth',
    jwks: { keys: [...signer.jwks.keys, selfKey()] },
    request_object_signing_alg: 'PS256',
  });
  user = await latchkey.user();
  await signedIn.signIn(authorizeUrl(latchkey.base, by.plain, { code_challenge: pkce().challenge }), user);
  keys = createLocalJWKSet((await (await fetch(`${latchkey.base}/oidc/jwks`)).json()) as JSONWebKeySet);
});
afterAll(() => latchkey.close());

type Claims = Record<string, unknown>;
const asked = (claims: Claims = {}): Claims => ({
  response_type: 'code id_token',
  redirect_uri: redirectUri,
  scope: 'openid',
  state: 'st&te',
  nonce: 'no',
  ...claims,
});
const signed = (client: TestClient, claims: Claims = {}, header?: Claims): Promise<string> =>
  requestObject(signer, client.client_id, latchkey.base, asked(claims), header);
async function ask(client: TestClient, claims: Claims = {}, outside: Record<string, string> = {}): Promise<Page> {
  const { response_type = 'code id_token' } = claims;
  const request = await signed(client, claims);
  const given = {
    client_id: client.client_id,
    response_type: String(response_type),
    scope: 'openid',
    request,
    ...outside,
  };
  return signedIn.request(`${latchkey.base}/oidc/auth?${new URLSearchParams(given).toString()}`);
}
const part = (page: Page, from: 'hash' | 'search'): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(new URL(page.location ?? 'x:')[from].slice(1)));
/** An error may come in the fragment, in the query, in a signed answer or on a page of ours. */
function refusal(page: Page): string {
  const { error, response } = { ...part(page, 'hash'), ...part(page, 'search') };
  const signedError = response === undefined ? undefined : decodeJwt(response)['error'];
  return String(error ?? signedError ?? /invalid_\w+/.exec(page.text)?.[0]);
}

type Proof = { certificate?: 'client' | 'self' | null; claims?: Claims };
async function redeem(
  client: TestClient,
  code: string,
  { certificate = 'client', claims = {} }: Proof = {},
  verifier?: string,
) {
  const authenticated =
    client['token_endpoint_auth_method'] === 'private_key_jwt'
      ? await assertionParameters(signer, client.client_id, latchkey.base, claims)
      : {};
  return post(
    `${latchkey.base}/oidc/token`,
    { client_id: client.client_id, client_secret: '' },
    {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      ...authenticated,
      ...(verifier === undefined ? {} : { code_verifier: verifier }),
    },
    certificate === null ? {} : shows(certificate),
  );
}
const half = (text: string): string => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');
const userinfo = (token: string, headers: Record<string, string>) =>
  fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}`, ...headers } });

describe('§5.2.2.1 ID Token as detached signature', () => {
  test('1 to 5: the answer in the fragment is signed by an ID token with c_hash and s_hash', async () => {
    const page = await ask(by.key);
    expect(new URL(page.location ?? 'x:').search).toBe('');
    const answer = part(page, 'hash');
    expect(Object.keys(answer).toSorted()).toEqual(['code', 'id_token', 'iss', 'state']);
    const { payload, protectedHeader } = await jwtVerify(answer['id_token'] ?? '', keys, {
      issuer: latchkey.base,
      audience: by.key.client_id,
    });
    expect(protectedHeader.alg).toBe('PS256');
    expect(payload).toMatchObject({ nonce: 'no', c_hash: half(answer['code'] ?? ''), s_hash: half('st&te') });
  });

  test('5: without a state there is no s_hash', async () => {
    const answer = part(await ask(by.key, { state: undefined }), 'hash');
    expect(decodeJwt(answer['id_token'] ?? '')).not.toHaveProperty('s_hash');
    expect(answer).not.toHaveProperty('state');
  });

  test('6: the ID token has no claims about the user but sub', async () => {
    const answer = part(await ask(by.key, { scope: 'openid email profile' }), 'hash');
    expect(Object.keys(decodeJwt(answer['id_token'] ?? ''))).not.toContain('email');
  });

  test('the ID token comes by form_post as well', async () => {
    const fields = formsOf(await ask(by.key, { response_mode: 'form_post' }))[0]?.fields ?? {};
    expect(decodeJwt(String(fields['id_token']))).toMatchObject({ s_hash: half('st&te') });
    expect(fields['iss']).toBe(latchkey.base);
  });

  test.each(['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'])(
    'the whole flow with %s: code, bound token, userinfo, refresh (§5.2.2-5, 6 and 14)',
    async (method) => {
      const client = { private_key_jwt: by.key, tls_client_auth: by.named, self_signed_tls_client_auth: by.selfSigned }[
        method
      ]!;
      const certificate = method === 'self_signed_tls_client_auth' ? 'self' : 'client';
      const { status, body } = await redeem(client, part(await ask(client), 'hash')['code'] ?? '', { certificate });
      expect([status, body['token_type']]).toEqual([200, 'Bearer']);
      expect(decodeProtectedHeader(body.id_token).alg).toBe('PS256');
      expect((await userinfo(body.access_token, shows(certificate))).status).toBe(200);
      expect((await userinfo(body.access_token, {})).status).toBe(401);
      expect((await userinfo(body.access_token, shows(certificate === 'self' ? 'client' : 'self'))).status).toBe(401);
    },
  );
});

describe('§5.2.2.2 JARM', () => {
  test('1: code with response_mode jwt is answered by a signed JWT alone', async () => {
    for (const client of [by.jarm, by.key]) {
      const answer = part(await ask(client, { response_type: 'code', response_mode: 'jwt' }), 'search');
      expect(Object.keys(answer)).toEqual(['response']);
      const { payload, protectedHeader } = await jwtVerify(answer['response'] ?? '', keys, {
        issuer: latchkey.base,
        audience: client.client_id,
      });
      expect(protectedHeader.alg).toBe('PS256');
      expect(payload).toMatchObject({ code: expect.any(String), state: 'st&te' });
      expect((await redeem(client, String(payload['code']))).status).toBe(200);
    }
  });

  test('errors are signed as well', async () => {
    const answer = part(
      await ask(by.jarm, { response_type: 'code', response_mode: 'jwt', prompt: 'none', max_age: 0 }),
      'search',
    );
    expect((await jwtVerify(answer['response'] ?? '', keys)).payload).toMatchObject({ error: 'login_required' });
  });
});

describe('§5.2.2 Authorization server', () => {
  const refusedRequests: [string, () => TestClient, Claims][] = [
    ['2: code in the query', () => by.jarm, { response_type: 'code' }],
    ['2: code in the query, asked for', () => by.jarm, { response_type: 'code', response_mode: 'query' }],
    ['2: code in the query, of a hybrid client', () => by.key, { response_type: 'code' }],
    ['2: code by form_post', () => by.key, { response_type: 'code', response_mode: 'form_post' }],
    ['2: code in the fragment', () => by.key, { response_type: 'code', response_mode: 'fragment' }],
    ['2: code id_token in the query', () => by.key, { response_mode: 'query' }],
    ['2: code id_token of a client for codes', () => by.jarm, {}],
    ['2: code id_token token', () => by.key, { response_type: 'code id_token token' }],
    ['2: code token', () => by.key, { response_type: 'code token' }],
    ['2: id_token', () => by.key, { response_type: 'id_token' }],
    ['no nonce with openid', () => by.key, { nonce: undefined }],
    ['no nonce with openid, by JARM', () => by.jarm, { response_type: 'code', response_mode: 'jwt', nonce: undefined }],
    ['13: no exp', () => by.key, { exp: undefined }],
    ['13: an exp 61 minutes after nbf', () => by.key, { exp: now() + 61 * 60 }],
    ['13: an exp that has passed', () => by.key, { nbf: now() - 120, exp: now() - 60 }],
    ['15: no aud', () => by.key, { aud: undefined }],
    ['15: another aud', () => by.key, { aud: 'https://other.example' }],
    ['15: a list of others', () => by.key, { aud: ['https://other.example'] }],
    ['17: no nbf', () => by.key, { nbf: undefined }],
    ['17: an nbf 61 minutes ago', () => by.key, { nbf: now() - 61 * 60, exp: now() + 60 }],
    ['an nbf in two minutes', () => by.key, { nbf: now() + 120, exp: now() + 180 }],
    ['another client as iss', () => by.key, { iss: 'another' }],
    ['no redirect_uri inside', () => by.key, { redirect_uri: undefined }],
    ['another redirect_uri', () => by.key, { redirect_uri: `${redirectUri}/other` }],
  ];
  test.each(refusedRequests)('%s: refused', async (_what, client, claims) => {
    const page = await ask(client(), claims);
    expect(refusal(page)).toMatch(
      /^(invalid_request|invalid_request_object|unsupported_response_type|invalid_redirect_uri)/,
    );
    expect(page.location ?? '').not.toMatch(/[?&#](code|id_token|access_token)=/);
  });

  test.each<[string, () => Claims]>([
    ['13: an exp 60 minutes after nbf', () => ({ nbf: now(), exp: now() + 3600 })],
    ['15: a list with the issuer as aud', () => ({ aud: ['https://other.example', latchkey.base] })],
    ['17: an nbf 59 minutes ago', () => ({ nbf: now() - 59 * 60, exp: now() + 30 })],
    ['an nbf 8 s ahead', () => ({ nbf: now() + 8 })],
  ])('%s: accepted', async (_what, claims) => {
    expect(part(await ask(by.key, claims()), 'hash')['code']).toMatch(/^lk_ac_/);
  });

  test('1: a request without a signed object is refused', async () => {
    const plain = { client_id: by.key.client_id, ...(asked() as Record<string, string>) };
    const open = async (given: Record<string, string>) =>
      signedIn.request(`${latchkey.base}/oidc/auth?${new URLSearchParams(given).toString()}`);
    expect(refusal(await open(plain))).toBe('invalid_request');
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { ...decodeJwt(await signed(by.key)) };
    const forged = [`${encode({ alg: 'none' })}.${encode(claims)}.`, await (await createSigner('PS256')).sign(claims)];
    forged.push(await (await createSigner('RS256')).sign(claims), await (await createSigner('ES256')).sign(claims));
    for (const request of forged) expect(refusal(await open({ ...plain, request }))).toBe('invalid_request_object');
  });

  test('1: types of request objects compare without case', async () => {
    for (const typ of ['OAuth-AuthZ-Req+JWT', 'application/oauth-authz-req+jwt', 'jwt']) {
      const request = await signed(by.key, {}, { typ });
      const given = { client_id: by.key.client_id, response_type: 'code id_token', scope: 'openid', request };
      const page = await signedIn.request(`${latchkey.base}/oidc/auth?${new URLSearchParams(given).toString()}`);
      expect(part(page, 'hash')['code']).toMatch(/^lk_ac_/);
    }
  });

  test('10: parameters outside the request object are not used', async () => {
    const page = await ask(
      by.key,
      { state: undefined },
      { state: 'outside', nonce: 'outside', response_mode: 'form_post' },
    );
    const answer = part(page, 'hash');
    expect(answer).not.toHaveProperty('state');
    expect(decodeJwt(answer['id_token'] ?? '')['nonce']).toBe('no');
  });

  test('5: no token without a certificate, and none that is bound to a key alone', async () => {
    const { code = '' } = part(await ask(by.key), 'hash');
    const { status, body } = await redeem(by.key, code, { certificate: null });
    expect([status, body.access_token]).toEqual([400, undefined]);
  });

  test('5.2.2-1 of Part 1, RFC 6749 §4.1.2: a code is valid once, and its token ends with the second use', async () => {
    const { code = '' } = part(await ask(by.key), 'hash');
    const { body } = await redeem(by.key, code);
    expect((await redeem(by.key, code)).body.error).toBe('invalid_grant');
    expect((await userinfo(body.access_token, shows('client'))).status).toBe(401);
  });

  test('14: assertions follow OpenID Connect Core §9, also with the token endpoint as audience', async () => {
    for (const aud of [`${latchkey.base}/oidc/token`, [latchkey.base]]) {
      const { code = '' } = part(await ask(by.key), 'hash');
      expect((await redeem(by.key, code, { claims: { aud } })).status).toBe(200);
    }
    const refused = await redeem(by.key, 'x', { claims: { aud: 'https://other.example' } });
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client']);
  });

  describe('11 and 18: pushed requests', () => {
    const push = async (claims: Claims, more: Record<string, string> = {}): Promise<TokenAnswer> =>
      post(
        `${latchkey.base}/oidc/par`,
        { client_id: by.key.client_id, client_secret: '' },
        {
          request: await signed(by.key, claims),
          ...(await assertionParameters(signer, by.key.client_id, latchkey.base)),
          ...more,
        },
      );

    test('need PKCE with S256', async () => {
      expect((await push({})).body.error).toBe('invalid_request');
      const plain = await push({ code_challenge: pkce().challenge, code_challenge_method: 'plain' });
      expect(plain.body.error).toBe('invalid_request');
    });

    test('are answered as others, and the code is redeemed with its verifier alone', async () => {
      const { verifier, challenge } = pkce();
      const code = async () => {
        const { body } = await push({ code_challenge: challenge, code_challenge_method: 'S256' });
        const given = { client_id: by.key.client_id, request_uri: String(body['request_uri']) };
        const page = await signedIn.request(`${latchkey.base}/oidc/auth?${new URLSearchParams(given).toString()}`);
        const answer = part(page, 'hash');
        expect(decodeJwt(answer['id_token'] ?? '')['s_hash']).toBe(half('st&te'));
        return answer['code'] ?? '';
      };
      expect((await redeem(by.key, await code())).body.error).toBe('invalid_grant');
      expect((await redeem(by.key, await code(), {}, pkce().verifier)).body.error).toBe('invalid_grant');
      expect((await redeem(by.key, await code(), {}, verifier)).status).toBe(200);
    });

    test('are refused without a signed object', async () => {
      const parameters = { client_id: by.key.client_id, ...(asked() as Record<string, string>) };
      const { body } = await post(
        `${latchkey.base}/oidc/par`,
        { client_id: by.key.client_id, client_secret: '' },
        { ...parameters, ...(await assertionParameters(signer, by.key.client_id, latchkey.base)) },
      );
      expect(body.error).toBe('invalid_request');
    });
  });

  test('an essential acr that was reached is in the ID token; one that cannot be reached is an error (OpenID Connect Core §5.5.1.1)', async () => {
    const essential = (value: string) => ({ claims: { id_token: { acr: { essential: true, values: [value] } } } });
    const answer = part(await ask(by.key, essential('urn:latchkey:acr:1')), 'hash');
    expect(decodeJwt(answer['id_token'] ?? '')['acr']).toBe('urn:latchkey:acr:1');
    const refused = part(await ask(by.key, essential('urn:bank:loa:9')), 'hash');
    expect(refused['error']).toBe('unmet_authentication_requirements');
    expect(refused).not.toHaveProperty('code');
  });
});

describe('refresh tokens are not replaced, and need the certificate of their client', () => {
  test('a token is good for several refreshes', async () => {
    const page = await signedIn.open(
      (await ask(by.key, { scope: 'openid offline_access', prompt: 'consent' })).location ?? '',
    );
    const back = page.location ?? (await signedIn.submit(page, {}, 'allow')).location ?? 'x:';
    const code = new URLSearchParams(new URL(back).hash.slice(1)).get('code') ?? '';
    const { body } = await redeem(by.key, code);
    expect(body.refresh_token).toMatch(/^lk_rt_/);
    const refresh = async (headers: Record<string, string>) =>
      post(
        `${latchkey.base}/oidc/token`,
        { client_id: by.key.client_id, client_secret: '' },
        {
          grant_type: 'refresh_token',
          refresh_token: body.refresh_token,
          ...(await assertionParameters(signer, by.key.client_id, latchkey.base)),
        },
        headers,
      );
    for (let times = 0; times < 2; times += 1) {
      const again = await refresh(shows('client'));
      expect([again.status, [undefined, body.refresh_token].includes(again.body.refresh_token)]).toEqual([200, true]);
    }
    expect((await refresh({})).status).toBe(400);
  });
});

describe('Part 1 §6.2.1 at userinfo', () => {
  test('11: the interaction id of the client comes back; without one the server makes one', async () => {
    const { body } = await redeem(by.key, part(await ask(by.key), 'hash')['code'] ?? '');
    const id = 'c770aef3-6784-41f7-8e0e-ff5f97bddb3a';
    const told = async (headers: Record<string, string>) =>
      (await userinfo(body.access_token, { ...shows('client'), ...headers })).headers.get('x-fapi-interaction-id');
    expect(await told({ 'x-fapi-interaction-id': id })).toBe(id);
    expect(await told({})).toMatch(/^[\da-f-]{36}$/);
    expect(await told({ 'x-fapi-interaction-id': 'a, b' })).toMatch(/^[\da-f-]{36}$/);
  });
});

describe('the instance stays as it is for other clients', () => {
  test('the metadata name the hybrid response while a client has it', async () => {
    expect([before['response_types_supported'], before['grant_types_supported']?.includes('implicit')]).toEqual([
      ['code'],
      false,
    ]);
    const present = await discovery();
    expect(present['response_types_supported']).toEqual(['code', 'code id_token']);
    expect(present['grant_types_supported']).toContain('implicit');
    for (const { client_id } of [by.key, by.named, by.selfSigned]) await latchkey.run('clients.disable', { client_id });
    const without = await discovery();
    for (const { client_id } of [by.key, by.named, by.selfSigned]) await latchkey.run('clients.enable', { client_id });
    expect(without).toEqual(before);
  });

  test.each(['code id_token', 'id_token', 'code id_token token'])(
    'a client of the default profile gets no %s',
    async (response_type) => {
      const hybrid = await latchkey.client({
        first_party: true,
        redirect_uris: [redirectUri],
        response_types: ['code', response_type],
        grant_types: ['authorization_code', 'implicit'],
      });
      for (const client of [by.plain, hybrid]) {
        const page = await signedIn.request(
          authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, response_type }),
        );
        expect(['unsupported_response_type', 'invalid_request']).toContain(refusal(page));
        expect(page.location ?? '').not.toMatch(/[?&#](code|id_token|access_token)=/);
      }
    },
  );

  test('software that registers itself gets neither the response type nor the profile', async () => {
    await latchkey.run('settings.update', { name: 'oidc.registration', value: '"open"' });
    const register = async (more: Claims) =>
      (await (
        await fetch(`${latchkey.base}/oidc/register`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ redirect_uris: ['https://rp.example/cb'], ...more }),
        })
      ).json()) as Record<string, unknown>;
    const hybrid = { response_types: ['id_token code'], grant_types: ['authorization_code', 'implicit'] };
    expect((await register(hybrid))['error']).toBe('invalid_client_metadata');
    expect((await register({ latchkey_profile: 'fapi1_advanced' }))['error']).toBe('invalid_client_metadata');
    await latchkey.run('settings.update', { name: 'oidc.registration', value: '"off"' });
  });
});

describe('metadata that the profile refuses or sets', () => {
  test.each<[string, Claims]>([
    [
      'token_endpoint_auth_method',
      { token_endpoint_auth_method: 'client_secret_basic', request_object_signing_alg: 'PS256' },
    ],
    [
      'token_endpoint_auth_method',
      { token_endpoint_auth_method: 'client_secret_jwt', request_object_signing_alg: 'PS256' },
    ],
    [
      'token_endpoint_auth_method',
      { type: 'spa', token_endpoint_auth_method: 'none', request_object_signing_alg: 'PS256' },
    ],
    ['response_types', { response_types: ['code', 'id_token'], grant_types: ['authorization_code', 'implicit'] }],
    ['response_types', { response_types: ['code id_token token'], grant_types: ['authorization_code', 'implicit'] }],
    ['tls_client_certificate_bound_access_tokens', { tls_client_certificate_bound_access_tokens: false }],
    ['dpop_bound_access_tokens', { dpop_bound_access_tokens: true }],
    ['id_token_signed_response_alg', { id_token_signed_response_alg: 'RS256' }],
    ['id_token_signed_response_alg', { id_token_signed_response_alg: 'EdDSA' }],
    ['token_endpoint_auth_signing_alg', { token_endpoint_auth_signing_alg: 'RS256' }],
    ['request_object_signing_alg', { request_object_signing_alg: 'RS256' }],
    ['authorization_signed_response_alg', { authorization_signed_response_alg: 'RS256' }],
    ['response_modes', { response_modes: ['query', 'form_post'] }],
    ['redirect_uris', { redirect_uris: ['http://127.0.0.1:9/cb'] }],
  ])('%s: %j', async (member, given) => {
    await expect(latchkey.client({ ...bank(), ...given })).rejects.toThrow(member);
  });

  test('signed requests, PS256 and bound tokens are set, and stay with a change of one member', async () => {
    const set = {
      require_signed_request_object: true,
      request_object_signing_alg: 'PS256',
      token_endpoint_auth_signing_alg: 'PS256',
      id_token_signed_response_alg: 'PS256',
      tls_client_certificate_bound_access_tokens: true,
    };
    expect(by.key).toMatchObject(set);
    const { client_id } = by.jarm;
    const changed = await latchkey.run('clients.update', { client_id, require_signed_request_object: false });
    expect(changed).toMatchObject(set);
    const change = { client_id, tls_client_certificate_bound_access_tokens: false };
    await expect(latchkey.run('clients.update', change)).rejects.toThrow('tls_client_certificate_bound_access_tokens');
  });
});
