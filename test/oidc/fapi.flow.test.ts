import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { proofFor, type ProofKey, proofKey } from '../support/proof.ts';
import { assertionParameters, createSigner, requestObject, type Signer } from '../support/signer.ts';
import { authorizeUrl, type Page, pkce, post, type TokenAnswer, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let signer: Signer;
let dpopKey: ProofKey;
let security: TestClient;
let signing: TestClient;
let user: TestUser;
let signedIn: Visitor;
let keys: ReturnType<typeof createLocalJWKSet>;

type Given = Record<string, string | undefined>;
const redirectUri = 'https://bank.example/cb';
const now = (): number => Math.floor(Date.now() / 1000);

beforeAll(async () => {
  latchkey = await startTestApp();
  signer = await createSigner('PS256');
  dpopKey = await proofKey();
  const bank = {
    first_party: true,
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: signer.jwks,
  };
  security = await latchkey.client({ ...bank, profile: 'fapi2_security' });
  signing = await latchkey.client({ ...bank, profile: 'fapi2_message_signing' });
  user = await latchkey.user();
  signedIn = new Visitor();
  const plain = await latchkey.client({ first_party: true });
  await signedIn.signIn(authorizeUrl(latchkey.base, plain, { code_challenge: pkce().challenge }), user);
  keys = createLocalJWKSet((await (await fetch(`${latchkey.base}/oidc/jwks`)).json()) as JSONWebKeySet);
});
afterAll(() => latchkey.close());
afterEach(() => vi.useRealTimers());

const anonymous = (client: TestClient) => ({ client_id: client.client_id, client_secret: '' });
const parameters = (client: TestClient, extra: Given = {}): Record<string, string> =>
  Object.fromEntries(
    new URL(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra })).searchParams,
  );

async function push(
  client: TestClient,
  given: Record<string, string>,
  claims = {},
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  return post(
    `${latchkey.base}/oidc/par`,
    anonymous(client),
    { ...given, ...(await assertionParameters(signer, client.client_id, latchkey.base, claims)) },
    headers,
  );
}
const follow = (client: TestClient, pushed: TokenAnswer, beside: Given = {}): Promise<Page> =>
  signedIn.request(
    `${latchkey.base}/oidc/auth?${new URLSearchParams({ client_id: client.client_id, request_uri: String(pushed.body['request_uri']), ...beside }).toString()}`,
  );
const answer = (page: Page): Record<string, string> => Object.fromEntries(new URL(page.location ?? 'x:').searchParams);

async function codeFor(extra: Given = {}): Promise<{ code: string; verifier: string }> {
  const { verifier, challenge } = pkce();
  const page = await follow(
    security,
    await push(security, parameters(security, { code_challenge: challenge, ...extra })),
  );
  return { code: answer(page)['code'] ?? '', verifier };
}
async function redeem(
  { code, verifier }: { code: string; verifier: string },
  { proof = true, key = dpopKey, assertion = {} }: { proof?: boolean; key?: ProofKey; assertion?: JWTPayload } = {},
): Promise<TokenAnswer> {
  const url = `${latchkey.base}/oidc/token`;
  return post(
    url,
    anonymous(security),
    {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      ...(await assertionParameters(signer, security.client_id, latchkey.base, assertion)),
    },
    proof ? { dpop: await proofFor(key, 'POST', url) } : {},
  );
}

