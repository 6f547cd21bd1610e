import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { proofFor, proofKey, type ProofChange, type ProofKey } from '../support/proof.ts';
import { authorizeUrl, pkce, post, type TokenAnswer, Visitor } from '../support/visitor.ts';

const api = 'https://api.example';
const now = () => Math.floor(Date.now() / 1000);

let latchkey: TestApp;
let client: TestClient;
let bound: TestClient;
let user: TestUser;
let key: ProofKey;
let other: ProofKey;
let tokenUrl: string;
let userinfoUrl: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  await latchkey.run('apis.create', { identifier: api, scopes: [{ name: 'read' }] });
  client = await latchkey.client({
    first_party: true,
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    apis: { [api]: ['*'] },
  });
  bound = await latchkey.client({
    first_party: true,
    dpop_bound_access_tokens: true,
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  });
  user = await latchkey.user();
  [key, other] = [await proofKey(), await proofKey()];
  tokenUrl = `${latchkey.base}/oidc/token`;
  userinfoUrl = `${latchkey.base}/oidc/userinfo`;
});
afterAll(() => latchkey.close());

const machine = (dpop: string | undefined, parameters: Record<string, string> = {}, who = client) =>
  post(tokenUrl, who, { grant_type: 'client_credentials', ...parameters }, dpop === undefined ? {} : { dpop });

async function codeFor(who = client, extra: Record<string, string> = {}): Promise<Record<string, string>> {
  const { verifier, challenge } = pkce();
  const url = authorizeUrl(latchkey.base, who, {
    code_challenge: challenge,
    scope: 'openid offline_access',
    prompt: 'consent',
    ...extra,
  });
  const code = (await new Visitor().signIn(url, user)).get('code') ?? '';
  return { grant_type: 'authorization_code', code, redirect_uri: who.redirect_uris[0] ?? '', code_verifier: verifier };
}
async function boundTokens(who = client): Promise<TokenAnswer['body']> {
  const { status, body } = await post(tokenUrl, who, await codeFor(who), {
    dpop: await proofFor(key, 'POST', tokenUrl),
  });
  expect(status).toBe(200);
  return body;
}
const refresh = (token: string, dpop?: string, who = client) =>
  post(tokenUrl, who, { grant_type: 'refresh_token', refresh_token: token }, dpop === undefined ? {} : { dpop });
const userinfo = (headers: Record<string, string>, method = 'GET') => fetch(userinfoUrl, { method, headers });

