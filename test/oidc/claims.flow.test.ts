import { decodeJwt, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, type Page, pkce, tokensFor, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
let bare: TestUser;

/** OpenID Connect Core §5.1, every one of them. */
const profile = {
  name: 'Noor Haddad',
  given_name: 'Noor',
  family_name: 'Haddad',
  middle_name: 'Amal',
  nickname: 'Nono',
  preferred_username: 'noor',
  profile: 'https://noor.example/',
  picture: 'https://noor.example/me.png',
  website: 'https://noor.example/blog',
  gender: 'female',
  birthdate: '1990-02-28',
  zoneinfo: 'Europe/Paris',
  locale: 'fr-FR',
};
const address = {
  formatted: '1 Rue X\n75001 Paris',
  street_address: '1 Rue X',
  locality: 'Paris',
  region: 'Île-de-France',
  postal_code: '75001',
  country: 'France',
};
const phone = { phone_number: '+33123456789', phone_number_verified: true };

type Told = { idToken: JWTPayload; userinfo: Record<string, unknown> };

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  user = await latchkey.user({ ...profile, ...phone, address, email_verified: true });
  bare = await latchkey.user();
});
afterAll(() => latchkey.close());

async function told(asked: Record<string, string>, of = user): Promise<Told> {
  const tokens = await tokensFor(latchkey.base, client, of, asked);
  const answer = await fetch(`${latchkey.base}/oidc/userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  return { idToken: decodeJwt(tokens.id_token), userinfo: (await answer.json()) as Record<string, unknown> };
}
const claims = (request: unknown): Record<string, string> => ({ scope: 'openid', claims: JSON.stringify(request) });

describe('scopes request claims (OpenID Connect Core §5.4)', () => {
  test.each<[string, () => Record<string, unknown>]>([
    ['openid', () => ({})],
    ['openid profile', () => ({ ...profile, updated_at: expect.any(Number) })],
    ['openid email', () => ({ email: user.email, email_verified: true })],
    ['openid address', () => ({ address })],
    ['openid phone', () => phone],
    [
      'openid profile email address phone',
      () => ({
        ...profile,
        ...phone,
        address,
        email: user.email,
        email_verified: true,
        updated_at: expect.any(Number),
      }),
    ],
  ])('%s', async (scope, expected) => {
    const { userinfo, idToken } = await told({ scope });
    expect(userinfo).toEqual({ sub: user.id, ...expected() });
    // With an access token at hand, the claims are fetched; the ID token says who signed in and no more.
    expect(Object.keys(idToken).toSorted()).toEqual([
      'acr',
      'amr',
      'at_hash',
      'aud',
      'auth_time',
      'exp',
      'iat',
      'iss',
      'nonce',
      'sid',
      'sub',
    ]);
  });

  test('a claim without a value is omitted, not null (§5.3.2)', async () => {
    const { userinfo } = await told({ scope: 'openid profile email address phone' }, bare);
    expect(userinfo).toEqual({
      sub: bare.id,
      email: bare.email,
      email_verified: false,
      updated_at: expect.any(Number),
      // Of the email address, which the client sees as well (setting profile.nameFallback).
      name: bare.email.split('@')[0],
      preferred_username: bare.email.split('@')[0],
    });
  });

  test('updated_at is a number of seconds (§5.1)', async () => {
    const { userinfo } = await told({ scope: 'openid profile' });
    expect(Math.abs(Number(userinfo['updated_at']) - Date.now() / 1000)).toBeLessThan(600);
  });

  test.each(['openid teapot', 'openid admin profile'])('an unknown scope (%s) is ignored (§3.1.2.1)', async (scope) => {
    const { userinfo } = await told({ scope });
    expect(userinfo['sub']).toBe(user.id);
    expect(userinfo).not.toHaveProperty('teapot');
  });

  test('without openid there is no ID token (§3.1.2.1)', async () => {
    const back = await new Visitor().signIn(
      authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, scope: 'email', nonce: undefined }),
      user,
    );
    expect(back.get('error') ?? back.get('code')).toMatch(/^(lk_ac_|invalid_)/);
    expect(back.get('id_token')).toBeNull();
  });
});

describe('the claims parameter (OpenID Connect Core §5.5)', () => {
  test('requests single claims, in the ID token or at userinfo', async () => {
    const { userinfo, idToken } = await told(
      claims({
        id_token: { email: null, given_name: { essential: true } },
        userinfo: { phone_number: null, address: { essential: true } },
      }),
    );
    expect(idToken).toMatchObject({ email: user.email, given_name: 'Noor' });
    expect(userinfo).toEqual({ sub: user.id, phone_number: phone.phone_number, address });
    expect(idToken).not.toHaveProperty('phone_number');
  });

  test.each([
    ...Object.keys(profile),
    'email',
    'email_verified',
    'phone_number',
    'phone_number_verified',
    'address',
    'updated_at',
  ])('%s can be requested alone, in both places', async (claim) => {
    const { userinfo, idToken } = await told(claims({ id_token: { [claim]: null }, userinfo: { [claim]: null } }));
    expect(Object.keys(idToken)).toContain(claim);
    expect(Object.keys(userinfo).toSorted()).toEqual([claim, 'sub'].toSorted());
  });

  test('auth_time, acr and amr are returned with or without a request, as in the session (§2)', async () => {
    const { idToken } = await told({});
    expect(idToken).toMatchObject({ acr: 'urn:latchkey:acr:1', amr: ['pwd'] });
    expect(Math.abs(Number(idToken['auth_time']) - Date.now() / 1000)).toBeLessThan(60);
  });

  test('an essential claim without a value is not an error (§5.5.1)', async () => {
    const { userinfo } = await told(
      claims({ userinfo: { name: { essential: true }, shoe_size: { essential: true } } }),
      bare,
    );
    expect(userinfo).toEqual({ sub: bare.id });
  });

  test('combines with scopes', async () => {
    const { userinfo } = await told({ ...claims({ userinfo: { nickname: null } }), scope: 'openid email' });
    expect(userinfo).toEqual({ sub: user.id, email: user.email, email_verified: true, nickname: 'Nono' });
  });

  test.each([
    '{',
    '[]',
    'null',
    '"x"',
    '1',
    '{}',
    '{"userinfo":[]}',
    '{"userinfo":"email"}',
    '{"id_token":1}',
    '{"userinfo":{"email":true}}',
    '{"userinfo":{"email":[]}}',
    '{"id_token":{"sub":"x"}}',
    '{"id_token":{"acr":"x"}}',
    '{"id_token":{"auth_time":1}}',
  ])('%s is invalid_request', async (text) => {
    const page = await new Visitor().request(
      authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, claims: text }),
    );
    expect(new URL(page.location ?? 'x:').searchParams.get('error')).toBe('invalid_request');
  });

  test('too many claims are invalid_request', async () => {
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`c${n}`, null]));
    const page = await new Visitor().request(
      authorizeUrl(latchkey.base, client, {
        code_challenge: pkce().challenge,
        claims: JSON.stringify({ userinfo: many }),
      }),
    );
    expect(new URL(page.location ?? 'x:').searchParams.get('error')).toBe('invalid_request');
  });

  test.each(['__proto__', 'constructor', 'toString', 'status', 'password', 'roles'])(
    '%s is not a claim',
    async (claim) => {
      const { userinfo, idToken } = await told({
        scope: 'openid',
        claims: `{"userinfo":{"${claim}":null},"id_token":{"${claim}":null}}`,
      });
      expect(userinfo).toEqual({ sub: user.id });
      expect(Object.hasOwn(idToken, claim)).toBe(false);
    },
  );

  test('a client with some scopes may request their claims alone', async () => {
    const narrow = await latchkey.client({ first_party: true, scope: 'openid email' });
    const visitor = new Visitor();
    await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
    const ask = async (request: unknown): Promise<URLSearchParams> => {
      const asked = { code_challenge: pkce().challenge, claims: JSON.stringify(request) };
      const page = await visitor.request(authorizeUrl(latchkey.base, narrow, asked));
      return new URL(page.location ?? 'x:').searchParams;
    };
    expect((await ask({ userinfo: { email: null }, id_token: { acr: null, sub: null } })).get('code')).toMatch(
      /^lk_ac_/,
    );
    for (const place of ['userinfo', 'id_token'])
      expect((await ask({ [place]: { phone_number: null } })).get('error')).toBe('invalid_scope');
  });

  test('a client cannot put its own words on the consent page', async () => {
    const third = await latchkey.client();
    const asked = {
      code_challenge: pkce().challenge,
      claims: JSON.stringify({ userinfo: { nickname: null, 'Your bank asks you to allow this': null } }),
    };
    const visitor = new Visitor();
    await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
    const page: Page = await visitor.open(authorizeUrl(latchkey.base, third, asked));
    expect(page.text).toContain('value="allow"');
    expect(page.text).not.toContain('Your bank');
  });
});
