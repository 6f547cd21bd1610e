import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeJwt } from 'jose';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
const signedIn = new Visitor();

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({
    first_party: true,
    redirect_uris: ['http://127.0.0.1:9/cb', 'http://127.0.0.1:9/cb?tenant=1&empty=', 'http://127.0.0.1:9/cb?x=%C3%A9'],
  });
  user = await latchkey.user();
  await signedIn.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
});
afterAll(() => latchkey.close());

async function answer(asked: Record<string, string | undefined>, visitor = signedIn): Promise<URL> {
  const page = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...asked }));
  if (page.location === null) throw new Error(`no redirect but ${page.status} ${page.url}`);
  return new URL(page.location);
}

const texts: Record<string, string> = {
  'reserved characters of a query': '&=%+ "<>;?#/\\',
  'text that is encoded twice': '%2541%20+%2B',
  'other alphabets': 'é漢字🔑\u202e',
  'line ends and a header': 'a\r\nSet-Cookie: x=1\r\n\r\n<html>',
  'a script': '"><script>alert(1)</script>',
  JSON: JSON.stringify({ to: '/path?a=b&c=d', n: [1, 2] }),
  'spaces at both ends': ' x ',
  '512 characters': '0123456789abcdef'.repeat(32),
  '2,048 characters': 'a-b_'.repeat(512),
};

describe('state and nonce are returned unchanged (RFC 6749 §4.1.2, OpenID Connect Core §3.1.2.1)', () => {
  test.each(Object.entries(texts))('state: %s', async (_what, state) => {
    expect((await answer({ state })).searchParams.getAll('state')).toEqual([state]);
    expect((await answer({ state, prompt: 'none', max_age: '-1' })).searchParams.getAll('state')).toEqual([state]);
  });

  test.each(Object.entries(texts))('nonce: %s', async (_what, nonce) => {
    const { verifier, challenge } = pkce();
    const code = (await answer({ nonce, code_challenge: challenge })).searchParams.get('code') ?? '';
    const tokens = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    });
    expect(decodeJwt(tokens.body.id_token)['nonce']).toBe(nonce);
  });

  test('without them the response has none', async () => {
    const { verifier, challenge } = pkce();
    const back = await answer({ state: undefined, nonce: undefined, code_challenge: challenge });
    expect(back.searchParams.has('state')).toBe(false);
    const tokens = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    });
    expect(decodeJwt(tokens.body.id_token)).not.toHaveProperty('nonce');
  });

  test('none of their characters becomes a header', async () => {
    const page = await signedIn.request(
      authorizeUrl(latchkey.base, client, {
        code_challenge: pkce().challenge,
        state: 'a\r\nX-Injected: 1',
        prompt: 'none',
        max_age: '-1',
      }),
    );
    expect(page.headers.get('x-injected')).toBeNull();
    expect(page.status).toBe(303);
  });
});

describe('the issuer is in every response (RFC 9207 §2)', () => {
  const stranger = () => new Visitor();
  test.each([
    ['a code', {}, signedIn, null],
    ['nobody is signed in', { prompt: 'none' }, stranger(), 'login_required'],
    ['an unknown response type', { response_type: 'teapot' }, signedIn, 'unsupported_response_type'],
    ['a scope with a quote', { scope: 'openid "' }, signedIn, 'invalid_scope'],
    ['a bad prompt', { prompt: 'none login' }, signedIn, 'invalid_request'],
    ['a garbled request object', { request: 'x' }, signedIn, 'invalid_request_object'],
    ['a request by reference', { request_uri: 'https://evil.example/x' }, signedIn, 'request_uri_not_supported'],
    ['registration by parameter', { registration: '{}' }, signedIn, 'registration_not_supported'],
    ['an unknown resource', { resource: 'https://unknown.example' }, signedIn, 'invalid_target'],
  ] as const)('%s', async (_what, asked, visitor, error) => {
    const { searchParams } = await answer(asked, visitor);
    expect(searchParams.getAll('iss')).toEqual([latchkey.base]);
    expect(searchParams.get('error')).toBe(error);
    expect(searchParams.getAll('state')).toEqual(['st']);
    expect(searchParams.has('code')).toBe(error === null);
  });

  test('also when the user denies consent', async () => {
    const third = await latchkey.client();
    const visitor = new Visitor();
    await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
    const page = await visitor.open(authorizeUrl(latchkey.base, third, { code_challenge: pkce().challenge }));
    const back = new URL((await visitor.submit(page, {}, 'deny')).location ?? '');
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'The person did not allow this.',
      state: 'st',
      iss: latchkey.base,
    });
  });
});

