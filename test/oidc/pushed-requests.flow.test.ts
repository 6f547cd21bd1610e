import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, type Page, pkce, post, type TokenAnswer, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let other: TestClient;
let spa: TestClient;
let required: TestClient;
let user: TestUser;
let signedIn: Visitor;

const redirectUri = 'https://rp.example/cb';

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true, redirect_uris: [redirectUri] });
  other = await latchkey.client({ first_party: true, redirect_uris: [redirectUri] });
  spa = await latchkey.client({ first_party: true, type: 'spa', redirect_uris: [redirectUri] });
  required = await latchkey.client({
    first_party: true,
    redirect_uris: [redirectUri],
    require_pushed_authorization_requests: true,
  });
  user = await latchkey.user();
  signedIn = new Visitor();
  await signedIn.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
});
afterAll(() => latchkey.close());
afterEach(() => vi.useRealTimers());

const parameters = (extra: Record<string, string | undefined> = {}, of = client): Record<string, string> =>
  Object.fromEntries(
    new URL(authorizeUrl(latchkey.base, of, { code_challenge: pkce().challenge, ...extra })).searchParams,
  );
const push = (
  given: Record<string, string> = parameters(),
  of: Pick<TestClient, 'client_id' | 'client_secret'> = client,
): Promise<TokenAnswer> => post(`${latchkey.base}/oidc/par`, of, given);
const uriOf = async (given?: Record<string, string>): Promise<string> =>
  String((await push(given)).body['request_uri']);
const use = (request_uri: string, extra: Record<string, string> = {}, of = client, visitor = signedIn): Promise<Page> =>
  visitor.request(
    `${latchkey.base}/oidc/auth?${new URLSearchParams({ client_id: of.client_id, request_uri, ...extra }).toString()}`,
  );
const answer = (page: Page): Record<string, string> => Object.fromEntries(new URL(page.location ?? 'x:').searchParams);

describe('pushing a request (RFC 9126 §2)', () => {
  test('returns a random reference that is valid for a minute', async () => {
    const { status, body, headers } = await push();
    expect(status).toBe(201);
    expect(body).toEqual({
      expires_in: 60,
      request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:[\w-]{43,}$/),
    });
    expect(headers.get('cache-control')).toContain('no-store');
    expect((await push()).body['request_uri']).not.toBe(body['request_uri']);
  });

  test('a public client pushes with its id only', async () => {
    const { client_secret: _none, ...rest } = spa;
    expect((await push(parameters({}, spa), { ...rest, client_secret: '' })).status).toBe(201);
  });

  test.each([
    ['a wrong secret', () => ({ ...client, client_secret: 'wrong' }), 401, 'invalid_client'],
    ['an unknown client', () => ({ client_id: 'nobody', client_secret: 'x' }), 401, 'invalid_client'],
    [
      'no authentication of a confidential client',
      () => ({ client_id: client.client_id, client_secret: '' }),
      401,
      'invalid_client',
    ],
  ] as const)('%s is refused (§2.1)', async (_what, as, status, error) => {
    const refused = await push(parameters({ client_id: as().client_id }), as());
    expect([refused.status, refused.body.error]).toEqual([status, error]);
    expect(refused.body['request_uri']).toBeUndefined();
  });

  test.each([
    ['a bad redirect_uri', { redirect_uri: 'https://evil.example/cb' }, 'invalid_request'],
    ['no redirect_uri', { redirect_uri: undefined }, 'invalid_request'],
    ['no PKCE (RFC 9700 §2.1.1)', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['an unknown response mode', { response_mode: 'teapot' }, 'unsupported_response_mode'],
    ['a scope with a quote', { scope: 'openid "' }, 'invalid_scope'],
    ['an unknown prompt', { prompt: 'dance' }, 'invalid_request'],
    ['an unknown resource', { resource: 'https://unknown.example' }, 'invalid_target'],
    ['garbled claims', { claims: '{' }, 'invalid_request'],
    ['a request_uri in it (§2.1)', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }, 'request_uri_not_supported'],
    ['a request_uri to the web', { request_uri: 'https://evil.example/x' }, 'request_uri_not_supported'],
    ['the name of another client', { client_id: 'another' }, 'invalid_request'],
  ])('%s is refused as at the authorization endpoint (§2.3)', async (_what, extra, error) => {
    const { status, body } = await push(parameters(extra));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    if (error === 'invalid_request') expect(['invalid_request', 'invalid_client']).toContain(body.error);
    else expect(body.error).toBe(error);
    expect(body['request_uri']).toBeUndefined();
  });

  test.each(['GET', 'PUT', 'DELETE'])('%s is refused', async (method) => {
    expect((await fetch(`${latchkey.base}/oidc/par`, { method })).status).toBe(405);
  });

  test('a duplicate parameter is refused', async () => {
    const body = `${new URLSearchParams(parameters()).toString()}&scope=email`;
    const refused = await fetch(`${latchkey.base}/oidc/par`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
      },
    });
    expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([400, 'invalid_request']);
  });

  test('a request longer than an address is accepted', async () => {
    const uri = await uriOf(parameters({ nonce: 'a'.repeat(20_000) }));
    expect(answer(await use(uri))['code']).toMatch(/^lk_ac_/);
  });
});