describe('FAPI 2.0 Security Profile: the whole flow (§5.3.2, §5.3.3)', () => {
  test('push, sign in, redeem, call userinfo', async () => {
    const pushed = await push(security, parameters(security, { state: 'a' }));
    expect(pushed.status).toBe(201);
    expect(Number(pushed.body['expires_in'])).toBeLessThan(600);
    expect(answer(await follow(security, pushed))).toEqual({
      code: expect.any(String),
      state: 'a',
      iss: latchkey.base,
    });

    const tokens = await redeem(await codeFor());
    expect([tokens.status, tokens.body['token_type']]).toEqual([200, 'DPoP']);
    const { protectedHeader, payload } = await jwtVerify(tokens.body.id_token, keys, {
      issuer: latchkey.base,
      audience: security.client_id,
    });
    expect(protectedHeader.alg).toBe('PS256');
    expect(payload.sub).toBe(user.id);

    const userinfo = `${latchkey.base}/oidc/userinfo`;
    const token = tokens.body.access_token;
    const info = await fetch(userinfo, {
      headers: { authorization: `DPoP ${token}`, dpop: await proofFor(dpopKey, 'GET', userinfo, {}, token) },
    });
    expect(await info.json()).toMatchObject({ sub: user.id });
    expect((await fetch(userinfo, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
    expect((await fetch(`${userinfo}?access_token=${token}`)).status).toBeGreaterThanOrEqual(400);
  });

  test('refresh tokens are kept, not rotated, and give bound tokens only (§5.3.2.1)', async () => {
    const { challenge, verifier } = pkce();
    const page = await signedIn.open(
      (
        await follow(
          security,
          await push(
            security,
            parameters(security, { code_challenge: challenge, scope: 'openid offline_access', prompt: 'consent' }),
          ),
        )
      ).location ?? '',
    );
    const back = answer(await signedIn.submit(page, {}, 'allow'));
    const tokens = await redeem({ code: back['code'] ?? '', verifier });
    const url = `${latchkey.base}/oidc/token`;
    const refresh = async (key: ProofKey | null) =>
      post(
        url,
        anonymous(security),
        {
          grant_type: 'refresh_token',
          refresh_token: tokens.body.refresh_token,
          ...(await assertionParameters(signer, security.client_id, latchkey.base)),
        },
        key ? { dpop: await proofFor(key, 'POST', url) } : {},
      );
    for (let times = 0; times < 2; times += 1) {
      const again = await refresh(dpopKey);
      expect([again.status, again.body['token_type']]).toEqual([200, 'DPoP']);
      expect([undefined, tokens.body.refresh_token]).toContain(again.body.refresh_token);
    }
    expect((await refresh(null)).status).toBe(400);
    const day = 86_400_000;
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60 * day });
    expect((await refresh(dpopKey)).status).toBe(200);
    vi.setSystemTime(Date.now() + 31 * day);
    expect((await refresh(dpopKey)).body.error).toBe('invalid_grant');
  });
});

describe('at the authorization endpoint', () => {
  test('a request that was not pushed is refused', async () => {
    const page = await signedIn.request(authorizeUrl(latchkey.base, security, { code_challenge: pkce().challenge }));
    expect(answer(page)['error']).toBe('invalid_request');
    expect(answer(page)['iss']).toBe(latchkey.base);
  });

  test('a pushed request is used once (PARAttemptReuseRequestUri)', async () => {
    const pushed = await push(security, parameters(security));
    expect(answer(await follow(security, pushed))['code']).toMatch(/^lk_ac_/);
    expect((await follow(security, pushed)).location ?? '').not.toContain('code=');
  });

  test('a state outside of it is ignored', async () => {
    const page = await follow(security, await push(security, parameters(security, { state: undefined })), {
      state: 'outside',
    });
    expect(answer(page)).not.toHaveProperty('state');
  });
});

describe('at the PAR endpoint', () => {
  test.each<[string, Given]>([
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }],
    ['plain PKCE', { code_challenge_method: 'plain' }],
    ['no redirect_uri', { redirect_uri: undefined }],
    ['another redirect_uri', { redirect_uri: 'https://bank.example/other' }],
    ['a redirect_uri over http', { redirect_uri: 'http://bank.example/cb' }],
    ['response_type token', { response_type: 'token' }],
    ['response_type code id_token', { response_type: 'code id_token' }],
    ['a request_uri', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }],
  ])('%s is refused', async (_what, extra) => {
    const { status, body } = await push(security, parameters(security, extra));
    expect([status, body['request_uri']]).toEqual([400, undefined]);
  });

  test('PKCE stays required even if other confidential clients may omit it', async () => {
    await latchkey.run('settings.update', { name: 'oidc.pkce', value: '"public"' });
    const refused = await push(
      security,
      parameters(security, { code_challenge: undefined, code_challenge_method: undefined }),
    );
    await latchkey.run('settings.update', { name: 'oidc.pkce', value: '"all"' });
    expect(refused.body.error).toBe('invalid_request');
  });

  test.each([
    ['the token endpoint as audience', () => ({ aud: `${latchkey.base}/oidc/token` })],
    ['the PAR endpoint as audience', () => ({ aud: `${latchkey.base}/oidc/par` })],
    ['a list as audience', () => ({ aud: [latchkey.base] })],
    ['a list with the PAR endpoint', () => ({ aud: [latchkey.base, `${latchkey.base}/oidc/par`] })],
    ['another issuer as audience', () => ({ aud: 'https://other.example' })],
    ['an assertion that is over', () => ({ exp: now() - 60 })],
    ['an assertion that was made in two minutes', () => ({ iat: now() + 120, nbf: now() + 120, exp: now() + 180 })],
    ['another client as iss', () => ({ iss: 'another' })],
  ])('%s is refused', async (_what, claims) => {
    const { status, body } = await push(security, parameters(security), claims());
    expect([status, body.error]).toEqual([401, 'invalid_client']);
  });

  test('an assertion of a clock eight seconds ahead is accepted', async () => {
    expect((await push(security, parameters(security), { iat: now() + 8, nbf: now() + 8 })).status).toBe(201);
  });

  test.each(['RS256', 'ES256', 'none'])(
    'an assertion signed with %s instead of the registered algorithm is refused',
    async (alg) => {
      const claims = {
        iss: security.client_id,
        sub: security.client_id,
        aud: latchkey.base,
        jti: `jti-${alg}`,
        exp: now() + 60,
      };
      const forged =
        alg === 'none'
          ? `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`
          : await (await createSigner(alg)).sign(claims);
      const { status, body } = await post(`${latchkey.base}/oidc/par`, anonymous(security), {
        ...parameters(security),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: forged,
      });
      expect([status, body.error]).toEqual([401, 'invalid_client']);
    },
  );

  test('a request without authentication is refused', async () => {
    expect((await post(`${latchkey.base}/oidc/par`, anonymous(security), parameters(security))).body.error).toMatch(
      /invalid_client|invalid_request/,
    );
  });

  test('an assertion is valid once', async () => {
    const assertion = await assertionParameters(signer, security.client_id, latchkey.base);
    const twice = [1, 2].map(() =>
      post(`${latchkey.base}/oidc/par`, anonymous(security), { ...parameters(security), ...assertion }),
    );
    expect((await Promise.all(twice)).map(({ status }) => status)).toEqual(expect.arrayContaining([201, 401]));
  });
});

