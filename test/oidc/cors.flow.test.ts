import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

const origin = 'https://spa.example';

let latchkey: TestApp;
let spa: TestClient;
let web: TestClient;
let native: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  spa = await latchkey.client({
    type: 'spa',
    first_party: true,
    redirect_uris: [`${origin}/cb`, 'http://127.0.0.1:9/cb'],
  });
  web = await latchkey.client({ first_party: true });
  native = await latchkey.client({
    type: 'native',
    first_party: true,
    redirect_uris: ['com.example.app:/cb', 'http://127.0.0.1/cb'],
  });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const publicPart = ({ client_id: id }: TestClient) => ({ client_id: id, client_secret: '' });
const refreshAt = async (who: TestClient, from: string) => {
  const secret = who.client_secret ? who : publicPart(who);
  return post(
    `${latchkey.base}/oidc/token`,
    secret,
    { grant_type: 'refresh_token', refresh_token: 'x' },
    { origin: from },
  );
};

describe('a single-page app calls from its own origin (RFC 6749, Fetch §3.2)', () => {
  test('the token endpoint, userinfo and revocation respond, also with errors', async () => {
    const tokens = await tokensFor(latchkey.base, { ...spa, redirect_uris: ['http://127.0.0.1:9/cb'] }, user);
    const refused = await refreshAt(spa, origin);
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([400, origin]);
    const bearer = { authorization: `Bearer ${tokens.access_token}`, origin };
    const claims = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: bearer });
    expect([claims.status, claims.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
    const unknown = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { ...bearer, authorization: 'Bearer x' },
    });
    expect([unknown.status, unknown.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
    const revoked = await post(
      `${latchkey.base}/oidc/revoke`,
      publicPart(spa),
      { token: tokens.access_token },
      { origin },
    );
    expect([revoked.status, revoked.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
  });

  test.each(['/oidc/token', '/oidc/userinfo', '/oidc/revoke', '/oidc/par'])(
    '%s answers its preflight',
    async (path) => {
      const answer = await fetch(`${latchkey.base}${path}`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,dpop',
        },
      });
      expect(answer.status).toBe(204);
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('access-control-allow-methods')).toContain('POST');
      expect(answer.headers.get('access-control-allow-headers')).toMatch(/authorization/i);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  test('it may read the DPoP nonce and the challenge (RFC 9449 §8)', async () => {
    const { headers } = await refreshAt(spa, origin);
    expect(headers.get('access-control-expose-headers')).toMatch(/dpop-nonce/i);
    expect(headers.get('access-control-expose-headers')).toMatch(/www-authenticate/i);
  });

  test.each(['/.well-known/openid-configuration', '/oidc/jwks'])('%s is for everybody', async (path) => {
    const { headers } = await fetch(`${latchkey.base}${path}`, { headers: { origin: 'https://anybody.example' } });
    expect(['*', 'https://anybody.example']).toContain(headers.get('access-control-allow-origin'));
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });
});

/** Every header by which a page of another origin would read an answer. */
const grants = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));
const strangers = [
  'https://evil.example',
  'http://spa.example',
  'https://spa.example:8443',
  'https://spa.example.evil.example',
  'https://evil-spa.example',
  'https://SPA.example',
  'null',
  'https://spa.example/cb',
  'https://spa.example, https://evil.example',
  '*',
];

describe('a request from another origin is processed without CORS headers, and its page reads nothing', () => {
  test.each(strangers)('%j at the token endpoint', async (from) => {
    const answer = await refreshAt(spa, from);
    expect(grants(answer.headers)).toEqual([]);
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
  });

  test.each(strangers)('%j with a good code', async (from) => {
    const { verifier, challenge } = pkce();
    const at = { ...spa, redirect_uris: ['http://127.0.0.1:9/cb'] };
    const back = await new Visitor().signIn(authorizeUrl(latchkey.base, at, { code_challenge: challenge }), user);
    const answer = await post(
      `${latchkey.base}/oidc/token`,
      publicPart(spa),
      {
        grant_type: 'authorization_code',
        code: back.get('code') ?? '',
        redirect_uri: at.redirect_uris[0]!,
        code_verifier: verifier,
      },
      { origin: from },
    );
    expect([answer.status, grants(answer.headers)]).toEqual([200, []]);
  });

  test.each<[string, () => TestClient, string]>([
    ['a client with a secret has none', () => web, 'http://127.0.0.1:9'],
    ['a native app has none', () => native, 'com.example.app:'],
    ['the origin of another app', () => native, origin],
  ])('%s', async (_what, who, from) => {
    const answer = await refreshAt(who(), from);
    expect([answer.body.error, grants(answer.headers)]).toEqual(['invalid_grant', []]);
  });

  test('a stolen token opens userinfo, but the page that stole it cannot read the response', async () => {
    const { access_token: token } = await tokensFor(latchkey.base, web, user);
    for (const from of [origin, 'null', 'https://evil.example']) {
      const answer = await fetch(`${latchkey.base}/oidc/userinfo`, {
        headers: { authorization: `Bearer ${token}`, origin: from },
      });
      expect([answer.status, grants(answer.headers)], from).toEqual([200, []]);
    }
  });

  test.each(['/oidc/revoke', '/oidc/par'])('%s', async (path) => {
    const parameters = path === '/oidc/revoke' ? { token: 'x' } : { response_type: 'token' };
    const plain = await post(latchkey.base + path, publicPart(spa), parameters);
    for (const from of ['https://evil.example', 'null']) {
      const answer = await post(latchkey.base + path, publicPart(spa), parameters, { origin: from });
      expect([answer.status, answer.body.error, grants(answer.headers)]).toEqual([plain.status, plain.body.error, []]);
    }
  });

  test.each(['/oidc/token', '/oidc/userinfo', '/oidc/revoke', '/oidc/par'])(
    '%s answers the preflight of another origin without permission',
    async (path) => {
      for (const from of ['https://evil.example', 'null']) {
        const headers = {
          origin: from,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'dpop',
        };
        expect(grants((await fetch(latchkey.base + path, { method: 'OPTIONS', headers })).headers)).toEqual([]);
      }
    },
  );

  test.each(['/oidc/auth', '/oidc/logout', '/oidc/device', '/oidc/introspect', '/oidc/device/auth', '/oidc/register'])(
    '%s is for no page of another origin, not even of an app',
    async (path) => {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const headers = { origin, 'access-control-request-method': 'POST' };
        const answer = await fetch(latchkey.base + path, { method, headers, redirect: 'manual' });
        expect(grants(answer.headers), method).toEqual([]);
        expect(answer.headers.get('cross-origin-resource-policy'), method).toBe('same-origin');
      }
    },
  );
});

