import { createHash } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let user: TestUser;
let codeOnly: TestClient;
let hybrid: TestClient;
let keys: ReturnType<typeof createLocalJWKSet>;
const signedIn = new Visitor();
const redirectUri = 'https://rp.example/cb';
const api = 'https://lists.example';
const all = ['code', 'id_token', 'id_token token', 'code id_token', 'code token', 'code id_token token'];
const frontChannel = all.slice(1);

beforeAll(async () => {
  latchkey = await startTestApp();
  codeOnly = await latchkey.client({ first_party: true, redirect_uris: [redirectUri] });
  await latchkey.run('apis.create', { identifier: api, scopes: [{ name: 'read' }] });
  hybrid = await latchkey.client({
    first_party: true,
    apis: { [api]: ['*'] },
    redirect_uris: [redirectUri],
    response_types: all,
    grant_types: ['authorization_code', 'implicit', 'refresh_token'],
  });
  user = await latchkey.user();
  await signedIn.signIn(authorizeUrl(latchkey.base, codeOnly, { code_challenge: pkce().challenge }), user);
  keys = createLocalJWKSet((await (await fetch(`${latchkey.base}/oidc/jwks`)).json()) as JSONWebKeySet);
});
afterAll(() => latchkey.close());

const ask = (client: TestClient, asked: Record<string, string | undefined>): Promise<Page> =>
  signedIn.request(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...asked }));
const anywhere = (page: Page): URLSearchParams => {
  const { search, hash } = new URL(page.location ?? 'x:');
  return new URLSearchParams(hash ? hash.slice(1) : search);
};

/** OpenID Connect Core §3.3.2.11: the left half of the hash that the signature uses. */
const half = (text: string): string => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');

describe('by default only code is allowed (RFC 9700 §2.1.2)', () => {
  test.each([...frontChannel, 'token', 'none', 'teapot', 'code teapot', ''])(
    'response_type %j is refused',
    async (response_type) => {
      const answer = anywhere(await ask(codeOnly, { response_type }));
      expect(['unsupported_response_type', 'invalid_request']).toContain(answer.get('error'));
      for (const name of ['code', 'id_token', 'access_token']) expect(answer.has(name)).toBe(false);
    },
  );

  test('a client with further registered types is refused them, and still gets codes', async () => {
    for (const response_type of frontChannel)
      // The server knows `code id_token` for clients of FAPI 1.0.
      expect(anywhere(await ask(hybrid, { response_type })).get('error')).toBe(
        response_type === 'code id_token' ? 'invalid_request' : 'unsupported_response_type',
      );
    expect(anywhere(await ask(hybrid, {})).get('code')).toMatch(/^lk_ac_/);
  });
});