describe('a redirect_uri with a query of its own (RFC 6749 §3.1.2)', () => {
  test.each(['http://127.0.0.1:9/cb?tenant=1&empty=', 'http://127.0.0.1:9/cb?x=%C3%A9'])(
    '%s keeps it',
    async (redirect_uri) => {
      const back = await answer({ redirect_uri });
      for (const [name, value] of new URL(redirect_uri).searchParams)
        expect(back.searchParams.getAll(name)).toEqual([value]);
      for (const name of ['code', 'state', 'iss']) expect(back.searchParams.getAll(name)).toHaveLength(1);
    },
  );

  test('cannot name a parameter of the response', async () => {
    await expect(latchkey.client({ redirect_uris: ['http://127.0.0.1:9/cb?code=mine'] })).rejects.toThrow(
      'part of the response',
    );
  });

  test('must be the same at the token endpoint (RFC 6749 §4.1.3)', async () => {
    for (const redirect_uri of ['http://127.0.0.1:9/cb', '', undefined]) {
      const { verifier, challenge } = pkce();
      const code =
        (
          await answer({ redirect_uri: 'http://127.0.0.1:9/cb?tenant=1&empty=', code_challenge: challenge })
        ).searchParams.get('code') ?? '';
      const tokens = await post(`${latchkey.base}/oidc/token`, client, {
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        ...(redirect_uri === undefined ? {} : { redirect_uri }),
      });
      expect(['invalid_grant', 'invalid_request']).toContain(tokens.body.error);
    }
  });
});

describe('the redirect itself', () => {
  test('is a 303, is not cached and leaks nothing (RFC 9700 §4.12)', async () => {
    const page = await signedIn.request(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
    expect(page.status).toBe(303);
    expect(page.headers.get('cache-control')).toContain('no-store');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
  });
});

describe('requests by POST (OpenID Connect Core §3.1.2.1)', () => {
  const send = (body: string, type = 'application/x-www-form-urlencoded') =>
    fetch(`${latchkey.base}/oidc/auth`, {
      method: 'POST',
      redirect: 'manual',
      body,
      headers: {
        'content-type': type,
        cookie: signedIn.cookies(`${latchkey.base}/oidc/auth`),
        origin: 'https://rp.example',
        'sec-fetch-site': 'cross-site',
      },
    });
  const parameters = (extra: Record<string, string> = {}): string =>
    new URL(
      authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra }),
    ).searchParams.toString();

  test('are repeated by GET, so that the session cookie is sent, with the same response', async () => {
    const first = await send(parameters({ state: 'é &=' }));
    expect(first.status).toBe(303);
    const next = await signedIn.request(new URL(first.headers.get('location') ?? '', latchkey.base).href);
    const back = new URL(next.location ?? '');
    expect(back.searchParams.get('state')).toBe('é &=');
    expect(back.searchParams.get('code')).toMatch(/^lk_ac_/);
  });

  test('with a bad redirect_uri are not redirected', async () => {
    const first = await send(parameters({ redirect_uri: 'https://evil.example/cb' }));
    const next = await signedIn.request(new URL(first.headers.get('location') ?? '', latchkey.base).href);
    expect([next.status, next.location]).toEqual([400, null]);
  });

  test('cannot lead to another host', async () => {
    for (const body of ['', '//evil.example', '/\\evil.example', 'x=%0d%0aLocation:https://evil.example'])
      expect(new URL((await send(body)).headers.get('location') ?? '', latchkey.base).origin).toBe(latchkey.base);
  });

  test('too long for an address are refused with a page, not redirected', async () => {
    const answered = await send(parameters({ state: 'a'.repeat(9000) }));
    expect(answered.status).toBe(413);
    expect(answered.headers.get('location')).toBeNull();
    expect(answered.headers.get('content-type')).toMatch(/^text\/html/);
  });

  test.each(['application/json', 'multipart/form-data; boundary=x', 'text/plain'])(
    'as %s are refused',
    async (type) => {
      const answered = await send(parameters(), type);
      expect(answered.status).toBeGreaterThanOrEqual(400);
      expect(answered.status).toBeLessThan(500);
      expect(answered.headers.get('location')).toBeNull();
    },
  );
});

describe('the size of a request', () => {
  test('an address of 8 KiB is read', async () => {
    expect((await answer({ state: 'a'.repeat(7500) })).searchParams.get('state')).toHaveLength(7500);
  });

  test('a longer one is refused without a redirect', async () => {
    const page = await signedIn.request(authorizeUrl(latchkey.base, client, { state: 'a'.repeat(9000) }));
    expect([page.status, page.location]).toEqual([414, null]);
  });

  test.each(['%00', '%ff%fe', '%c3%28'])('%s is a bad request, never a fault', async (bytes) => {
    const page = await signedIn.request(`${authorizeUrl(latchkey.base, client, { state: undefined })}&state=${bytes}`);
    expect([page.status, page.location]).toEqual([400, null]);
  });
});
