import { describe, expect, test } from 'vitest';
import { authorityOf, type Now } from '#oidc/authority/authority.ts';
import { readOrigin, writeOrigin } from '#oidc/authority/origin.ts';
import { type Circumstances, type Issued, verdictOn } from '#oidc/authority/verdict.ts';
import { mayBeTold } from '#oidc/claims.ts';

const api = 'https://api.example';
const consent = {
  scopes: new Set(['openid', 'email']),
  claims: new Set(['given_name']),
  resourceScopes: new Map([[api, new Set(['read'])]]),
  organizations: new Set<string>(),
};
const now: Now = {
  client: {},
  apis: new Map([[api, { scopes: [{ name: 'read' }, { name: 'write' }] }]]),
  consent,
  mayBeTold: (scope, claim) => mayBeTold(scope, claim, []),
};

describe('the maximum authority of a grant', () => {
  const names = ['openid', 'email', 'profile'];
  test.each<[string, Partial<Now>, string[], string[], string[] | null]>([
    ['is what the person allowed', {}, ['openid', 'email'], ['given_name'], ['read']],
    ['of what the client may ask for', { client: { scope: 'openid profile' } }, ['openid'], ['given_name'], ['read']],
    ['without claims of scopes that it may not', { client: { scope: 'openid' } }, ['openid'], [], ['read']],
    ['without an API that is gone', { apis: new Map([[api, null]]) }, ['openid', 'email'], ['given_name'], null],
    ['without an API that nobody looked up', { apis: new Map() }, ['openid', 'email'], ['given_name'], null],
    [
      'without scopes that the API lost',
      { apis: new Map([[api, { scopes: [{ name: 'write' }] }]]) },
      ['openid', 'email'],
      ['given_name'],
      [],
    ],
    ['without consent nothing', { consent: null }, [], [], []],
    [
      'with a narrower consent less',
      {
        consent: {
          scopes: new Set(['openid']),
          claims: new Set(),
          resourceScopes: new Map(),
          organizations: new Set(),
        },
      },
      ['openid'],
      [],
      [],
    ],
    [
      'of a first-party client what it may ask for',
      { consent: 'everything', client: { scope: 'openid profile' } },
      ['openid', 'profile'],
      ['given_name'],
      ['read', 'write'],
    ],
  ])('%s', (_what, change, scopes, claims, resource) => {
    const authority = authorityOf({ ...now, ...change });
    expect(names.filter((name) => authority.allowsScope(name))).toEqual(scopes);
    expect(['given_name', 'email'].filter((name) => authority.allowsClaim(name))).toEqual(claims);
    const left = authority.resourceScopes(api);
    expect(left && [...left]).toEqual(resource);
  });

  test('a property of the operator belongs to the scope profile', () => {
    const properties = [{ name: 'badge', visibility: 'claims' }] as never;
    expect(mayBeTold('openid profile', 'badge', properties)).toBe(true);
    expect(mayBeTold('openid email', 'badge', properties)).toBe(false);
    expect(mayBeTold(undefined, 'badge', properties)).toBe(true);
    expect(mayBeTold('openid', 'sid', properties)).toBe(true);
  });
});

const client: Circumstances['client'] = {
  isPublic: false,
  isFapi: false,
  authenticationStrength: 1,
  minimumLevel: null,
  redirectUriAllowed: (uri) => uri === 'https://shop.example/cb',
  grantTypeAllowed: () => true,
};
const held = authorityOf({
  ...now,
  consent: { ...consent, scopes: new Set(['openid', 'email', 'offline_access']) },
});
const circumstances: Circumstances = {
  client,
  held,
  api: null,
  lifetimes: { accessTokenSeconds: 600, refreshIdleSeconds: 1000, refreshAbsoluteSeconds: 5000 },
  isPkceRequired: true,
};