describe('proofs at the token endpoint (RFC 9449 §5)', () => {
  test('the token is bound to the key that signed, opaque or JWT, and introspection says so', async () => {
    const opaque = await machine(await proofFor(key, 'POST', tokenUrl));
    expect(opaque.body['token_type']).toBe('DPoP');
    const said = await post(`${latchkey.base}/oidc/introspect`, client, { token: opaque.body.access_token });
    expect(said.body).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: key.thumbprint } });
    const jwt = await machine(await proofFor(key, 'POST', tokenUrl), { resource: api });
    expect(decodeJwt(jwt.body.access_token)['cnf']).toEqual({ jkt: key.thumbprint });
  });

  test.each([-55, 8, 55])('an iat %d s from now is fresh', async (seconds) => {
    const answer = await machine(await proofFor(key, 'POST', tokenUrl, { claims: { iat: now() + seconds } }));
    expect(answer.status).toBe(200);
  });

  test.each<[string, () => ProofChange]>([
    ['another method', () => ({ claims: { htm: 'GET' } })],
    ['the method in lower case', () => ({ claims: { htm: 'post' } })],
    ['no method', () => ({ claims: { htm: undefined } })],
    ['another path', () => ({ claims: { htu: userinfoUrl } })],
    ['another host', () => ({ claims: { htu: 'https://other.example/oidc/token' } })],
    ['another path in escapes', () => ({ claims: { htu: tokenUrl.replace('token', '%74oke%6f') } })],
    ['an escaped slash', () => ({ claims: { htu: tokenUrl.replace('/token', '%2ftoken') } })],
    ['the path in upper case', () => ({ claims: { htu: tokenUrl.replace('token', 'TOKEN') } })],
    ['a slash at the end', () => ({ claims: { htu: `${tokenUrl}/` } })],
    ['a user before the host', () => ({ claims: { htu: tokenUrl.replace('//', '//me@') } })],
    ['another port', () => ({ claims: { htu: tokenUrl.replace(/:\d+/, ':1') } })],
    ['another scheme', () => ({ claims: { htu: tokenUrl.replace('http:', 'https:') } })],
    ['the path alone', () => ({ claims: { htu: '/oidc/token' } })],
    ['no address', () => ({ claims: { htu: undefined } })],
    ['an address that is a list', () => ({ claims: { htu: [tokenUrl] } })],
    ['an iat that is text', () => ({ claims: { iat: String(now()) } })],
    ['no iat', () => ({ claims: { iat: undefined } })],
    ['no jti', () => ({ claims: { jti: undefined } })],
    ['a jti of 5 KiB', () => ({ claims: { jti: 'x'.repeat(5000) } })],
    ['a jti that is a number', () => ({ claims: { jti: 7 } })],
    ['the type JWT', () => ({ header: { typ: 'JWT' } })],
    ['no type', () => ({ header: { typ: undefined } })],
    ['no key', () => ({ header: { jwk: undefined } })],
    ['a private key', () => ({ header: { jwk: key.privateKey.export({ format: 'jwk' }) } })],
    ['a symmetric key', () => ({ header: { jwk: { kty: 'oct', k: 'AAAA' } } })],
    ['the signature of another key', () => ({ signer: other.privateKey })],
    ['an unknown critical header', () => ({ header: { crit: ['x'], x: 1 } })],
  ])('%s is refused', async (_what, change) => {
    const dpop = await proofFor(key, 'POST', tokenUrl, change()).catch((error: Error) => `refused.here.${error.name}`);
    const answer = await machine(dpop);
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_dpop_proof']);
    expect(answer.body.access_token).toBeUndefined();
  });

  test.each<[string, () => Promise<string>]>([
    ['RS256, which is not offered', () => signedBy('RS256')],
    [
      'HS256',
      () =>
        new SignJWT({ htm: 'POST', htu: tokenUrl, jti: 'a', iat: now() })
          .setProtectedHeader({ typ: 'dpop+jwt', alg: 'HS256', jwk: key.jwk })
          .sign(Buffer.alloc(32)),
    ],
    [
      'no algorithm',
      async () =>
        `${encode({ typ: 'dpop+jwt', alg: 'none', jwk: key.jwk })}.${encode({ htm: 'POST', htu: tokenUrl, jti: 'a', iat: now() })}.`,
    ],
    ['an algorithm that is an object', async () => `${encode({ typ: 'dpop+jwt', alg: {}, jwk: key.jwk })}.e30.e30`],
    ['two proofs', async () => `${await proofFor(key, 'POST', tokenUrl)}, ${await proofFor(key, 'POST', tokenUrl)}`],
    ['text', async () => 'x'],
    ['three dots', async () => '...'],
  ])('%s is refused', async (_what, make) => {
    const answer = await machine(await make());
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_dpop_proof']);
  });

  test.each(['RS256', 'HS256', 'none'])('the answer to %s names the supported algorithms (§5.1)', async (alg) => {
    const answer = await machine(`${encode({ typ: 'dpop+jwt', alg, jwk: key.jwk })}.${encode({ jti: 'a' })}.e30`);
    expect(answer.body['error_description']).toBe(
      'unsupported alg in the DPoP proof; supported: ES256, EdDSA, Ed25519, PS256',
    );
  });

  test('a proof is valid once, also for another request (RFC 9449 §11.1)', async () => {
    const dpop = await proofFor(key, 'POST', tokenUrl);
    expect((await machine(dpop)).status).toBe(200);
    expect((await machine(dpop)).status).toBe(400);
  });

  test('one of fifty parallel uses of one proof succeeds', async () => {
    const dpop = await proofFor(key, 'POST', tokenUrl);
    const answers = await Promise.all(Array.from({ length: 50 }, () => machine(dpop)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('a server nonce replaces the time, an invented one does not (RFC 9449 §8)', async () => {
    const nonce = (await machine(await proofFor(key, 'POST', tokenUrl))).headers.get('dpop-nonce') ?? '';
    expect(nonce).toMatch(/^[\w-]{43}$/);
    const late = await machine(await proofFor(key, 'POST', tokenUrl, { claims: { nonce, iat: now() - 3600 } }));
    expect(late.status).toBe(200);
    const wrong = await machine(await proofFor(key, 'POST', tokenUrl, { claims: { nonce: 'x'.repeat(43) } }));
    expect([wrong.status, wrong.body.error]).toEqual([400, 'use_dpop_nonce']);
    expect(wrong.headers.get('dpop-nonce')).toMatch(/^[\w-]{43}$/);
  });

  test.each<[string, () => string]>([
    ['a query', () => `${tokenUrl}?a=b`],
    ['a fragment', () => `${tokenUrl}#a`],
    ['a query and a fragment', () => `${tokenUrl}?a=b&c#d?e`],
    ['scheme and host in upper case', () => tokenUrl.replace('http://localhost', 'HTTP://LocalHost')],
    ['escapes of unreserved characters', () => tokenUrl.replace('token', '%74oke%6E')],
    ['dot segments', () => tokenUrl.replace('/oidc', '/x/../oidc/.')],
    ['escapes, a query and dot segments', () => `${tokenUrl.replace('/oidc', '/%2e/%6fidc')}?#`],
  ])('an htu with %s is the same address (RFC 9449 §4.3, RFC 3986 §6.2.2)', async (_what, htu) => {
    const dpop = await proofFor(key, 'POST', tokenUrl, { claims: { htu: htu() } });
    expect((await machine(dpop)).status).toBe(200);
    expect((await machine(dpop)).status).toBe(400);
  });

  test.each(['DPoP+JWT', 'application/dpop+jwt', 'Application/DPOP+JWT'])(
    'the type %s is the same media type (RFC 7515 §4.1.9)',
    async (typ) => {
      expect((await machine(await proofFor(key, 'POST', tokenUrl, { header: { typ } }))).status).toBe(200);
    },
  );

  test.each([-86_400, -3600, -120, -65, 90, 120, 3600])(
    'a proof of a clock that is %d s off gets a nonce, with which the client goes on (RFC 9449 §8)',
    async (off) => {
      const proof = (claims: Record<string, unknown> = {}) =>
        proofFor(key, 'POST', tokenUrl, { claims: { iat: now() + off, ...claims } });
      const refused = await machine(await proof());
      expect([refused.status, refused.body.error]).toEqual([400, 'use_dpop_nonce']);
      expect(refused.body.access_token).toBeUndefined();
      const nonce = refused.headers.get('dpop-nonce') ?? '';
      const dpop = await proof({ nonce });
      expect((await machine(dpop)).status).toBe(200);
      const again = await machine(dpop);
      expect([again.status, again.body.access_token]).toEqual([400, undefined]);
      expect((await machine(await proof({ nonce: 'x'.repeat(nonce.length) }))).body.error).toBe('use_dpop_nonce');
    },
  );

  test('a client that binds its tokens gets none without a proof', async () => {
    const answer = await machine(undefined, {}, bound);
    expect(answer.status).toBe(400);
    expect(answer.body.access_token).toBeUndefined();
  });
});

describe('codes and refresh tokens (RFC 9449 §5, §10)', () => {
  test('a code that named a key is refused for another key', async () => {
    const exchange = await codeFor(client, { dpop_jkt: key.thumbprint });
    expect((await post(tokenUrl, client, exchange)).body.error).toBe('invalid_grant');
    const again = await codeFor(client, { dpop_jkt: key.thumbprint });
    const wrong = await post(tokenUrl, client, again, { dpop: await proofFor(other, 'POST', tokenUrl) });
    expect(wrong.body.error).toBe('invalid_grant');
    const right = await post(tokenUrl, client, await codeFor(client, { dpop_jkt: key.thumbprint }), {
      dpop: await proofFor(key, 'POST', tokenUrl),
    });
    expect(right.body['token_type']).toBe('DPoP');
  });

  test('a public client refreshes only with the same key (RFC 9449 §5)', async () => {
    const spa = await latchkey.client({ type: 'spa', first_party: true });
    const first = await boundTokens(spa);
    expect((await refresh(first.refresh_token, undefined, spa)).body.error).toBe('invalid_grant');
    const wrong = await refresh(first.refresh_token, await proofFor(other, 'POST', tokenUrl), spa);
    expect(wrong.body.error).toBe('invalid_grant');
    const right = await refresh(first.refresh_token, await proofFor(key, 'POST', tokenUrl), spa);
    expect([right.status, right.body['token_type']]).toEqual([200, 'DPoP']);
  });

  test('a client that binds its tokens cannot refresh to an unbound one', async () => {
    const first = await boundTokens(bound);
    const bare = await refresh(first.refresh_token, undefined, bound);
    expect(bare.status).toBe(400);
    const again = await refresh(first.refresh_token, await proofFor(key, 'POST', tokenUrl), bound);
    expect(again.body['token_type']).toBe('DPoP');
  });
});

describe('proofs at userinfo (RFC 9449 §7)', () => {
  test('the token opens it with a matching proof, by GET and by POST', async () => {
    const { access_token: token } = await boundTokens();
    for (const method of ['GET', 'POST']) {
      const dpop = await proofFor(key, method, userinfoUrl, {}, token);
      const answer = await userinfo({ authorization: `DPoP ${token}`, dpop }, method);
      expect([method, answer.status]).toEqual([method, 200]);
    }
  });

  test.each<[string, (token: string) => Promise<Record<string, string>>]>([
    ['the token as Bearer', async (t) => ({ authorization: `Bearer ${t}` })],
    [
      'the token as Bearer with a proof',
      async (t) => ({ authorization: `Bearer ${t}`, dpop: await proofFor(key, 'GET', userinfoUrl, {}, t) }),
    ],
    ['the token without a proof', async (t) => ({ authorization: `DPoP ${t}` })],
    [
      'a proof of another key',
      async (t) => ({ authorization: `DPoP ${t}`, dpop: await proofFor(other, 'GET', userinfoUrl, {}, t) }),
    ],
    [
      'a proof without ath',
      async (t) => ({ authorization: `DPoP ${t}`, dpop: await proofFor(key, 'GET', userinfoUrl) }),
    ],
    [
      'a proof for another token',
      async (t) => ({ authorization: `DPoP ${t}`, dpop: await proofFor(key, 'GET', userinfoUrl, {}, `${t}x`) }),
    ],
    [
      'a proof for the token endpoint',
      async (t) => ({ authorization: `DPoP ${t}`, dpop: await proofFor(key, 'POST', tokenUrl, {}, t) }),
    ],
  ])('%s is refused', async (_what, make) => {
    const { access_token: token } = await boundTokens();
    const answer = await userinfo(await make(token));
    expect([400, 401]).toContain(answer.status);
    expect(answer.headers.get('www-authenticate')).toMatch(/DPoP/);
    expect(await answer.text()).not.toContain(user.id);
  });

  test('a proof of a wrong clock gets a nonce, with which the client goes on (RFC 9449 §9)', async () => {
    const { access_token: token } = await boundTokens();
    const late = (claims: Record<string, unknown> = {}) =>
      proofFor(key, 'GET', userinfoUrl, { claims: { iat: now() - 600, ...claims } }, token);
    const refused = await userinfo({ authorization: `DPoP ${token}`, dpop: await late() });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(/^DPoP .*error="use_dpop_nonce"/);
    const dpop = await late({ nonce: refused.headers.get('dpop-nonce') ?? '' });
    expect((await userinfo({ authorization: `DPoP ${token}`, dpop })).status).toBe(200);
    expect((await userinfo({ authorization: `DPoP ${token}`, dpop })).status).toBe(401);
  });

  test('an htu with a query and escapes is the same address', async () => {
    const { access_token: token } = await boundTokens();
    const htu = `${userinfoUrl.replace('userinfo', '%75serinfo')}?schema=openid`;
    const dpop = await proofFor(key, 'GET', userinfoUrl, { claims: { htu } }, token);
    const answer = await fetch(`${userinfoUrl}?schema=openid`, { headers: { authorization: `DPoP ${token}`, dpop } });
    expect(answer.status).toBe(200);
  });

  test('a proof is valid once', async () => {
    const { access_token: token } = await boundTokens();
    const headers = { authorization: `DPoP ${token}`, dpop: await proofFor(key, 'GET', userinfoUrl, {}, token) };
    expect((await userinfo(headers)).status).toBe(200);
    expect((await userinfo(headers)).status).toBe(401);
  });

  test('a Bearer token is not accepted with a proof', async () => {
    const { body } = await post(tokenUrl, client, await codeFor());
    const dpop = await proofFor(key, 'GET', userinfoUrl, {}, body.access_token);
    const answer = await userinfo({ authorization: `DPoP ${body.access_token}`, dpop });
    expect(answer.status).toBe(401);
  });
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
function signedBy(alg: string): Promise<string> {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = pair.publicKey.export({ format: 'jwk' });
  return new SignJWT({ htm: 'POST', htu: tokenUrl, jti: 'a', iat: now() })
    .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk })
    .sign(pair.privateKey);
}
