import { exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GivenMetadata } from '#applications/clients/client-metadata.ts';
import type { ClientProfile } from '#applications/clients/client-profile.ts';
import type { ClientType } from '#applications/clients/client-type.ts';
import { metadataReader } from '#applications/clients/metadata-rules.ts';
import type { AppError } from '#kernel/errors.ts';
import { policiesWith } from '../../support/policies.ts';

const readMetadata = metadataReader(policiesWith(), {});

type Jwks = NonNullable<GivenMetadata['jwks']>;
const jwks = {} as Record<'rsa' | 'ec' | 'okp' | 'both' | 'weak' | 'private', Jwks>;

beforeAll(async () => {
  const jwkOf = async (alg: string, options = {}) =>
    exportJWK((await generateKeyPair(alg, { extractable: true, ...options })).publicKey);
  const [rsa, ec, okp] = await Promise.all([jwkOf('PS256'), jwkOf('ES256'), jwkOf('EdDSA')]);
  const weak = { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(128, 0xab).toString('base64url') };
  Object.assign(jwks, {
    rsa: { keys: [rsa] },
    ec: { keys: [ec] },
    okp: { keys: [okp] },
    both: { keys: [rsa, ec] },
    weak: { keys: [weak] },
    private: { keys: [await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey)] },
  });
});

/** The members that are wrong. */
function wrong(type: ClientType, given: unknown, profile: ClientProfile = 'default'): string[] {
  try {
    readMetadata(type, profile, given);
    return [];
  } catch (error) {
    const { code, details } = error as AppError;
    expect(code).toBe('clients.metadata_invalid');
    return Object.keys(details ?? {}).sort();
  }
}

const web = { redirect_uris: ['https://rp.example/cb'] };
const implicit = { grant_types: ['implicit'], response_types: ['id_token'] };
const native = { redirect_uris: ['http://127.0.0.1/cb'] };

