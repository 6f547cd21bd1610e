/** Tokens of one client are useless to another client of the same type, with the same addresses and its own secret. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redirectUri, startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, pkce, post, type TokenAnswer, tokensFor, Visitor } from '../../support/visitor.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const logoutUri = 'https://rp.example/bye';

let latchkey: TestApp;
let user: TestUser;
let mine: TestClient;
/** Another client that resembles `mine` in every respect. */
const others: Record<string, TestClient> = {};

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] };

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.clientFailuresPerAddress': 100_000 } });
  user = await latchkey.user();
  const like = {
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [logoutUri],
    grant_types: ['authorization_code', 'refresh_token', DEVICE],
  };
  mine = await latchkey.client({ ...like, name: 'Mine' });
  others['a twin'] = await latchkey.client({ ...like, name: 'Twin', post_logout_redirect_uris: [] });
  others['one of ours'] = await latchkey.client({
    ...like,
    name: 'House',
    first_party: true,
    post_logout_redirect_uris: [],
  });
  others['a page'] = await latchkey.client({ ...like, name: 'Page', type: 'spa', post_logout_redirect_uris: [] });
  others['an app'] = await latchkey.client({ ...like, name: 'App', type: 'native', post_logout_redirect_uris: [] });
});
afterAll(() => latchkey.close());

async function codeFor(client: TestClient): Promise<{ code: string; verifier: string }> {
  const { verifier, challenge } = pkce();
  const back = await new Visitor().signIn(authorizeUrl(latchkey.base, client, { code_challenge: challenge }), user);
  return { code: back.get('code') ?? '', verifier };
}

const ask = (client: TestClient, parameters: Record<string, string>, path = '/oidc/token'): Promise<TokenAnswer> =>
  post(`${latchkey.base}${path}`, client, parameters);

const redeem = (client: TestClient, { code, verifier }: { code: string; verifier: string }) =>
  ask(client, { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri });

const names = ['a twin', 'one of ours', 'a page', 'an app'];
const other = (name: string): TestClient => others[name]!;

describe.each(names)('%s', (name) => {
  test('cannot redeem another client’s code, not even with its verifier', async () => {
    const proof = await codeFor(mine);
    const { status, body } = await redeem(other(name), proof);
    expect([status, body.error]).toEqual([400, 'invalid_grant']);
    expect(body).not.toHaveProperty('access_token');
  });

  test('cannot inject its own code into another client’s sign-in (RFC 9700 §4.5)', async () => {
    const [injected, honest] = [await codeFor(other(name)), await codeFor(mine)];
    expect((await redeem(mine, { code: injected.code, verifier: honest.verifier })).body.error).toBe('invalid_grant');
    expect((await redeem(mine, injected)).body.error).toBe('invalid_grant');
  });

  test('cannot refresh another client’s token', async () => {
    const tokens = await tokensFor(latchkey.base, mine, user, { scope: 'openid offline_access', prompt: 'consent' });
    const stolen = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
    expect((await ask(other(name), stolen)).body.error).toBe('invalid_grant');
    const again = await ask(other(name), { ...stolen, client_id: mine.client_id });
    expect([400, 401]).toContain(again.status);
    expect((await ask(mine, stolen)).status).toBe(200);
  });

  test('cannot use another client’s pushed request (RFC 9126 §2.2)', async () => {
    const pushed = await ask(
      mine,
      {
        client_id: mine.client_id,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: 'openid',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
      },
      '/oidc/par',
    );
    expect(pushed.status).toBe(201);
    const request_uri = String(pushed.body['request_uri']);
    const url = `${latchkey.base}/oidc/auth?${new URLSearchParams({ client_id: other(name).client_id, request_uri }).toString()}`;
    const page = await new Visitor().open(url);
    expect(page.status).toBe(400);
    expect(page.location).toBeNull();
    // It is still good for the one that pushed it.
    const own = `${latchkey.base}/oidc/auth?${new URLSearchParams({ client_id: mine.client_id, request_uri }).toString()}`;
    expect((await new Visitor().open(own)).status).toBe(200);
  });

  test('cannot push a request in another client’s name', async () => {
    const parameters = {
      client_id: mine.client_id,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
    };
    const { status, body } = await ask(other(name), parameters, '/oidc/par');
    expect([400, 401]).toContain(status);
    expect(body).not.toHaveProperty('request_uri');
  });

  test('cannot poll with another client’s device code, and cannot end its request by trying', async () => {
    const { body } = await ask(mine, { client_id: mine.client_id, scope: 'openid' }, '/oidc/device/auth');
    const poll = { grant_type: DEVICE, device_code: String(body['device_code']) };
    expect((await ask(other(name), poll)).body.error).toBe('invalid_grant');
    expect(['authorization_pending', 'slow_down']).toContain((await ask(mine, poll)).body.error);
  });

  test('cannot identify a user by another client’s ID token (OpenID Connect Core §3.1.2.1)', async () => {
    const { id_token } = await tokensFor(latchkey.base, mine, user);
    const url = authorizeUrl(latchkey.base, other(name), {
      code_challenge: pkce().challenge,
      id_token_hint: id_token,
      prompt: 'none',
    });
    const { location } = await new Visitor().open(url);
    expect(new URL(location ?? '').searchParams.get('error')).toBe('invalid_request');
  });

  test('is not redirected to by another client’s ID token at sign-out (RP-Initiated Logout §2)', async () => {
    const visitor = new Visitor();
    const theirs = await tokensFor(latchkey.base, other(name), user, {}, visitor);
    const own = await tokensFor(latchkey.base, mine, user, {}, visitor);
    const mistakes = [
      { id_token_hint: theirs.id_token, post_logout_redirect_uri: logoutUri },
      { id_token_hint: own.id_token, client_id: other(name).client_id, post_logout_redirect_uri: logoutUri },
      { id_token_hint: theirs.id_token, client_id: mine.client_id, post_logout_redirect_uri: logoutUri },
      { client_id: other(name).client_id, post_logout_redirect_uri: logoutUri },
    ];
    for (const mistake of mistakes) {
      const page = await visitor.open(`${latchkey.base}/oidc/logout?${new URLSearchParams(mistake).toString()}`);
      const done = await visitor.submit(page, {}, 'stay');
      expect([page.status, page.location, done.status, done.location]).toEqual([200, null, 200, null]);
    }
    const right = new URLSearchParams({
      id_token_hint: own.id_token,
      post_logout_redirect_uri: logoutUri,
      state: 's t',
    });
    const asked = await visitor.open(`${latchkey.base}/oidc/logout?${right.toString()}`);
    const back = formsOf(asked).length > 0 ? await visitor.submit(asked, {}, 'logout') : asked;
    expect(back.location).toBe(`${logoutUri}?state=s+t`);
  });

  test('cannot introspect or revoke another client’s token', async () => {
    const tokens = await tokensFor(latchkey.base, mine, user);
    const about = await ask(other(name), { token: tokens.access_token }, '/oidc/introspect');
    if (about.status === 200) expect(about.body).toEqual({ active: false });
    await ask(other(name), { token: tokens.access_token }, '/oidc/revoke');
    expect((await ask(mine, { token: tokens.access_token }, '/oidc/introspect')).body['active']).toBe(true);
  });
});

