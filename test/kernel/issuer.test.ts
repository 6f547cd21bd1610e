import { describe, expect, test } from 'vitest';
import { readConfig } from '#kernel/config.ts';
import { isLoopback, ownUrls } from '#kernel/issuer.ts';

const issuer = 'https://id.example.com';

describe('ISSUER', () => {
  test.each([
    ['an origin', 'https://id.example.com', 'https://id.example.com'],
    ['a slash at the end', 'https://id.example.com/', 'https://id.example.com'],
    ['the default port and capitals', 'HTTPS://ID.example.com:443', 'https://id.example.com'],
    ['plain http on this machine', 'http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
  ])('takes %s', (_what, text, expected) => {
    expect(readConfig({ ISSUER: text }).issuer).toBe(expected);
  });

  test.each([
    ['without TLS', 'http://id.example.com', /must begin with https/],
    ['with a query', `${issuer}/?x`, /no query, fragment or user/],
    ['with an empty query', `${issuer}/id?`, /no query, fragment or user/],
    ['with a fragment', `${issuer}/id#x`, /no query, fragment or user/],
    ['with a user', 'https://me@id.example.com', /no query, fragment or user/],
    ['of another scheme', 'ftp://id.example.com', /must be a URL/],
    ['that is no URL', 'id.example.com', /must be a URL/],
    ['with a dot segment', `${issuer}/a/../id`, /plain segments/],
    ['with two slashes', `${issuer}//id`, /plain segments/],
    ['with two slashes at the end', `${issuer}/id//`, /plain segments/],
    ['with a backslash', `${issuer}\\id`, /plain segments/],
    ['with an escape', `${issuer}/%69d`, /plain segments/],
    ['below the well-known addresses', `${issuer}/.well-known/id`, /plain segments/],
    ['with a parameter', `${issuer}/id;v=1`, /plain segments/],
    ['with a line end', `${issuer}/id\n`, /plain segments/],
  ])('is refused %s', (_what, text, why) => {
    expect(() => readConfig({ ISSUER: text })).toThrow(why);
    expect(() => readConfig({ ISSUER: text })).toThrow(/^ISSUER /);
  });
});

describe('ISSUER_ALIASES', () => {
  test('names further origins, and every own URL is at one of them', () => {
    const config = readConfig({
      ISSUER: issuer,
      ISSUER_ALIASES: 'https://Login.example.com/, https://example.org:8443,',
    });
    expect(config.issuerAliases).toEqual(['https://login.example.com', 'https://example.org:8443']);
    expect(ownUrls(config, '/oidc/token')).toEqual([
      'https://id.example.com/oidc/token',
      'https://login.example.com/oidc/token',
      'https://example.org:8443/oidc/token',
    ]);
  });

  test.each([
    ['a path', 'https://login.example.com/id', /without a path/],
    ['plain http', 'http://login.example.com', /must begin with https/],
    [
      'plain http on this machine for an issuer on https',
      'http://localhost:3000',
      /must begin with https:\/\/ as ISSUER/,
    ],
    ['a bare host', 'login.example.com', /must be a URL/],
    ['a wildcard', 'https://*.example.com', /must name one host/],
    ['a user', 'https://id.example.com@evil.example', /no query, fragment or user/],
    ['an origin twice', 'https://a.example, https://A.example:443', /each origin once.*https:\/\/a\.example/],
    ['the issuer', issuer, /not the origin of ISSUER/],
  ])('refuse %s', (_what, text, why) => {
    expect(() => readConfig({ ISSUER: issuer, ISSUER_ALIASES: text })).toThrow(why);
    expect(() => readConfig({ ISSUER: issuer, ISSUER_ALIASES: text })).toThrow(/^ISSUER_ALIASES /);
  });

  test('are https nowhere when the issuer is http', () => {
    expect(() => readConfig({ ISSUER_ALIASES: 'https://login.example.com' })).toThrow(/must begin with http:/);
  });
});

test.each([
  ['localhost', true],
  ['app.localhost', true],
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['[::1]', true],
  ['localhost.example.com', false],
  ['127.0.0.1.example.com', false],
  ['0.0.0.0', false],
  ['10.0.0.1', false],
  ['notlocalhost', false],
])('knows whether %s is this machine: %s', (host, is) => expect(isLoopback(host)).toBe(is));
