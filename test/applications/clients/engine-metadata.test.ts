import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ClientProfile } from '#applications/clients/client-profile.ts';
import type { ClientType } from '#applications/clients/client-type.ts';
import { toEngineMetadata } from '#applications/clients/engine-metadata.ts';
import { metadataReader } from '#applications/clients/metadata-rules.ts';
import { policiesWith } from '../../support/policies.ts';

const readMetadata = metadataReader(policiesWith(), {});
const algs = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] as const;
/** The engine with every feature that reads client metadata. */
const engine = new Provider('https://id.example', {
  jwks: {
    keys: await Promise.all(
      ['RS256', 'ES256', 'EdDSA'].map(async (alg) =>
        exportJWK((await generateKeyPair(alg, { extractable: true })).privateKey),
      ),
    ),
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    encryption: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => false },
    jwtIntrospection: { enabled: true },
    jwtResponseModes: { enabled: true },
    jwtUserinfo: { enabled: true },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: true,
      getCertificate: () => undefined,
      certificateAuthorized: () => false,
      certificateSubjectMatches: () => false,
    },
    requestObjects: { enabled: true },
  },
  subjectTypes: ['public', 'pairwise'],
  pairwiseIdentifier: async (_ctx, accountId) => accountId,
  scopes: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'],
  acrValues: ['urn:example:acr'],
  responseTypes: ['code', 'id_token', 'id_token token', 'code id_token', 'code token', 'code id_token token', 'none'],
  clientAuthMethods: [
    'client_secret_basic',
    'client_secret_post',
    'client_secret_jwt',
    'private_key_jwt',
    'tls_client_auth',
    'self_signed_tls_client_auth',
    'none',
  ],
  enabledJWA: {
    idTokenSigningAlgValues: [...algs],
    userinfoSigningAlgValues: [...algs],
    authorizationSigningAlgValues: [...algs],
    introspectionSigningAlgValues: [...algs],
    idTokenEncryptionAlgValues: ['RSA-OAEP-256'],
  },
  extraClientMetadata: { properties: ['latchkey_profile'] },
});

type Reading = {
  clientId: string;
  clientSecret?: string;
  redirectUris: string[];
  metadata(): Record<string, unknown>;
  redirectUriAllowed(uri: string): boolean;
};
const Client = engine.Client as unknown as new (metadata: object) => Reading;
let jwks: { keys: object[] };

beforeAll(async () => {
  jwks = { keys: [await exportJWK((await generateKeyPair('ES256')).publicKey)] };
});

function engineReads(type: ClientType, given: object, profile: ClientProfile = 'default'): Reading {
  const metadata = readMetadata(type, profile, given);
  const view = {
    clientId: 'client_1',
    name: 'Shop',
    profile,
    metadata,
    registered: false,
    type: 'web' as const,
    issuedAt: 1_893_456_000,
    plainSecret: 'p'.repeat(43),
    placeholder: 'x'.repeat(43),
  };
  return new Client(toEngineMetadata(view));
}

const web = { redirect_uris: ['https://shop.example/cb'] };
const native = {
  redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]/cb', 'com.example.app:/cb', 'https://app.example/cb'],
};