describe('at the token endpoint', () => {
  test('tokens are bound to a key or not issued', async () => {
    const refused = await redeem(await codeFor(), { proof: false });
    expect([refused.status, refused.body.access_token]).toEqual([400, undefined]);
  });

  test('a code is valid for 60 seconds', async () => {
    const code = await codeFor();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 76_000 });
    expect((await redeem(code)).body.error).toBe('invalid_grant');
  });

  test('a code is valid once; its tokens end with the second use', async () => {
    const code = await codeFor();
    const { body } = await redeem(code);
    expect((await redeem(code)).body.error).toBe('invalid_grant');
    const userinfo = `${latchkey.base}/oidc/userinfo`;
    const info = await fetch(userinfo, {
      headers: {
        authorization: `DPoP ${body.access_token}`,
        dpop: await proofFor(dpopKey, 'GET', userinfo, {}, body.access_token),
      },
    });
    expect(info.status).toBe(401);
  });

  test('a code that was requested with a key is redeemed with that key only (EnsureMismatchedDpopJktFails)', async () => {
    const fixed = await codeFor({ dpop_jkt: dpopKey.thumbprint });
    expect((await redeem(fixed, { key: await proofKey() })).status).toBe(400);
    const again = await codeFor({ dpop_jkt: dpopKey.thumbprint });
    expect((await redeem(again)).status).toBe(200);
  });

  test('a proof at the PAR endpoint binds the code as well, and must match dpop_jkt (RFC 9449 §10.1)', async () => {
    const par = `${latchkey.base}/oidc/par`;
    const { verifier, challenge } = pkce();
    const pushed = await push(
      security,
      parameters(security, { code_challenge: challenge }),
      {},
      { dpop: await proofFor(dpopKey, 'POST', par) },
    );
    const { code = '' } = answer(await follow(security, pushed));
    expect((await redeem({ code, verifier }, { key: await proofKey() })).status).toBe(400);
    const mismatch = await push(
      security,
      parameters(security, { dpop_jkt: (await proofKey()).thumbprint }),
      {},
      { dpop: await proofFor(dpopKey, 'POST', par) },
    );
    expect(mismatch.status).toBe(400);
  });

  test('client_secret_basic, a secret in the body and no secret are refused', async () => {
    const code = await codeFor();
    const given = {
      grant_type: 'authorization_code',
      code: code.code,
      redirect_uri: redirectUri,
      code_verifier: code.verifier,
    };
    for (const as of [{ client_id: security.client_id, client_secret: 'x'.repeat(43) }, anonymous(security)]) {
      const refused = await post(`${latchkey.base}/oidc/token`, as, given);
      expect(refused.body.error).toMatch(/invalid_client|invalid_request/);
    }
  });
});

