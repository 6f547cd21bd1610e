import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { CompactEncrypt, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { clientAssertion, createSigner, requestObject, type Signer } from '../support/signer.ts';
import { authorizeUrl, type Page, pkce, post, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let must: TestClient;
let signer: Signer;
let user: TestUser;
let signedIn: Visitor;

const redirectUri = 'https://rp.example/cb';
const now = (): number => Math.floor(Date.now() / 1000);

beforeAll(async () => {
  latchkey = await startTestApp({ env: { OUTBOUND_ALLOW: '127.0.0.1' } });
  signer = await createSigner('ES256');
  client = await latchkey.client({
    first_party: true,
    redirect_uris: [redirectUri, 'https://rp.example/other'],
    jwks: signer.jwks,
    request_object_signing_alg: 'ES256',
  });
  must = await latchkey.client({
    first_party: true,
    redirect_uris: [redirectUri],
    jwks: signer.jwks,
    request_object_signing_alg: 'ES256',
    require_signed_request_object: true,
  });
  user = await latchkey.user();
  signedIn = new Visitor();
  await signedIn.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
});
afterAll(() => latchkey.close());

const inside = (extra: Record<string, unknown> = {}): Record<string, unknown> => ({
  redirect_uri: redirectUri,
  response_type: 'code',
  scope: 'openid',
  state: 'inside',
  nonce: 'no',
  code_challenge: pkce().challenge,
  code_challenge_method: 'S256',
  ...extra,
});
const signed = (
  extra: Record<string, unknown> = {},
  header?: Record<string, unknown>,
  by = signer,
  of = client,
): Promise<string> => requestObject(by, of.client_id, latchkey.base, inside(extra), header);
const send = (request: string, outside: Record<string, string> = {}, of = client): Promise<Page> =>
  signedIn.request(
    `${latchkey.base}/oidc/auth?${new URLSearchParams({ client_id: of.client_id, response_type: 'code', scope: 'openid', request, ...outside }).toString()}`,
  );
const answer = (page: Page): Record<string, string> => Object.fromEntries(new URL(page.location ?? 'x:').searchParams);

function expectRefused(page: Page, error = 'invalid_request_object'): void {
  expect(page.location ?? '').not.toContain('code=');
  const told = answer(page)['error'] ?? /<code>(invalid_\w+|\w+_not_supported)<\/code>/.exec(page.text)?.[1];
  expect(told).toBe(error);
}

describe('a signed request (RFC 9101 §4, OpenID Connect Core §6.1)', () => {
  test('gives the response to its parameters', async () => {
    expect(answer(await send(await signed()))).toEqual({
      code: expect.stringMatching(/^lk_ac_/),
      state: 'inside',
      iss: latchkey.base,
    });
  });

  test.each(['oauth-authz-req+jwt', 'JWT', undefined])('of the type %s is accepted (§10.8)', async (typ) => {
    expect(answer(await send(await signed({}, typ === undefined ? {} : { typ })))['code']).toMatch(/^lk_ac_/);
  });

  test('with several audiences is accepted (OpenID Connect Core §6.1)', async () => {
    expect(answer(await send(await signed({ aud: ['https://other.example', latchkey.base] })))['code']).toMatch(
      /^lk_ac_/,
    );
  });

  test('of a clock eight seconds ahead is accepted (FAPI 2.0 §5.3.2.1)', async () => {
    expect(answer(await send(await signed({ nbf: now() + 8, iat: now() + 8 })))['code']).toMatch(/^lk_ac_/);
  });

  test('claims may be an object in it', async () => {
    expect(answer(await send(await signed({ claims: { id_token: { auth_time: null } } })))['code']).toMatch(/^lk_ac_/);
  });

  test('parameters beside it are ignored (§6.3)', async () => {
    const page = await send(await signed(), {
      redirect_uri: 'https://rp.example/other',
      state: 'outside',
      prompt: 'login',
      scope: 'openid email',
      response_mode: 'fragment',
    });
    expect(page.location).toMatch(/^https:\/\/rp\.example\/cb\?/);
    expect(answer(page)).toMatchObject({ code: expect.any(String), state: 'inside' });
  });

  test('a state outside is ignored', async () => {
    expect(answer(await send(await signed({ state: undefined }), { state: 'outside' }))).not.toHaveProperty('state');
  });

  test('may be pushed (RFC 9126 §3)', async () => {
    const pushed = await post(`${latchkey.base}/oidc/par`, client, {
      request: await signed(),
      state: 'outside',
      scope: 'openid email',
    });
    expect(pushed.status).toBe(201);
    const page = await signedIn.request(
      `${latchkey.base}/oidc/auth?${new URLSearchParams({ client_id: client.client_id, request_uri: String(pushed.body['request_uri']) }).toString()}`,
    );
    expect(answer(page)['state']).toBe('inside');
  });
});

describe('a refused request object (RFC 9101 §6.2, §10)', () => {
  const claims: Record<string, Record<string, unknown>> = {
    'for another issuer': { aud: 'https://other.example' },
    'for our token endpoint': { aud: 'https://other.example/oidc/token' },
    'for nobody': { aud: undefined },
    'from another issuer': { iss: 'another' },
    'from nobody': { iss: undefined },
    'of another client': { client_id: 'another' },
    'that never ends': { exp: undefined },
    'that is over': { exp: now() - 60, nbf: now() - 120 },
    'that begins in two minutes': { nbf: now() + 120, exp: now() + 180 },
    'that was signed in two minutes': { iat: now() + 120 },
    'that is good for 61 minutes': { nbf: now(), exp: now() + 61 * 60 },
    'that began 61 minutes ago': { nbf: now() - 61 * 60, exp: now() + 60 },
    'with times as text': { exp: String(now() + 60) },
    'with a request in it': { request: 'x' },
    'with a request_uri in it': { request_uri: 'urn:x' },
    'whose sub is the client (it is an assertion)': { sub: 'CLIENT' },
    'with another response type than outside': { response_type: 'code id_token' },
    'with a list for a state': { state: ['a', 'b'] },
  };

  test.each(Object.entries(claims))('%s', async (what, extra) => {
    const given = extra['sub'] === 'CLIENT' ? { sub: client.client_id } : extra;
    const page = await send(await signed(given));
    expect(page.location ?? '').not.toContain('code=');
    expect(
      page.location === null ||
        /error=(invalid_request_object|invalid_request|unsupported_response_type)/.test(page.location),
      what,
    ).toBe(true);
  });

  test.each([{ typ: 'at+jwt' }, { typ: 'dpop+jwt' }, { typ: 'logout+jwt' }, { crit: ['b64'], b64: true }])(
    'with the header %j',
    async (header) => {
      expectRefused(await send(await signed({}, header)));
    },
  );

  test('without a signature', async () => {
    const [header, body] = [
      { alg: 'none' },
      { iss: client.client_id, aud: latchkey.base, client_id: client.client_id, exp: now() + 60, ...inside() },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    expectRefused(await send(`${header}.${body}.`));
  });

  test('whose signature was cut off', async () => {
    expectRefused(await send((await signed()).replace(/[^.]+$/, '')));
  });

  test('signed by another key under the same name', async () => {
    const forger = await createSigner('ES256');
    expectRefused(await send(await signed({}, { kid: signer.jwk.kid }, forger)));
  });

  test('signed by a key that came with it (jwk, jku, x5u)', async () => {
    const forger = await createSigner('ES256');
    for (const header of [
      { jwk: forger.jwk },
      { jku: 'https://evil.example/jwks' },
      { x5u: 'https://evil.example/x5u' },
    ])
      expectRefused(await send(await signed({}, header, forger)));
  });

  test('signed with another algorithm than was registered', async () => {
    const rsa = await createSigner('RS256');
    const both = await latchkey.client({
      first_party: true,
      redirect_uris: [redirectUri],
      jwks: { keys: [signer.jwk, rsa.jwk] },
      request_object_signing_alg: 'ES256',
    });
    expectRefused(await send(await signed({}, {}, rsa, both), {}, both));
    expect(answer(await send(await signed({}, {}, signer, both), {}, both))['code']).toMatch(/^lk_ac_/);
  });

  test('of a client without keys', async () => {
    const keyless = await latchkey.client({ first_party: true, redirect_uris: [redirectUri] });
    expectRefused(await send(await signed({}, undefined, signer, keyless), {}, keyless));
  });

  test('signed with the client secret or the public key as a secret', async () => {
    const claimed = {
      iss: client.client_id,
      aud: latchkey.base,
      client_id: client.client_id,
      exp: now() + 60,
      nbf: now(),
      ...inside(),
    };
    for (const secret of [client.client_secret, JSON.stringify(signer.jwk)])
      expectRefused(
        await send(
          await new SignJWT(claimed).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret.padEnd(32))),
        ),
      );
  });

  test('encrypted, with nothing signed inside', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwe = await new CompactEncrypt(Buffer.from(JSON.stringify(inside())))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A128GCM' })
      .encrypt(publicKey);
    expectRefused(await send(jwe));
  });

  test('that is the client assertion of the same client', async () => {
    expectRefused(await send(await clientAssertion(signer, client.client_id, latchkey.base, inside())));
  });

  test.each(['', 'x', 'x.y', 'x.y.z', '...', `${'e30'}.${'bnVsbA'}.x`])('that is not a JWT: %j', async (text) => {
    const page = await send(text);
    expect(page.location ?? '').not.toContain('code=');
    expect(page.status).toBeLessThan(500);
  });
});

