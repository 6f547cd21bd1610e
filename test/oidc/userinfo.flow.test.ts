import { generateKeyPairSync } from 'node:crypto';
import { compactDecrypt, createRemoteJWKSet, type JWK, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { tokensFor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
let token: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  user = await latchkey.user({
    email_verified: true,
    name: 'Noor Haddad',
    given_name: 'Noor',
    phone_number: '+12025550123',
    address: { locality: 'Utrecht', country: 'NL' },
  });
  token = (await tokensFor(latchkey.base, client, user, { scope: 'openid profile email phone address' })).access_token;
});
afterAll(() => latchkey.close());

const userinfo = (init: RequestInit, path = '/oidc/userinfo') => fetch(`${latchkey.base}${path}`, init);
const bearer = (value: string) => ({ authorization: `Bearer ${value}` });

describe('userinfo (OpenID Connect Core §5.3)', () => {
  test.each<[string, () => RequestInit]>([
    ['by GET', () => ({ headers: bearer(token) })],
    ['by POST', () => ({ method: 'POST', headers: bearer(token) })],
    [
      'by POST in the form (RFC 6750 §2.2)',
      () => ({ method: 'POST', body: new URLSearchParams({ access_token: token }) }),
    ],
  ])('returns the claims of the scopes, %s', async (_how, init) => {
    const answer = await userinfo(init());
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toMatchObject({
      sub: user.id,
      name: 'Noor Haddad',
      given_name: 'Noor',
      email: user.email,
      email_verified: true,
      phone_number: '+12025550123',
      phone_number_verified: false,
      address: { locality: 'Utrecht', country: 'NL' },
    });
  });

  test('a scope that was not requested gives no claim', async () => {
    const { access_token: narrow } = await tokensFor(latchkey.base, client, user, { scope: 'openid' });
    expect(await (await userinfo({ headers: bearer(narrow) })).json()).toEqual({ sub: user.id });
  });

  test('a token without openid is refused', async () => {
    const { access_token: plain } = await tokensFor(latchkey.base, client, user, { scope: 'email', nonce: undefined });
    const answer = await userinfo({ headers: bearer(plain) });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('www-authenticate')).toMatch(/insufficient_scope/);
  });

  test.each<[string, () => RequestInit, number]>([
    ['no token', () => ({}), 401],
    ['a made-up token', () => ({ headers: bearer('lk_at_made-up') }), 401],
    [
      'a token twice',
      () => ({ method: 'POST', headers: bearer(token), body: new URLSearchParams({ access_token: token }) }),
      400,
    ],
    ['another scheme', () => ({ headers: { authorization: `Token ${token}` } }), 400],
    ['the scheme alone', () => ({ headers: { authorization: 'Bearer' } }), 400],
    [
      'a client secret',
      () => ({ headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` } }),
      400,
    ],
    [
      'a list of tokens',
      () => ({
        method: 'POST',
        body: new URLSearchParams([
          ['access_token', token],
          ['access_token', token],
        ]),
      }),
      400,
    ],
    [
      'a body in JSON',
      () => ({
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ access_token: token }),
      }),
      400,
    ],
  ])('%s is refused', async (_what, init, status) => {
    const answer = await userinfo(init());
    expect(answer.status).toBe(status);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await answer.text()).not.toContain(user.id);
  });

  test('a token in the address is refused (RFC 9700 §4.3.2)', async () => {
    const answer = await userinfo({}, `/oidc/userinfo?access_token=${token}`);
    expect([400, 401]).toContain(answer.status);
  });
});

describe('protected answers (OpenID Connect Core §5.3.2)', () => {
  test('a signed one has this client and this issuer', async () => {
    const signed = await latchkey.client({ first_party: true, userinfo_signed_response_alg: 'ES256' });
    const { access_token: value } = await tokensFor(latchkey.base, signed, user, { scope: 'openid email' });
    const answer = await userinfo({ headers: bearer(value) });
    expect(answer.headers.get('content-type')).toMatch(/^application\/jwt/);
    const { payload, protectedHeader } = await jwtVerify(
      await answer.text(),
      createRemoteJWKSet(new URL(`${latchkey.base}/oidc/jwks`)),
      { issuer: latchkey.base, audience: signed.client_id },
    );
    expect(protectedHeader.alg).toBe('ES256');
    expect(payload).toMatchObject({ sub: user.id, email: user.email });
  });

  test.each(['RSA-OAEP-256', 'ECDH-ES'])(
    'an encrypted one (%s) can be decrypted only with the client’s key',
    async (alg) => {
      const pair =
        alg === 'ECDH-ES'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : generateKeyPairSync('rsa', { modulusLength: 2048 });
      const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'e1', use: 'enc', alg } as JWK;
      const secretive = await latchkey.client({
        first_party: true,
        jwks: { keys: [jwk] },
        userinfo_signed_response_alg: 'ES256',
        userinfo_encrypted_response_alg: alg,
        userinfo_encrypted_response_enc: 'A256GCM',
      });
      const { access_token: value } = await tokensFor(latchkey.base, secretive, user, { scope: 'openid email' });
      const text = await (await userinfo({ headers: bearer(value) })).text();
      const { plaintext, protectedHeader } = await compactDecrypt(text, pair.privateKey);
      expect(protectedHeader).toMatchObject({ alg, enc: 'A256GCM', cty: 'JWT' });
      const { payload } = await jwtVerify(plaintext, createRemoteJWKSet(new URL(`${latchkey.base}/oidc/jwks`)));
      expect(payload).toMatchObject({ sub: user.id, aud: secretive.client_id });
      const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
      await expect(compactDecrypt(text, stranger)).rejects.toThrow();
    },
  );
});
