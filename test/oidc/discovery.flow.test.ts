import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';

type Metadata = Record<string, unknown> & Record<`${string}_supported`, readonly string[] | boolean>;

let latchkey: TestApp;
let metadata: Metadata;

const read = async (path: string, headers: Record<string, string> = {}) => fetch(latchkey.base + path, { headers });
const OPENID = '/.well-known/openid-configuration';
const OAUTH = '/.well-known/oauth-authorization-server';

beforeAll(async () => {
  latchkey = await startTestApp();
  metadata = (await (await read(OPENID)).json()) as Metadata;
});
afterAll(() => latchkey.close());

describe('provider metadata (OpenID Connect Discovery §3, RFC 8414 §2)', () => {
  test('is exactly this', () => {
    const { base } = latchkey;
    const text = JSON.stringify(metadata, null, 2).replaceAll(base, 'ISSUER');
    expect(text).toMatchSnapshot();
  });

  test.each([
    'issuer',
    'authorization_endpoint',
    'token_endpoint',
    'jwks_uri',
    'response_types_supported',
    'subject_types_supported',
    'id_token_signing_alg_values_supported',
    'userinfo_endpoint',
    'scopes_supported',
    'claims_supported',
  ])('names %s', (member) => {
    expect(Object.keys(metadata)).toContain(member);
  });

  test('signs ID tokens with RS256 by default (OpenID Connect Discovery §3)', () => {
    expect(metadata['id_token_signing_alg_values_supported']).toContain('RS256');
  });

  test('is the same document for OpenID Connect and for OAuth', async () => {
    expect(await (await read(OAUTH)).json()).toEqual(metadata);
  });

  test('has exactly the requested issuer (RFC 8414 §3.3)', () => {
    expect(metadata['issuer']).toBe(latchkey.base);
  });

  test('every endpoint is an address of the issuer', () => {
    const endpoints = Object.entries(metadata).filter(([name]) => /_(endpoint|uri)$/.test(name));
    expect(endpoints.length).toBeGreaterThan(8);
    for (const [, value] of endpoints) expect(String(value)).toMatch(new RegExp(`^${latchkey.base}/`));
  });

  test('every address in it responds', async () => {
    for (const [name, value] of Object.entries(metadata).filter(([member]) => /_(endpoint|uri)$/.test(member)))
      expect([name, (await fetch(String(value), { redirect: 'manual' })).status]).not.toEqual([name, 404]);
  });
});

describe('disabled features are not listed', () => {
  test.each([
    ['registration_endpoint', 'dynamic registration'],
    ['backchannel_authentication_endpoint', 'CIBA'],
    ['authorization_details_types_supported', 'rich authorization requests'],
    ['check_session_iframe', 'session management by iframe'],
    ['frontchannel_logout_supported', 'front-channel logout'],
    ['challenge_endpoint', 'attestation of clients'],
    ['request_object_encryption_alg_values_supported', 'encrypted request objects'],
  ])('%s: %s', (member) => {
    expect(metadata[member]).toBeUndefined();
  });

  test('a member without values is omitted (RFC 8414 §3.2)', () => {
    expect(
      Object.entries(metadata).filter(([, value]) => value === null || (Array.isArray(value) && value.length === 0)),
    ).toEqual([]);
  });

  test('request objects by reference are not supported (RFC 9101 §5.2)', () => {
    expect(metadata['request_uri_parameter_supported']).toBe(false);
  });

  test('the only response type is code, and implicit is no grant', () => {
    expect(metadata['response_types_supported']).toEqual(['code']);
    expect(metadata['grant_types_supported']).not.toContain('implicit');
    expect(metadata['grant_types_supported']).not.toContain('password');
  });

  test('the only PKCE method is S256 (RFC 9700 §2.1.1)', () => {
    expect(metadata['code_challenge_methods_supported']).toEqual(['S256']);
  });

  test('no list contains the algorithm none, a SHA-1 padding or a shared key', () => {
    const lists = Object.entries(metadata).filter(([name]) =>
      /_(alg|signing_alg|encryption_alg)_values_supported$/.test(name),
    );
    expect(lists.length).toBeGreaterThan(8);
    for (const [name, list] of lists) {
      const forbidden =
        name === 'token_endpoint_auth_signing_alg_values_supported'
          ? /^(none|RSA1_5|RSA-OAEP|dir|A\d.*)$/
          : /^(none|HS.*|RSA1_5|RSA-OAEP|dir|A\d.*)$/;
      expect([name, (list as string[]).filter((algorithm) => forbidden.test(algorithm))]).toEqual([name, []]);
    }
  });

  test('mutual TLS is not listed if no certificate can arrive (RFC 8705 §3.3)', () => {
    expect(metadata['tls_client_certificate_bound_access_tokens']).toBeUndefined();
    expect(metadata['token_endpoint_auth_methods_supported']).not.toContain('tls_client_auth');
  });
});

describe('the discovery endpoint', () => {
  test.each([OPENID, OAUTH])('%s: for every origin, as JSON, cacheable for a while', async (path) => {
    for (const headers of [{}, { origin: 'https://anywhere.example' }]) {
      const answer = await read(path, headers);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
      expect(answer.headers.get('set-cookie')).toBeNull();
    }
  });

  test('answers the preflight of a browser', async () => {
    const answer = await fetch(latchkey.base + OPENID, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'GET' },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-methods')).toContain('GET');
  });

  test.each(['POST', 'PUT', 'DELETE'])('%s is refused', async (method) => {
    expect((await fetch(latchkey.base + OPENID, { method })).status).toBe(405);
  });

  test.each([
    '/.well-known/openid-configuration/',
    '/.well-known/openid-configuration/tenant',
    '/tenant/.well-known/openid-configuration',
    '/.well-known/openid-credential-issuer',
  ])('%s is not its address', async (path) => {
    expect((await read(path)).status).toBe(404);
  });

  test('reflects a changed policy at once', async () => {
    await latchkey.run('settings.update', { name: 'oidc.registration', value: '"open"' });
    await latchkey.run('settings.update', { name: 'oidc.responseTypes', value: '"all"' });
    const changed = (await (await read(OPENID)).json()) as Metadata;
    expect(changed['registration_endpoint']).toBe(`${latchkey.base}/oidc/register`);
    expect(changed['response_types_supported']).toEqual(
      expect.arrayContaining([
        'code',
        'id_token',
        'id_token token',
        'code id_token',
        'code token',
        'code id_token token',
      ]),
    );
    expect(changed['grant_types_supported']).toContain('implicit');
  });
});