describe('the place of a refusal', () => {
  test('a redirect_uri inside that is not registered causes no redirect', async () => {
    const page = await send(await signed({ redirect_uri: 'https://evil.example/cb' }));
    expect([page.status, page.location]).toEqual([400, null]);
    expect(page.text).toContain('redirect');
  });

  test('a valid one outside does not replace a bad one inside', async () => {
    const page = await send(await signed({ redirect_uri: 'https://evil.example/cb' }), { redirect_uri: redirectUri });
    expect([page.status, page.location]).toEqual([400, null]);
  });
});

describe('a client that must sign (RFC 9101 §10.5)', () => {
  test('is refused an unsigned request', async () => {
    const page = await signedIn.request(
      authorizeUrl(latchkey.base, must, { code_challenge: pkce().challenge, redirect_uri: redirectUri }),
    );
    expect(answer(page)).toMatchObject({
      error: 'invalid_request',
      error_description: 'Request Object must be used by this client',
    });
    const pushed = await post(
      `${latchkey.base}/oidc/par`,
      must,
      Object.fromEntries(new URL(authorizeUrl(latchkey.base, must, { code_challenge: pkce().challenge })).searchParams),
    );
    expect(pushed.body.error).toBe('invalid_request');
  });

  test('receives the response to its signed request', async () => {
    expect(answer(await send(await signed({}, undefined, signer, must), {}, must))['code']).toMatch(/^lk_ac_/);
  });
});

describe('a request by reference (RFC 9101 §5.2)', () => {
  test('is not fetched, and is refused', async () => {
    let asked = 0;
    const port = await freePort();
    const server = createServer((_req, res) => {
      asked += 1;
      res.end('x');
    }).listen(port, '127.0.0.1');
    const page = await signedIn.request(
      `${authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge })}&request_uri=${encodeURIComponent(`http://127.0.0.1:${port}/request.jwt`)}`,
    );
    server.close();
    expect(answer(page)['error']).toBe('request_uri_not_supported');
    expect(asked).toBe(0);
  });
});