describe('using a pushed request (RFC 9126 §4)', () => {
  test('gives the response to its parameters', async () => {
    expect(answer(await use(await uriOf(parameters({ state: 'pushed' }))))).toEqual({
      code: expect.stringMatching(/^lk_ac_/),
      state: 'pushed',
      iss: latchkey.base,
    });
  });

  test('parameters beside it are ignored (RFC 9101 §6.3)', async () => {
    const page = await use(await uriOf(parameters({ state: 'pushed' })), {
      redirect_uri: 'https://evil.example/cb',
      state: 'outside',
      scope: 'openid email',
      response_mode: 'fragment',
      prompt: 'login',
      code_challenge: 'x',
      nonce: 'outside',
    });
    expect(page.location).toMatch(/^https:\/\/rp\.example\/cb\?/);
    expect(answer(page)).toMatchObject({ code: expect.any(String), state: 'pushed' });
  });

  test('parameters that were not pushed cannot be added: state, nonce', async () => {
    const back = answer(await use(await uriOf(parameters({ state: undefined })), { state: 'outside' }));
    expect(back).not.toHaveProperty('state');
    expect(back).toHaveProperty('code');
  });

  test('pushed PKCE cannot be replaced in the address (RFC 9700 §4.8)', async () => {
    const [mine, theirs] = [pkce(), pkce()];
    const { code = '' } = answer(
      await use(await uriOf(parameters({ code_challenge: mine.challenge })), {
        code_challenge: theirs.challenge,
        code_challenge_method: 'S256',
      }),
    );
    const redeem = (code_verifier: string) =>
      post(`${latchkey.base}/oidc/token`, client, {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier,
      });
    expect((await redeem(theirs.verifier)).body.error).toBe('invalid_grant');
  });

  test('works once: the second use is refused, and so is the third', async () => {
    const uri = await uriOf();
    expect(answer(await use(uri))['code']).toMatch(/^lk_ac_/);
    for (const page of [await use(uri), await use(uri)]) {
      expect(page.location ?? '').not.toContain('code=');
      expect(page.status).toBe(400);
      expect(page.text).toContain('invalid_request_uri');
    }
  });

  test('works once also with the sign-in page in between (OpenID FAPI 2.0 §5.3.2.2 note)', async () => {
    const uri = await uriOf();
    const [first, second] = [new Visitor(), new Visitor()];
    const begun = [
      (await use(uri, {}, client, first)).location ?? '',
      (await use(uri, {}, client, second)).location ?? '',
    ] as const;
    expect((await first.request(begun[0])).status).toBe(200);
    expect((await second.request(begun[1])).status).toBe(200);
    expect((await first.signIn(begun[0], user)).get('code')).toMatch(/^lk_ac_/);
    const late = await second.signIn(begun[1], user).catch((error: unknown) => String(error));
    expect(String(late)).not.toContain('code=');
  });

  test('belongs to the client that pushed it', async () => {
    const page = await use(await uriOf(), {}, other);
    expect(page.location ?? '').not.toContain('code=');
    expect(page.status).toBe(400);
  });

  test('is invalid after a minute', async () => {
    const uri = await uriOf();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    const page = await use(uri);
    expect([page.status, page.location]).toEqual([400, null]);
    expect(page.text).toContain('invalid_request_uri');
  });

  test.each([
    'urn:ietf:params:oauth:request_uri:',
    'urn:ietf:params:oauth:request_uri:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'urn:ietf:params:oauth:request_uri:../../x',
    'urn:ietf:params:oauth:request_uri:%00',
  ])('%s is unknown', async (uri) => {
    const page = await use(uri);
    expect([page.status, page.location]).toEqual([400, null]);
  });

  test('needs client_id beside it (RFC 9126 §4)', async () => {
    const page = await signedIn.request(
      `${latchkey.base}/oidc/auth?${new URLSearchParams({ request_uri: await uriOf() }).toString()}`,
    );
    expect([page.status, page.location]).toEqual([400, null]);
  });

  test('cannot be combined with a request object', async () => {
    const page = await use(await uriOf(), { request: 'x.y.z' });
    expect(page.location ?? '').not.toContain('code=');
  });
});

describe('a client that must push (RFC 9126 §6)', () => {
  test('is refused a request through the browser', async () => {
    const page = await signedIn.request(authorizeUrl(latchkey.base, required, { code_challenge: pkce().challenge }));
    expect(answer(page)).toMatchObject({
      error: 'invalid_request',
      error_description: 'Pushed Authorization Request must be used',
    });
  });

  test('receives the response to its pushed request', async () => {
    const uri = String((await push(parameters({}, required), required)).body['request_uri']);
    expect(answer(await use(uri, {}, required))['code']).toMatch(/^lk_ac_/);
  });
});