describe('an assertion (RFC 7523)', () => {
  const assertion = (claims: Record<string, unknown>): Promise<string> =>
    new SignJWT({ aud: latchkey.base, jti: randomUUID(), exp: Math.floor(Date.now() / 1000) + 60, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .sign(privateKey);

  test('of one client is refused for another, although both have the same key', async () => {
    const robots = await Promise.all(
      ['One', 'Two'].map((name) =>
        latchkey.client({
          name,
          type: 'machine',
          redirect_uris: [],
          token_endpoint_auth_method: 'private_key_jwt',
          jwks,
        }),
      ),
    );
    const [one, two] = robots.map(({ client_id }) => client_id) as [string, string];
    const send = async (client_id: string, claims: Record<string, unknown>) =>
      ask({ client_id } as TestClient, {
        client_id,
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertion(claims),
      });
    expect((await send(one, { iss: one, sub: one })).status).toBe(200);
    for (const claims of [
      { iss: two, sub: two },
      { iss: two, sub: one },
      { iss: one, sub: two },
      { iss: one, sub: [one] },
      { iss: one },
      { sub: one },
    ])
      expect([400, 401], JSON.stringify(claims)).toContain((await send(one, claims)).status);
  });

  test('cannot be combined with another authentication method (RFC 6749 §2.3)', async () => {
    const robot = await latchkey.client({
      name: 'Three',
      type: 'machine',
      redirect_uris: [],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
    });
    const { client_id } = robot;
    const parameters = async () => ({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertion({ iss: client_id, sub: client_id }),
    });
    const basic = `Basic ${Buffer.from(`${mine.client_id}:${mine.client_secret}`).toString('base64')}`;
    for (const [extra, headers] of [
      [{}, { authorization: basic }],
      [{ client_secret: 'x' }, {}],
      [{ client_id: mine.client_id }, {}],
      [{ client_id: mine.client_id, client_secret: mine.client_secret }, {}],
    ] as const) {
      const answer = await post(
        `${latchkey.base}/oidc/token`,
        { client_id, client_secret: '' },
        { ...(await parameters()), ...extra },
        headers,
      );
      expect([400, 401], JSON.stringify(extra)).toContain(answer.status);
      expect(answer.body).not.toHaveProperty('access_token');
    }
  });
});
