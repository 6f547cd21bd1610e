import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { post, tokensFor } from '../support/visitor.ts';

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
  test('the token endpoint, userinfo and revocation answer it, errors too', async () => {
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

describe('no other origin is let in', () => {
  test.each([
    'https://evil.example',
    'http://spa.example',
    'https://spa.example:8443',
    'https://spa.example.evil.example',
    'https://evil-spa.example',
    'https://SPA.example',
    'null',
    'https://spa.example/cb',
    '*',
  ])('%j', async (from) => {
    const { headers, body } = await refreshAt(spa, from);
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(body.error).toBe('invalid_request');
  });

  test.each<[string, () => TestClient, string]>([
    ['a client with a secret has none', () => web, 'http://127.0.0.1:9'],
    ['a native app has none', () => native, 'com.example.app:'],
    ['the origin of one app is not that of another', () => native, origin],
  ])('%s', async (_what, who, from) => {
    expect((await refreshAt(who(), from)).headers.get('access-control-allow-origin')).toBeNull();
  });

  test('a token of one app is not read at userinfo from the origin of a page that stole it', async () => {
    const { access_token: token } = await tokensFor(latchkey.base, web, user);
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${token}`, origin },
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(await answer.text()).not.toContain(user.id);
  });

  test.each(['/oidc/auth', '/oidc/logout', '/oidc/device'])('%s is a page, and no origin reads it', async (path) => {
    const { headers } = await fetch(`${latchkey.base}${path}`, { headers: { origin } });
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});