describe('defaults of each client type', () => {
  test.each<[ClientType, GivenMetadata, object]>([
    [
      'web',
      web,
      {
        application_type: 'web',
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    [
      'spa',
      web,
      {
        application_type: 'web',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    [
      'native',
      native,
      {
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    [
      'machine',
      {},
      {
        application_type: 'web',
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
    ],
  ])('%s', (type, given, expected) => {
    expect(readMetadata(type, 'default', given)).toEqual({ ...given, ...expected });
  });

  test('a device without a browser needs no redirect address (RFC 8628)', () => {
    expect(
      readMetadata('native', 'default', {
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      }),
    ).toMatchObject({ response_types: [], redirect_uris: [] });
  });

  test('the order of words in a response type has no meaning (OAuth 2.0 Multiple Response Types §3)', () => {
    const given = {
      ...web,
      response_types: ['id_token code'],
      grant_types: ['authorization_code', 'implicit'],
    } as unknown as GivenMetadata;
    expect(readMetadata('web', 'default', given).response_types).toEqual(['code id_token']);
  });
});

describe('refused metadata, with the refused member', () => {
  test.each<[ClientType, object, string[]]>([
    ['web', {}, ['redirect_uris']],
    ['web', { redirect_uris: [] }, ['redirect_uris']],
    ['web', { redirect_uris: 'https://rp.example/cb' }, ['redirect_uris']],
    ['web', { redirect_uris: ['http://rp.example/cb'] }, ['redirect_uris']],
    ['web', { redirect_uris: ['com.example.app:/cb'] }, ['redirect_uris']],
    ['web', { redirect_uris: ['https://localhost/cb'], ...implicit }, ['redirect_uris']],
    ['web', { redirect_uris: ['https://rp.example/cb', 'http://127.0.0.1/cb'], ...implicit }, ['redirect_uris']],
    ['web', { redirect_uris: Array.from({ length: 101 }, (_, n) => `https://rp.example/${n}`) }, ['redirect_uris']],
    [
      'web',
      { ...web, post_logout_redirect_uris: ['https://rp.example/bye', 'javascript:alert(1)'] },
      ['post_logout_redirect_uris'],
    ],
    ['machine', web, ['redirect_uris']],
    ['web', { ...web, first_party: true }, ['first_party']],
    ['web', { ...web, skip_consent: true, tenant: 'x' }, ['skip_consent', 'tenant']],
    ['web', { ...web, client_secret: 'chosen' }, ['client_secret']],
    ['web', { ...web, grant_types: ['password'] }, ['grant_types.0']],
    ['web', { ...web, grant_types: ['urn:openid:params:grant-type:ciba'] }, ['grant_types.0']],
    ['web', { ...web, response_types: ['token'] }, ['response_types.0']],
    ['web', { ...web, response_types: ['code id_token'] }, ['response_types']],
    ['web', { ...web, grant_types: ['authorization_code', 'implicit'] }, ['response_types']],
    ['web', { ...web, grant_types: ['client_credentials'] }, ['redirect_uris']],
    ['web', { ...web, token_endpoint_auth_method: 'none' }, ['token_endpoint_auth_method']],
    ['spa', { ...web, token_endpoint_auth_method: 'client_secret_post' }, ['token_endpoint_auth_method']],
    ['spa', { ...web, grant_types: ['authorization_code', 'client_credentials'] }, ['grant_types']],
    ['machine', { token_endpoint_auth_method: 'none' }, ['grant_types', 'token_endpoint_auth_method']],
    ['machine', { grant_types: ['client_credentials', 'refresh_token'] }, ['grant_types']],
    ['web', { ...web, application_type: 'native' }, ['application_type']],
    ['native', { ...native, application_type: 'web' }, ['application_type']],
    ['web', { ...web, token_endpoint_auth_method: 'private_key_jwt' }, ['jwks']],
    ['web', { ...web, token_endpoint_auth_method: 'self_signed_tls_client_auth' }, ['jwks']],
    ['web', { ...web, request_object_signing_alg: 'ES256' }, ['jwks']],
    ['web', { ...web, id_token_encrypted_response_alg: 'RSA-OAEP-256' }, ['jwks']],
    ['web', { ...web, token_endpoint_auth_method: 'tls_client_auth' }, ['tls_client_auth_subject_dn']],
    [
      'web',
      {
        ...web,
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_san_dns: 'rp.example',
        tls_client_auth_san_ip: '192.0.2.1',
      },
      ['tls_client_auth_subject_dn'],
    ],
    ['web', { ...web, token_endpoint_auth_signing_alg: 'HS256' }, ['token_endpoint_auth_signing_alg']],
    [
      'web',
      { ...web, token_endpoint_auth_method: 'client_secret_jwt', token_endpoint_auth_signing_alg: 'RS256' },
      ['token_endpoint_auth_signing_alg'],
    ],
    ['web', { ...web, id_token_signed_response_alg: 'none' }, ['id_token_signed_response_alg']],
    ['spa', { ...web, id_token_signed_response_alg: 'HS256' }, ['id_token_signed_response_alg']],
    ['spa', { ...web, userinfo_encrypted_response_alg: 'dir' }, ['userinfo_encrypted_response_alg']],
    ['web', { ...web, request_object_signing_alg: 'HS256' }, ['request_object_signing_alg']],
    ['web', { ...web, authorization_encrypted_response_alg: 'RSA-OAEP' }, ['authorization_encrypted_response_alg']],
    ['web', { ...web, sector_identifier_uri: 'http://localhost/uris' }, ['sector_identifier_uri']],
    ['web', { ...web, initiate_login_uri: 'http://localhost/start' }, ['initiate_login_uri']],
    ['web', { ...web, jwks: { keys: [] } }, ['jwks.keys']],
    ['web', { ...web, jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }, ['jwks.keys.0.kty']],
    ['web', { ...web, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] } }, ['jwks.keys.0']],
    ['web', { ...web, jwks_uri: 'http://rp.example/jwks' }, ['jwks_uri']],
    ['web', { ...web, jwks_uri: 'file:///etc/passwd' }, ['jwks_uri']],
    ['web', { ...web, logo_uri: 'javascript:alert(1)' }, ['logo_uri']],
    ['web', { ...web, client_uri: 'https://user@rp.example/' }, ['client_uri']],
    ['web', { ...web, backchannel_logout_uri: 'https://rp.example/bye#now' }, ['backchannel_logout_uri']],
    ['web', { ...web, scope: 'openid admin' }, ['scope']],
    ['web', { ...web, default_max_age: -1 }, ['default_max_age']],
    ['web', { ...web, dpop_bound_access_tokens: 'yes' }, ['dpop_bound_access_tokens']],
    [
      'web',
      { ...web, dpop_bound_access_tokens: true, tls_client_certificate_bound_access_tokens: true },
      ['dpop_bound_access_tokens'],
    ],
    [
      'web',
      { redirect_uris: ['https://one.example/cb', 'https://two.example/cb'], subject_type: 'pairwise' },
      ['sector_identifier_uri'],
    ],
  ])('%s %j: %j', (type, given, members) => {
    expect(wrong(type, given)).toEqual(members);
  });

  test('private keys, weak keys and two sources of keys', () => {
    expect(wrong('web', { ...web, jwks: jwks.private })).toEqual(['jwks.keys.0']);
    expect(wrong('web', { ...web, jwks: jwks.weak })).toEqual(['jwks.keys.0']);
    expect(wrong('web', { ...web, jwks: jwks.ec, jwks_uri: 'https://rp.example/jwks' })).toEqual(['jwks']);
  });

  test('the message of a redirect address says what to write instead', () => {
    expect(() => readMetadata('web', 'default', { redirect_uris: ['https://RP.example/cb'] })).toThrow(
      'https://rp.example/cb',
    );
  });
});

describe('a client with the FAPI 2.0 Security Profile', () => {
  const fapi = (more: object = {}) =>
    ({ ...web, token_endpoint_auth_method: 'private_key_jwt', jwks: jwks.ec, ...more }) as GivenMetadata;

  test('pushes its requests, binds its tokens and uses strong algorithms by default', () => {
    expect(readMetadata('web', 'fapi2_security', fapi())).toMatchObject({
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
      id_token_signed_response_alg: 'PS256',
      token_endpoint_auth_signing_alg: 'ES256',
    });
  });

  test('binds its tokens to its certificate if it asks for that', () => {
    const given = {
      ...web,
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: 'CN=rp',
      tls_client_certificate_bound_access_tokens: true,
    } as GivenMetadata;
    const metadata = readMetadata('web', 'fapi2_security', given);
    expect(metadata.tls_client_certificate_bound_access_tokens).toBe(true);
    expect(metadata.dpop_bound_access_tokens).toBeUndefined();
  });

  test.each<[string, () => 'PS256' | 'ES256' | 'EdDSA', () => Jwks]>([
    ['RSA', () => 'PS256', () => jwks.rsa],
    ['P-256', () => 'ES256', () => jwks.ec],
    ['Ed25519', () => 'EdDSA', () => jwks.okp],
  ])('signs its assertions with the algorithm of its %s key', (_kind, alg, keys) => {
    expect(readMetadata('web', 'fapi2_security', fapi({ jwks: keys() })).token_endpoint_auth_signing_alg).toBe(alg());
  });

  test.each<[string, () => object, string[]]>([
    ['a secret', () => ({ ...web }), ['token_endpoint_auth_method']],
    ['no authentication', () => ({ ...web, token_endpoint_auth_method: 'none' }), ['token_endpoint_auth_method']],
    ['keys of two kinds and no word which', () => fapi({ jwks: jwks.both }), ['token_endpoint_auth_signing_alg']],
    [
      'keys at an address and no word which',
      () => fapi({ jwks: undefined, jwks_uri: 'https://rp.example/jwks' }),
      ['token_endpoint_auth_signing_alg'],
    ],
    [
      'RS256 assertions',
      () => fapi({ jwks: jwks.rsa, token_endpoint_auth_signing_alg: 'RS256' }),
      ['token_endpoint_auth_signing_alg'],
    ],
    ['RS256 ID tokens', () => fapi({ id_token_signed_response_alg: 'RS256' }), ['id_token_signed_response_alg']],
    ['bearer tokens', () => fapi({ dpop_bound_access_tokens: false }), ['dpop_bound_access_tokens']],
    [
      'the implicit grant',
      () => fapi({ grant_types: ['authorization_code', 'implicit'], response_types: ['code id_token'] }),
      ['grant_types', 'response_types'],
    ],
    ['an address without TLS', () => fapi({ redirect_uris: ['http://localhost/cb'] }), ['redirect_uris']],
  ])('may not have %s', (_what, given, members) => {
    expect(wrong('web', given(), 'fapi2_security')).toEqual(members);
  });

  test('of Message Signing signs its requests and receives signed responses (RFC 9101, JARM)', () => {
    expect(readMetadata('web', 'fapi2_message_signing', fapi())).toMatchObject({
      require_signed_request_object: true,
      request_object_signing_alg: 'ES256',
      response_modes: ['jwt', 'query.jwt'],
      authorization_signed_response_alg: 'PS256',
    });
  });

  test.each<[string, () => object, string[]]>([
    ['unsigned responses', () => fapi({ response_modes: ['jwt', 'query'] }), ['response_modes']],
    ['requests signed by RS256', () => fapi({ request_object_signing_alg: 'RS256' }), ['request_object_signing_alg']],
    [
      'certificates alone, without a key to sign requests',
      () => ({ ...web, token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=rp' }),
      ['jwks', 'request_object_signing_alg'],
    ],
  ])('of Message Signing may not have %s', (_what, given, members) => {
    expect(wrong('web', given(), 'fapi2_message_signing')).toEqual(members);
  });
});

describe('an instance that receives no client certificates (RFC 8705)', () => {
  const bound = { ...web, tls_client_certificate_bound_access_tokens: true };
  const named = {
    ...web,
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_san_dns: 'rp.example',
  } as const;
  const read = (given: GivenMetadata) => readMetadata('web', 'default', given);
  const refused = (given: GivenMetadata, before?: GivenMetadata, isSupported = false): string[] => {
    try {
      metadataReader(policiesWith(), isSupported ? {} : null)('web', 'default', given, before && read(before));
      return [];
    } catch (error) {
      return Object.entries((error as AppError).details ?? {}).map(([member, text]) => {
        expect(text).toMatch(/^needs client certificates, which cannot reach this instance: set TLS_CLIENT_CA/);
        return member;
      });
    }
  };

  test('refuses members that need one, unless the client has them already', () => {
    expect(refused(named)).toEqual(['token_endpoint_auth_method']);
    expect(refused(bound)).toEqual(['tls_client_certificate_bound_access_tokens']);
    expect(refused(named, web)).toEqual(['token_endpoint_auth_method']);
    expect(
      refused({ ...web, token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: jwks.ec }, named),
    ).toEqual(['token_endpoint_auth_method']);
    expect([refused(web), refused(named, named), refused(bound, bound), refused(named, web, true)]).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });
});