describe('origins that a client lists (member allowed_origins)', () => {
  const views = ['capacitor://localhost', 'tauri://localhost', 'https://localhost', 'https://app.example'];
  let app: TestClient;
  let relay: TestClient;
  beforeAll(async () => {
    app = await latchkey.client({
      type: 'native',
      first_party: true,
      redirect_uris: ['com.example.app:/cb', 'http://127.0.0.1:9/cb'],
      allowed_origins: views,
    });
    relay = await latchkey.client({ first_party: true, allowed_origins: ['https://relay.example'] });
  });

  test.each(views)('%s reads the answers of its client, and its preflight is granted', async (from) => {
    const at = { ...app, redirect_uris: ['http://127.0.0.1:9/cb'] };
    const { access_token: token } = await tokensFor(latchkey.base, at, user);
    const told = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${token}`, origin: from },
    });
    expect([told.status, told.headers.get('access-control-allow-origin')]).toEqual([200, from]);
    const refused = await refreshAt(app, from);
    expect([refused.body.error, refused.headers.get('access-control-allow-origin')]).toEqual(['invalid_grant', from]);
    const preflight = await fetch(`${latchkey.base}/oidc/token`, {
      method: 'OPTIONS',
      headers: { origin: from, 'access-control-request-method': 'POST' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, from]);
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
  });

  test('count for this client alone, exactly', async () => {
    const other = async (who: TestClient, from: string) => grants((await refreshAt(who, from)).headers);
    for (const from of ['capacitor://localhost', 'https://app.example']) expect(await other(native, from)).toEqual([]);
    expect((await refreshAt(relay, 'https://relay.example')).headers.get('access-control-allow-origin')).toBe(
      'https://relay.example',
    );
    for (const from of [
      'capacitor://localhost:80',
      'capacitor://localhost/',
      'Capacitor://localhost',
      'http://localhost',
      'null',
    ])
      expect(await other(app, from), from).toEqual([]);
  });

  test('an origin that is taken away reads nothing from the next request on', async () => {
    await latchkey.run('clients.update', { client_id: relay.client_id, allowed_origins: null });
    expect(grants((await refreshAt(relay, 'https://relay.example')).headers)).toEqual([]);
  });
});

describe.each(['capacitor://localhost', 'https://localhost', 'null', 'https://evil.example'])(
  'a request without a cookie from the origin %s is answered as one without an origin',
  (from) => {
    test.each<[string, () => Promise<Record<string, string>>]>([
      ['/oidc/token', async () => ({ grant_type: 'client_credentials' })],
      ['/oidc/revoke', async () => ({ token: 'x' })],
      ['/oidc/introspect', async () => ({ token: 'x' })],
      [
        '/oidc/par',
        async () => ({
          client_id: web.client_id,
          response_type: 'code',
          scope: 'openid',
          redirect_uri: web.redirect_uris[0]!,
        }),
      ],
      ['/oidc/device/auth', async () => ({ scope: 'openid' })],
    ])('at %s', async (path, parameters) => {
      const given = await parameters();
      const plain = await post(latchkey.base + path, web, given);
      const answer = await post(latchkey.base + path, web, given, { origin: from, 'sec-fetch-site': 'cross-site' });
      expect([answer.status, answer.body.error, grants(answer.headers)]).toEqual([plain.status, plain.body.error, []]);
    });

    test('at registration', async () => {
      await latchkey.run('settings.update', { name: 'oidc.registration', value: '"open"' });
      const answer = await fetch(`${latchkey.base}/oidc/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: from, 'sec-fetch-site': 'cross-site' },
        body: JSON.stringify({ redirect_uris: ['https://rp.example/cb'] }),
      });
      expect([answer.status, grants(answer.headers)]).toEqual([201, []]);
    });
  },
);
