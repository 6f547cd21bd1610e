import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  compactDecrypt,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  type JWK,
  jwtVerify,
} from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let user: TestUser;
let published: JSONWebKeySet;

beforeAll(async () => {
  latchkey = await startTestApp();
  user = await latchkey.user();
  published = (await (await fetch(`${latchkey.base}/oidc/jwks`)).json()) as JSONWebKeySet;
});
afterAll(() => latchkey.close());

const clientWith = (metadata: object): Promise<TestClient> => latchkey.client({ first_party: true, ...metadata });

describe('an ID token (OpenID Connect Core §2, §3.1.3.7)', () => {
  test('has subject, audience, issuer and times', async () => {
    const client = await clientWith({});
    const { id_token } = await tokensFor(latchkey.base, client, user, { nonce: 'n-0S6_WzA2Mj' });
    const { payload, protectedHeader } = await jwtVerify(id_token, createLocalJWKSet(published), {
      issuer: latchkey.base,
      audience: client.client_id,
    });
    expect(payload).toMatchObject({ sub: user.id, aud: client.client_id, nonce: 'n-0S6_WzA2Mj' });
    expect(payload).not.toHaveProperty('azp');
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
    expect(published.keys.filter(({ kid }) => kid === protectedHeader.kid)).toHaveLength(1);
    for (const forbidden of ['jwk', 'jku', 'x5u', 'x5c', 'crit']) expect(protectedHeader).not.toHaveProperty(forbidden);
  });

  test.each([
    ['RS256', 'RSA'],
    ['PS256', 'RSA'],
    ['ES256', 'EC'],
    ['EdDSA', 'OKP'],
    ['Ed25519', 'OKP'],
  ])('is signed with %s if the client registered it', async (alg, kty) => {
    const client = await clientWith({ id_token_signed_response_alg: alg });
    const { id_token } = await tokensFor(latchkey.base, client, user);
    const { protectedHeader } = await jwtVerify(id_token, createLocalJWKSet(published), { audience: client.client_id });
    expect(protectedHeader.alg).toBe(alg);
    expect(published.keys.find(({ kid }) => kid === protectedHeader.kid)?.kty).toBe(kty);
  });

  test.each(['none', 'HS256', 'RS1', 'ES512'])('is never signed with %s', async (alg) => {
    await expect(clientWith({ id_token_signed_response_alg: alg })).rejects.toThrow('id_token_signed_response_alg');
  });

  test('for one client is refused for another', async () => {
    const [mine, other] = [await clientWith({}), await clientWith({})];
    const { id_token } = await tokensFor(latchkey.base, mine, user);
    await expect(jwtVerify(id_token, createLocalJWKSet(published), { audience: other.client_id })).rejects.toThrow(
      'aud',
    );
  });

  test('is not accepted as an access token', async () => {
    const { id_token } = await tokensFor(latchkey.base, await clientWith({}), user);
    expect(
      (await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${id_token}` } })).status,
    ).toBe(401);
  });

  test('has the hash of its access token at the token endpoint, also after a refresh (§3.1.3.6, §12.2)', async () => {
    const hashOf = (token: string) => createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url');
    const api = 'https://api.hash.example';
    await latchkey.run('apis.create', { identifier: api, scopes: [{ name: 'read' }] });
    const client = await clientWith({ apis: { [api]: ['*'] } });
    const asked = { scope: 'openid offline_access read', prompt: 'consent', resource: api };
    const first = await tokensFor(latchkey.base, client, user, asked);
    const refresh = async (token: string, more: Record<string, string> = {}) =>
      (
        await post(`${latchkey.base}/oidc/token`, client, {
          grant_type: 'refresh_token',
          refresh_token: token,
          ...more,
        })
      ).body;
    const second = await refresh(first.refresh_token);
    const jwt = await refresh(second.refresh_token, { resource: api });
    for (const { id_token: token, access_token: value } of [first, second, jwt])
      expect(decodeJwt(token)['at_hash']).toBe(hashOf(value));
    expect(new Set([first, second, jwt].map(({ id_token: token }) => decodeJwt(token)['at_hash'])).size).toBe(3);
  });

  test('has the session id for clients with back-channel logout (Back-Channel Logout 1.0 §2.1), always the same', async () => {
    const client = await clientWith({ backchannel_logout_uri: 'https://rp.example/out' });
    const visitor = new Visitor();
    const sids = [
      await tokensFor(latchkey.base, client, user, {}, visitor),
      await tokensFor(latchkey.base, client, user, {}, visitor),
      await tokensFor(latchkey.base, client, user),
    ].map(
      ({ id_token }) =>
        (JSON.parse(Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string }).sid,
    );
    expect(sids[0]).toMatch(/^[\w-]{20,}$/);
    expect(sids[1]).toBe(sids[0]);
    expect(sids[2]).not.toBe(sids[0]);
  });

  test('published keys contain nothing private (RFC 7517 §9.3)', () => {
    for (const jwk of published.keys)
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) expect(jwk).not.toHaveProperty(member);
  });
});

describe('an encrypted ID token (OpenID Connect Core §10.2, §16.14)', () => {
  async function receiver(alg: string): Promise<{ jwk: JWK; open(jwe: string): Promise<string> }> {
    const rsa = alg.startsWith('RSA') ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : null;
    const { publicKey, privateKey } = rsa ?? (await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true }));
    return {
      jwk: { ...(await exportJWK(publicKey)), use: 'enc', alg, kid: 'mine' },
      open: async (jwe) => Buffer.from((await compactDecrypt(jwe, privateKey)).plaintext).toString(),
    };
  }

  test.each([
    ['RSA-OAEP-256', 'A128CBC-HS256'],
    ['RSA-OAEP-256', 'A256GCM'],
    ['ECDH-ES', 'A128GCM'],
    ['ECDH-ES', 'A256CBC-HS512'],
    ['ECDH-ES+A256KW', 'A256GCM'],
  ])('with %s and %s is signed inside', async (alg, enc) => {
    const { jwk, open } = await receiver(alg);
    const client = await clientWith({
      jwks: { keys: [jwk] },
      id_token_encrypted_response_alg: alg,
      id_token_encrypted_response_enc: enc,
    });
    const { id_token } = await tokensFor(latchkey.base, client, user);
    expect(decodeProtectedHeader(id_token)).toMatchObject({ alg, enc, cty: 'JWT', kid: 'mine' });
    const { payload } = await jwtVerify(await open(id_token), createLocalJWKSet(published), {
      issuer: latchkey.base,
      audience: client.client_id,
    });
    expect(payload.sub).toBe(user.id);
    const { open: other } = await receiver(alg);
    await expect(other(id_token)).rejects.toThrow();
  });

  test('a signed response may be encrypted too (JARM §2.2)', async () => {
    const { jwk, open } = await receiver('ECDH-ES');
    const client = await clientWith({
      redirect_uris: ['https://rp.example/cb'],
      jwks: { keys: [jwk] },
      authorization_encrypted_response_alg: 'ECDH-ES',
      authorization_encrypted_response_enc: 'A128GCM',
    });
    const back = await new Visitor().signIn(
      authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, response_mode: 'jwt' }),
      user,
    );
    const { payload } = await jwtVerify(await open(back.get('response') ?? ''), createLocalJWKSet(published), {
      audience: client.client_id,
    });
    expect(payload).toMatchObject({ code: expect.any(String), state: 'st' });
  });

  test.each([
    ['no key', { id_token_encrypted_response_alg: 'RSA-OAEP-256' }, 'jwks'],
    ['padding that is broken', { id_token_encrypted_response_alg: 'RSA1_5' }, 'id_token_encrypted_response_alg'],
    ['SHA-1', { id_token_encrypted_response_alg: 'RSA-OAEP' }, 'id_token_encrypted_response_alg'],
    ['the secret as a key', { id_token_encrypted_response_alg: 'dir' }, 'id_token_encrypted_response_alg'],
    [
      'a password as a key',
      { id_token_encrypted_response_alg: 'PBES2-HS256+A128KW' },
      'id_token_encrypted_response_alg',
    ],
  ])('%s cannot be registered', async (_what, metadata, member) => {
    await expect(clientWith(metadata)).rejects.toThrow(member);
  });

  test('a client with an unsuitable key gets an error, not a token in clear', async () => {
    const { jwk } = await receiver('ECDH-ES');
    const client = await clientWith({ jwks: { keys: [jwk] }, id_token_encrypted_response_alg: 'RSA-OAEP-256' });
    const { verifier, challenge } = pkce();
    const back = await new Visitor().signIn(authorizeUrl(latchkey.base, client, { code_challenge: challenge }), user);
    const answer = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body.id_token).toBeUndefined();
  });
});