describe('metadata that the profile refuses (§5.3.2.1, §5.4)', () => {
  const bank = (): Record<string, unknown> => ({
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: signer.jwks,
    profile: 'fapi2_security',
  });
  test.each<[string, Record<string, unknown>]>([
    ['token_endpoint_auth_method', { token_endpoint_auth_method: 'client_secret_basic', jwks: undefined }],
    ['token_endpoint_auth_method', { token_endpoint_auth_method: 'client_secret_jwt', jwks: undefined }],
    ['token_endpoint_auth_method', { type: 'spa', token_endpoint_auth_method: 'none', jwks: undefined }],
    ['id_token_signed_response_alg', { id_token_signed_response_alg: 'RS256' }],
    ['token_endpoint_auth_signing_alg', { token_endpoint_auth_signing_alg: 'RS256' }],
    ['authorization_signed_response_alg', { authorization_signed_response_alg: 'RS256' }],
    ['request_object_signing_alg', { request_object_signing_alg: 'RS256' }],
    ['redirect_uris', { redirect_uris: ['http://127.0.0.1:9/cb'] }],
    ['response_types', { response_types: ['code id_token'], grant_types: ['authorization_code', 'implicit'] }],
    ['dpop_bound_access_tokens', { dpop_bound_access_tokens: false }],
    ['response_modes', { profile: 'fapi2_message_signing', response_modes: ['query'] }],
  ])('%s: %j', async (member, given) => {
    await expect(latchkey.client({ ...bank(), ...given })).rejects.toThrow(member);
  });

  test('a profile cannot be left by changing one member', async () => {
    const client = await latchkey.client(bank());
    await expect(
      latchkey.run('clients.update', { client_id: client.client_id, id_token_signed_response_alg: 'RS256' }),
    ).rejects.toThrow('id_token_signed_response_alg');
    await expect(
      latchkey.run('clients.update', { client_id: client.client_id, dpop_bound_access_tokens: false }),
    ).rejects.toThrow('dpop_bound_access_tokens');
    const changed = await latchkey.run('clients.update', {
      client_id: client.client_id,
      require_pushed_authorization_requests: false,
    });
    expect(changed['require_pushed_authorization_requests']).toBe(true);
  });
});