describe('with the setting oidc.responseTypes=all', () => {
  beforeAll(() => latchkey.run('settings.update', { name: 'oidc.responseTypes', value: '"all"' }));

  test.each([...frontChannel, 'none'])(
    'response_type %j is refused to a client that has not registered it',
    async (response_type) => {
      const answer = anywhere(await ask(codeOnly, { response_type }));
      expect(['invalid_request', 'unauthorized_client', 'unsupported_response_type']).toContain(answer.get('error'));
      for (const name of ['code', 'id_token', 'access_token']) expect(answer.has(name)).toBe(false);
    },
  );

  test('token alone stays refused (RFC 9700 §2.1.2)', async () => {
    expect(anywhere(await ask(hybrid, { response_type: 'token' })).get('error')).toBe('unsupported_response_type');
  });

  test.each(frontChannel)(
    '%s returns its members in the fragment (OpenID Connect Core §3.2.2.5, §3.3.2.5)',
    async (response_type) => {
      const page = await ask(hybrid, { response_type });
      expect(new URL(page.location ?? 'x:').search).toBe('');
      const answer = anywhere(page);
      const wanted = response_type.split(' ').map((word) => (word === 'token' ? 'access_token' : word));
      for (const name of ['code', 'id_token', 'access_token'])
        expect([name, answer.has(name)]).toEqual([name, wanted.includes(name)]);
      if (answer.has('access_token')) {
        expect(answer.get('token_type')).toBe('Bearer');
        expect(Number(answer.get('expires_in'))).toBeGreaterThan(0);
      }
      expect(answer.getAll('state')).toEqual(['st']);
      // RFC 9207 §2
      expect(answer.getAll('iss')).toEqual([latchkey.base]);
      const idToken = answer.get('id_token');
      if (idToken === null) return;
      const { payload } = await jwtVerify(idToken, keys, {
        issuer: latchkey.base,
        audience: hybrid.client_id,
        algorithms: ['RS256'],
      });
      expect(payload['nonce']).toBe('no');
      expect(payload['at_hash']).toBe(answer.has('access_token') ? half(answer.get('access_token') ?? '') : undefined);
      expect(payload['c_hash']).toBe(answer.has('code') ? half(answer.get('code') ?? '') : undefined);
    },
  );

  test('the words may be in any order (OAuth 2.0 Multiple Response Types §3)', async () => {
    expect(anywhere(await ask(hybrid, { response_type: 'token code id_token' })).get('id_token')).toMatch(/^ey/);
  });

  test.each(frontChannel.filter((type) => type.includes('id_token')))(
    '%s needs a nonce (OpenID Connect Core §3.2.2.1)',
    async (response_type) => {
      const answer = anywhere(await ask(hybrid, { response_type, nonce: undefined }));
      expect(answer.get('error')).toBe('invalid_request');
      expect(answer.get('id_token')).toBeNull();
    },
  );

  test.each(frontChannel)('%s is never in the query (OAuth 2.0 Multiple Response Types §3)', async (response_type) => {
    const page = await ask(hybrid, { response_type, response_mode: 'query' });
    expect(anywhere(page).get('error')).toBe('invalid_request');
    expect(page.location).not.toMatch(/id_token=|access_token=|code=/);
  });

  test.each(frontChannel.filter((type) => type.startsWith('code')))(
    '%s: code and PKCE belong together',
    async (response_type) => {
      expect(
        anywhere(await ask(hybrid, { response_type, code_challenge: undefined, code_challenge_method: undefined })).get(
          'error',
        ),
      ).toBe('invalid_request');
    },
  );

  const named = { scope: 'openid email read', resource: api };
  test.each<[string, Record<string, string>, boolean]>([
    ['id_token', { scope: 'openid email' }, true],
    ['id_token token', { scope: 'openid email' }, false],
    ['id_token token', named, true],
    ['code id_token', { scope: 'openid email' }, false],
    ['code id_token', named, false],
    ['code id_token', { ...named, resource: '', audience: api }, false],
    ['code id_token', { scope: 'openid email read' }, false],
    ['code id_token token', named, false],
  ])('%s, %j: has the claims %s, where no other answer brings them (OpenID Connect Core §5.4)', async (...row) => {
    const [response_type, asked, isTold] = row;
    const answer = anywhere(await ask(hybrid, { response_type, ...asked }));
    const { payload } = await jwtVerify(answer.get('id_token') ?? '', keys);
    expect(payload['email']).toBe(isTold ? user.email : undefined);
  });

  test('an access token from the front channel opens userinfo', async () => {
    const answer = anywhere(await ask(hybrid, { response_type: 'id_token token', scope: 'openid email' }));
    const info = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${answer.get('access_token') ?? ''}` },
    });
    expect(await info.json()).toMatchObject({ sub: user.id, email: user.email });
  });

  test('both ID tokens of the hybrid flow have the same user and sign-in (OpenID Connect Core §3.3.3.6)', async () => {
    const { verifier, challenge } = pkce();
    const answer = anywhere(await ask(hybrid, { response_type: 'code id_token', code_challenge: challenge }));
    const tokens = await post(`${latchkey.base}/oidc/token`, hybrid, {
      grant_type: 'authorization_code',
      code: answer.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    const [first, second] = await Promise.all(
      [answer.get('id_token') ?? '', tokens.body.id_token].map(async (token) => (await jwtVerify(token, keys)).payload),
    );
    expect([second?.iss, second?.sub, second?.['nonce'], second?.aud]).toEqual([
      first?.iss,
      first?.sub,
      first?.['nonce'],
      first?.aud,
    ]);
  });

  test('no refresh token is issued through the front channel', async () => {
    for (const response_type of frontChannel)
      expect(
        (await ask(hybrid, { response_type, scope: 'openid offline_access', prompt: 'login' })).location ?? '',
      ).not.toContain('refresh_token');
  });

  test('form_post carries them too (Form Post Response Mode §2)', async () => {
    const page = await ask(hybrid, { response_type: 'code id_token token', response_mode: 'form_post' });
    expect(Object.keys(formsOf(page)[0]?.fields ?? {})).toEqual(
      expect.arrayContaining(['code', 'id_token', 'access_token', 'state', 'iss']),
    );
  });

  test('response_type none returns only the state (OAuth 2.0 Multiple Response Types §4)', async () => {
    const client = await latchkey.client({
      first_party: true,
      redirect_uris: [redirectUri],
      response_types: ['code', 'none'],
    });
    expect(Object.fromEntries(anywhere(await ask(client, { response_type: 'none' })))).toEqual({
      state: 'st',
      iss: latchkey.base,
    });
  });

  test('errors use the channel of the response (OpenID Connect Core §3.2.2.6)', async () => {
    const page = await new Visitor().request(
      authorizeUrl(latchkey.base, hybrid, {
        response_type: 'id_token',
        prompt: 'none',
        code_challenge_method: undefined,
      }),
    );
    expect(new URL(page.location ?? 'x:').search).toBe('');
    expect(Object.fromEntries(anywhere(page))).toMatchObject({
      error: 'login_required',
      state: 'st',
      iss: latchkey.base,
    });
  });
});