describe('the present authority of a token or a code', () => {
  test.each<[string, Issued, Partial<Circumstances['client']>, string | undefined]>([
    ['its scope', { kind: 'AccessToken', scope: 'openid email' }, {}, 'openid email'],
    ['less', { kind: 'AccessToken', scope: 'openid email profile' }, {}, 'openid email'],
    ['nothing without openid that it had', { kind: 'AccessToken', scope: 'openid email', aud: api }, {}, undefined],
    ['nothing when nothing is left', { kind: 'AccessToken', scope: 'profile phone' }, {}, undefined],
    ['nothing when it could only last', { kind: 'RefreshToken', scope: 'profile offline_access' }, {}, undefined],
    ['what it had, which was nothing', { kind: 'ClientCredentials', aud: api }, {}, ''],
    ['the part of an API', { kind: 'AccessToken', scope: 'read delete', aud: api }, {}, 'read'],
    ['nothing for a closed API', { kind: 'AccessToken', scope: 'read', aud: 'https://other.example' }, {}, undefined],
    [
      'scopes of its APIs',
      { kind: 'RefreshToken', scope: 'openid offline_access read', resource: [api] },
      {},
      'openid offline_access read',
    ],
    [
      'nothing without its grant type',
      { kind: 'AccessToken', scope: 'openid', gty: 'device_code refresh_token' },
      { grantTypeAllowed: (type) => type !== 'urn:ietf:params:oauth:grant-type:device_code' },
      undefined,
    ],
    ['nothing unbound', { kind: 'AccessToken', scope: 'openid' }, { dpopBoundAccessTokens: true }, undefined],
    [
      'its scope when bound',
      { kind: 'AccessToken', scope: 'openid', jkt: 'k' },
      { dpopBoundAccessTokens: true },
      'openid',
    ],
    [
      'nothing bound otherwise',
      { kind: 'AccessToken', scope: 'openid', jkt: 'k' },
      { tlsClientCertificateBoundAccessTokens: true },
      undefined,
    ],
    [
      'nothing below the level, whatever was told',
      { kind: 'RefreshToken', scope: 'openid offline_access', level: 3, origin: { level: 1 } },
      { minimumLevel: 2 },
      undefined,
    ],
    [
      'its scope at the level, whatever was told',
      { kind: 'RefreshToken', scope: 'openid offline_access', level: 1, origin: { level: 2 } },
      { minimumLevel: 2 },
      'openid offline_access',
    ],
    [
      'nothing to a removed address',
      { kind: 'AuthorizationCode', scope: 'openid', redirectUri: 'https://old.example/cb', codeChallenge: 'c' },
      {},
      undefined,
    ],
    [
      'nothing without PKCE',
      { kind: 'AuthorizationCode', scope: 'openid', redirectUri: 'https://shop.example/cb' },
      {},
      undefined,
    ],
    [
      'its scope as a code',
      { kind: 'AuthorizationCode', scope: 'openid', redirectUri: 'https://shop.example/cb', codeChallenge: 'c' },
      {},
      'openid',
    ],
  ])('%s', (_what, issued, changes, scope) => {
    const verdict = verdictOn(issued, { ...circumstances, client: { ...client, ...changes } });
    expect(verdict.holds ? (verdict.scope ?? '') : undefined).toBe(scope);
  });

  test.each<[string, Issued, number | undefined]>([
    ['an access token, which may live shorter now', { kind: 'AccessToken', iat: 100, exp: 4000 }, 700],
    ['an access token, which would live longer now', { kind: 'AccessToken', iat: 100, exp: 400 }, 400],
    ['a refresh token that nobody used', { kind: 'RefreshToken', iat: 100, iiat: 100, exp: 9000 }, 1100],
    ['a refresh token of an old family', { kind: 'RefreshToken', iat: 4500, iiat: 100, exp: 9000 }, 5100],
    ['a code', { kind: 'AuthorizationCode', iat: 100, exp: 160, codeChallenge: 'c' }, 160],
  ])('%s ends in time', (_what, issued, end) => {
    expect(verdictOn(issued, circumstances)).toMatchObject({ holds: true, exp: end });
  });
});

describe('the circumstances of issue of a JWT', () => {
  test.each([
    [{ gty: 'authorization_code refresh_token', origin: { authentication: 3, level: 2 } }],
    [{ gty: 'device_code', origin: { authentication: 0, level: 1 } }],
    [{ gty: 'implicit', origin: { level: 1 } }],
    [{ origin: { authentication: 1 } }],
  ] as const)('are read as they were written: %o', (made) => {
    expect(readOrigin(writeOrigin(made))).toEqual(made);
  });

  test.each(['', 'x', 'ar-1', '__proto__', 'ar-1-2-3', 'zz-1-1'])('are not read from %o', (text) => {
    expect(readOrigin(text)).toEqual({});
  });
});