describe('FAPI 2.0 Message Signing', () => {
  const signed = (extra: Record<string, unknown> = {}, header?: Record<string, unknown>) =>
    requestObject(
      signer,
      signing.client_id,
      latchkey.base,
      { ...parameters(signing, { response_mode: 'jwt' }), ...extra },
      header,
    );
  const pushSigned = async (
    extra: Record<string, unknown> = {},
    header?: Record<string, unknown>,
  ): Promise<TokenAnswer> => push(signing, { request: await signed(extra, header) });

  test('a signed request gets a signed response (§5.3, §5.4)', async () => {
    const page = await follow(signing, await pushSigned({ state: 'signed' }));
    const { response = '' } = answer(page);
    expect(Object.keys(answer(page))).toEqual(['response']);
    const { payload, protectedHeader } = await jwtVerify(response, keys, {
      issuer: latchkey.base,
      audience: signing.client_id,
    });
    expect(protectedHeader.alg).toBe('PS256');
    expect(payload).toMatchObject({ code: expect.any(String), state: 'signed' });
  });

  test('an error is signed as well', async () => {
    const pushed = await pushSigned({ prompt: 'none', max_age: 0 });
    const { response = '' } = answer(await follow(signing, pushed));
    expect((await jwtVerify(response, keys, { audience: signing.client_id })).payload).toMatchObject({
      error: 'login_required',
      iss: latchkey.base,
    });
  });

  test('a request without a signature is refused', async () => {
    expect((await push(signing, parameters(signing, { response_mode: 'jwt' }))).body.error).toBe('invalid_request');
  });

  test.each<[string, () => Record<string, unknown>]>([
    ['good for more than 60 minutes', () => ({ exp: now() + 61 * 60 })],
    ['begun more than 60 minutes ago', () => ({ nbf: now() - 61 * 60 })],
    ['without nbf', () => ({ nbf: undefined })],
    ['without exp', () => ({ exp: undefined })],
    ['without aud', () => ({ aud: undefined })],
    ['for another issuer', () => ({ aud: 'https://other.example' })],
    ['beginning in two minutes', () => ({ nbf: now() + 120, exp: now() + 180 })],
    ['from another client', () => ({ iss: 'another' })],
    ['without client_id', () => ({ client_id: undefined })],
    ['of another client', () => ({ client_id: 'another' })],
  ])('one that is %s is refused', async (_what, claims) => {
    const { status, body } = await pushSigned(claims());
    expect([status, body.error]).toEqual([400, 'invalid_request_object']);
  });

  test.each(['query', 'fragment', 'form_post', undefined])(
    'the response mode %s is refused: responses must be signed',
    async (response_mode) => {
      const { status, body } = await pushSigned({ response_mode });
      expect([status, body['request_uri']]).toEqual([400, undefined]);
    },
  );

  test('one that becomes valid in eight seconds is accepted', async () => {
    expect((await pushSigned({ nbf: now() + 8 })).status).toBe(201);
  });

  test('introspection responds with a signed JWT (RFC 9701)', async () => {
    const url = `${latchkey.base}/oidc/introspect`;
    const body = new URLSearchParams({
      client_id: signing.client_id,
      token: 'x',
      ...(await assertionParameters(signer, signing.client_id, latchkey.base)),
    });
    const told = await fetch(url, { method: 'POST', body, headers: { accept: 'application/token-introspection+jwt' } });
    const text = await told.text();
    expect(decodeProtectedHeader(text)).toMatchObject({ typ: 'token-introspection+jwt', alg: 'PS256' });
    expect(decodeJwt(text)['token_introspection']).toEqual({ active: false });
  });
});