describe('the engine accepts every valid client', () => {
  test.each<[ClientType, () => object]>([
    ['web', () => web],
    [
      'web',
      () => ({
        redirect_uris: ['https://shop.example', 'http://localhost:3000/cb'],
        post_logout_redirect_uris: ['https://shop.example/bye'],
      }),
    ],
    ['spa', () => web],
    ['native', () => native],
    ['native', () => ({ grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] })],
    ['machine', () => ({})],
    ['machine', () => ({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://shop.example/jwks' })],
    ['web', () => ({ ...web, token_endpoint_auth_method: 'client_secret_post' })],
    [
      'web',
      () => ({ ...web, token_endpoint_auth_method: 'client_secret_jwt', token_endpoint_auth_signing_alg: 'HS256' }),
    ],
    ['web', () => ({ ...web, token_endpoint_auth_method: 'private_key_jwt', jwks })],
    [
      'web',
      () => ({
        ...web,
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_san_dns: 'shop.example',
        tls_client_certificate_bound_access_tokens: true,
      }),
    ],
    ['web', () => ({ ...web, token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks })],
    ['web', () => ({ ...web, subject_type: 'pairwise' })],
    [
      'web',
      () => ({
        ...web,
        jwks_uri: 'https://shop.example/jwks',
        id_token_encrypted_response_alg: 'RSA-OAEP-256',
        id_token_signed_response_alg: 'ES256',
      }),
    ],
    [
      'web',
      () => ({
        ...web,
        userinfo_signed_response_alg: 'ES256',
        backchannel_logout_uri: 'https://shop.example/logout',
        backchannel_logout_session_required: true,
      }),
    ],
    [
      'web',
      () => ({ ...web, response_types: ['code id_token', 'code'], grant_types: ['authorization_code', 'implicit'] }),
    ],
    ['web', () => ({ ...web, response_types: ['id_token'], grant_types: ['implicit'] })],
    ['web', () => ({ ...web, response_types: ['none', 'code'] })],
    [
      'web',
      () => ({
        ...web,
        response_modes: ['query', 'form_post', 'jwt'],
        scope: 'openid email',
        default_max_age: 0,
        require_auth_time: true,
        contacts: ['ops@shop.example'],
      }),
    ],
    [
      'web',
      () => ({
        ...web,
        software_id: 'shop',
        software_version: '1',
        logo_uri: 'https://shop.example/logo.png',
        client_uri: 'https://shop.example/',
        initiate_login_uri: 'https://shop.example/start',
      }),
    ],
  ])('%s', (type, given) => {
    const client = engineReads(type, given());
    expect(client.redirectUris).toEqual((given() as { redirect_uris?: string[] }).redirect_uris ?? []);
    expect(client.metadata()).toMatchObject({ client_name: 'Shop' });
  });

  test.each<ClientProfile>(['fapi2_security', 'fapi2_message_signing'])('of the profile %s', (profile) => {
    const client = engineReads('web', { ...web, token_endpoint_auth_method: 'private_key_jwt', jwks }, profile);
    expect(client.metadata()).toMatchObject({
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
      latchkey_profile: profile,
    });
  });
});

describe('the secret that the engine sees', () => {
  test.each<[string, object, string | undefined]>([
    ['is none for a public client', { type: 'spa' }, undefined],
    ['is the placeholder where a hash is kept', { type: 'web' }, 'x'.repeat(43)],
    [
      'is the secret where it is a key',
      { type: 'web', token_endpoint_auth_method: 'client_secret_jwt' },
      'p'.repeat(43),
    ],
  ])('%s', (_title, given, secret) => {
    const { type, ...metadata } = given as { type: ClientType };
    expect(engineReads(type, { ...web, ...metadata }).clientSecret).toBe(secret);
  });
});

describe('redirect addresses are compared as text, with one exception', () => {
  test.each([
    ['https://shop.example/cb', true],
    ['https://shop.example/cb/', false],
    ['https://shop.example/cb?x=1', false],
    ['https://SHOP.example/cb', false],
    ['https://shop.example:443/cb', false],
    ['https://shop.example/cb#', false],
    ['https://shop.example@evil.example/cb', false],
  ])('a server registered https://shop.example/cb; %s: %j', (uri, allowed) => {
    expect(engineReads('web', web).redirectUriAllowed(uri)).toBe(allowed);
  });

  test.each([
    ['http://127.0.0.1:51004/cb', true],
    ['http://[::1]:51004/cb', true],
    ['http://127.0.0.1:51004/other', false],
    ['http://localhost:51004/cb', false],
    ['http://127.0.0.1.evil.example/cb', false],
    ['http://127.0.0.1@evil.example/cb', false],
    ['com.example.app:/other', false],
  ])('a native client registered loopback addresses, whose port is free (RFC 8252 §7.3); %s: %j', (uri, allowed) => {
    expect(engineReads('native', native).redirectUriAllowed(uri)).toBe(allowed);
  });

  test('the port of a server on this machine is not free', () => {
    expect(
      engineReads('web', { redirect_uris: ['http://127.0.0.1:9/cb'] }).redirectUriAllowed('http://127.0.0.1:10/cb'),
    ).toBe(false);
  });
});
