import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ApplicationType, objectionToOrigin, objectionToRedirectUri } from '#applications/clients/redirect-uri.ts';
import { sections } from '#settings/module.ts';

const both: ApplicationType[] = ['web', 'native'];

describe('accepted addresses', () => {
  test.each<[ApplicationType, string]>([
    ['web', 'https://rp.example/cb'],
    ['web', 'https://rp.example'],
    ['web', 'https://rp.example/'],
    ['web', 'https://rp.example:8443/cb'],
    ['web', 'https://rp.example/cb?tenant=a&x=%2F'],
    ['web', 'https://xn--bcher-kva.example/cb'],
    ['web', 'https://[2001:db8::1]/cb'],
    ['web', 'http://localhost:3000/cb'],
    ['web', 'http://app.localhost:3000/cb'],
    ['web', 'http://127.0.0.1:9/cb'],
    ['web', 'http://[::1]:9/cb'],
    ['native', 'http://127.0.0.1/cb'],
    ['native', 'http://127.0.0.1:49152/cb'],
    ['native', 'http://[::1]/cb'],
    ['native', 'http://localhost/cb'],
    ['native', 'http://localhost:3000/cb'],
    ['native', 'https://app.example/claimed'],
    ['native', 'com.example.app:/signed-in'],
    ['native', 'com.example.app://signed-in'],
    ['native', 'com.example.my-app:/cb'],
    ['native', 'com.example.app://Signed_In/now'],
    ['web', 'https://my_app.example/cb'],
  ])('%s %s', (applicationType, uri) => {
    expect(objectionToRedirectUri(uri, applicationType)).toBeNull();
  });
});

describe('addresses refused for every client', () => {
  test.each([
    ['', 'empty'],
    ['/cb', 'relative'],
    ['//rp.example/cb', 'scheme-relative'],
    ['rp.example/cb', 'without a scheme'],
    ['https://', 'without a host'],
    ['https:///cb', 'with an empty host'],
    ['https:rp.example/cb', 'without slashes'],
    ['https:/rp.example/cb', 'with one slash'],
    ['https://rp.example/cb#', 'with an empty fragment (RFC 6749 §3.1.2)'],
    ['https://rp.example/cb#here', 'with a fragment'],
    ['https://rp.example/cb?', 'with an empty query'],
    ['https://user@rp.example/cb', 'with a user'],
    ['https://user:password@rp.example/cb', 'with a user and a password'],
    ['https://@rp.example/cb', 'with an empty user'],
    ['https://:@rp.example/cb', 'with an empty user and password'],
    ['https://rp.example\\@evil.example/cb', 'with a backslash'],
    ['https://rp.example:/cb', 'with an empty port'],
    ['https://rp.example:443/cb', 'with a default port'],
    ['https://rp.example:99999/cb', 'with an impossible port'],
    ['https://rp.example:0/cb', 'with the port 0'],
    ['http://127.0.0.1:0/cb', 'on this machine with the port 0'],
    ['http://127.0.0.1:05555/cb', 'with a zero before its port'],
    ['https://RP.example/cb', 'with upper case in the host'],
    ['HTTPS://rp.example/cb', 'with upper case in the scheme'],
    ['https://rp.example./cb', 'with a dot behind the host'],
    ['https://rp..example/cb', 'with an empty label'],
    ['https://rp;sandbox/cb', 'with a host that would end a directive of a policy'],
    ['https://rp.example,evil.example/cb', 'with a host that would end a policy'],
    ["https://'unsafe-inline'/cb", 'with a host that reads as a keyword of a policy'],
    ['https://a&b=c.example/cb', 'with a host that reads as parameters'],
    ['https://rp$example/cb', 'with a sign in the host'],
    ['https://*.rp.example/cb', 'with a wildcard host'],
    ['https://rp.example/*', 'with a wildcard path'],
    ['https://rp.example/cb?next=*', 'with a wildcard query'],
    ['https://rp.example/a/../cb', 'with a dot segment'],
    ['https://rp.example/a/%2e%2e/cb', 'with an encoded dot segment'],
    ['https://rp.example/./cb', 'with a single dot segment'],
    ['https://rp.example/cb%00', 'with an encoded NUL'],
    ['https://rp.example/cb%0d%0aSet-Cookie:a=b', 'with an encoded line break'],
    ['https://rp.example/cb\n', 'with a line break'],
    ['https://rp.example/c\tb', 'with a tab'],
    [' https://rp.example/cb', 'with a space in front'],
    ['https://rp.example/a b', 'with a space'],
    ['https://rp.example/%zz', 'with a broken escape'],
    ['https://rp.example/ü', 'with a letter that must be encoded'],
    ['https://bücher.example/cb', 'with a host that is no A-label'],
    ['https://rp%2eexample/cb', 'with an encoded dot in the host'],
    ['https://2130706433/cb', 'with an address as one number'],
    ['https://0x7f.1/cb', 'with a hexadecimal address'],
    ['https://rp.example/cb?code=1', 'with a parameter of the response'],
    ['https://rp.example/cb?state=1', 'with the state of the response'],
    ['https://rp.example/cb?iss=https%3A%2F%2Fevil.example', 'with an issuer of its own'],
    ['https://rp.example/"><svg onload=alert(1)>', 'with markup'],
    ['http://rp.example/cb', 'without TLS'],
    ['http://localhost.evil.example/cb', 'that only looks like this machine'],
    ['http://127.0.0.1.evil.example/cb', 'that only looks like a loopback address'],
    ['http://0.0.0.0/cb', 'of any address'],
    ['javascript:alert(1)', 'of a script'],
    ['JavaScript:alert(1)', 'of a script in mixed case'],
    ['javascript://rp.example/%0aalert(1)', 'of a script behind a comment'],
    ['data:text/html,hi', 'of data'],
    ['vbscript:msgbox', 'of another script'],
    ['blob:https://rp.example/1', 'of a blob'],
    ['file:///etc/passwd', 'of a file'],
    ['about:blank', 'of the browser'],
    ['ftp://rp.example/cb', 'of another protocol'],
    ['view-source:https://rp.example', 'of a pseudo scheme'],
    [`https://rp.example/${'a'.repeat(2048)}`, 'of endless length'],
  ])('%j, one %s', (uri) => {
    for (const applicationType of both)
      expect(objectionToRedirectUri(uri, applicationType)).toEqual(expect.any(String));
  });
});

describe('addresses accepted for one kind of client only', () => {
  test.each<[ApplicationType, string]>([
    ['web', 'com.example.app:/cb'],
    ['native', 'http://app.localhost:3000/cb'],
    ['native', 'http://127.0.0.2/cb'],
    ['native', 'https://127.0.0.1/cb'],
    ['native', 'https://localhost/cb'],
    ['native', 'myapp:/cb'],
    ['native', 'myapp://cb'],
    ['native', 'Com.Example.App:/cb'],
    ['native', 'com.:/cb'],
  ])('%s %s', (applicationType, uri) => {
    expect(objectionToRedirectUri(uri, applicationType)).toEqual(expect.any(String));
  });
});

describe('schemes without a dot, which the operator allows (setting oidc.nativeSchemes)', () => {
  const allowed = ['cursor', 'homeassistant', 'oc'];

  test.each<[ApplicationType, string, boolean]>([
    ['native', 'cursor://anysphere.cursor-retrieval/oauth/callback', true],
    ['native', 'homeassistant://auth-callback', true],
    ['native', 'oc://android.owncloud.com', true],
    ['native', 'oc:/cb', true],
    ['native', 'ocx:/cb', false],
    ['native', 'vscode://callback', false],
    ['native', 'OC://android.owncloud.com', false],
    ['native', 'oc://cb?code=1', false],
    ['native', 'oc://user@cb', false],
    ['native', 'oc://cb#', false],
    ['native', 'oc:cb*', false],
    ['web', 'oc://android.owncloud.com', false],
  ])('%s %s: %s', (applicationType, uri, isAllowed) => {
    expect(objectionToRedirectUri(uri, applicationType, allowed) === null).toBe(isAllowed);
    expect(objectionToRedirectUri(uri, applicationType)).toEqual(expect.any(String));
  });

  const dangerous = `javascript data file vbscript blob about filesystem view-source http https ws wss ftp intent mailto tel sms
    chrome chrome-extension moz-extension ms-settings ms-appinstaller search-ms jar ldap ssh itms-services web+app urn localhost`;

  test.each(dangerous.split(/\s+/))('%s is never one, whatever the setting says', (scheme) => {
    expect(sections.oidc.safeParse({ nativeSchemes: [scheme] }).success).toBe(false);
    // An https address is claimed by its host, and needs no list.
    if (scheme === 'https') return;
    for (const uri of [`${scheme}://cb`, `${scheme}:/cb`, `${scheme}:cb`])
      expect(objectionToRedirectUri(uri, 'native', [scheme])).toEqual(expect.any(String));
  });

  test.each(['com.example', 'oc:', 'OC', '', '1oc', 'o c', 'oc://', '*'])('the setting refuses %j', (scheme) => {
    expect(sections.oidc.safeParse({ nativeSchemes: [scheme] }).success).toBe(false);
  });
});

describe('an origin that a client lists (RFC 6454 §7)', () => {
  test.each([
    'https://app.example.com',
    'https://app.example.com:8443',
    'https://localhost',
    'http://localhost',
    'http://localhost:8100',
    'http://127.0.0.1:3000',
    'https://[2001:db8::1]',
    'capacitor://localhost',
    'tauri://localhost',
    'ionic://localhost',
    'app://obsidian.md',
  ])('%s is accepted', (origin) => {
    expect(objectionToOrigin(origin)).toBeNull();
  });

  test.each([
    'null',
    '*',
    '',
    'https://*.example.com',
    'https://app.example.com/',
    'https://app.example.com/cb',
    'https://app.example.com?x',
    'https://app.example.com#',
    'https://app.example.com:443',
    'https://App.example.com',
    'https://user@app.example.com',
    'https://app.example.com, https://evil.example',
    'https://app.example.com\n',
    'http://app.example.com',
    'capacitor://Localhost',
    'capacitor://',
    'capacitor:localhost',
    'file://localhost',
    'chrome-extension://abcdef',
    'javascript://localhost',
    'data://localhost',
    'app.example.com',
    '//app.example.com',
  ])('%j is refused', (origin) => {
    expect(objectionToOrigin(origin)).toEqual(expect.any(String));
  });
});

test('a reason continues the sentence about the address and says how to fix it', () => {
  expect(objectionToRedirectUri('https://RP.example/cb', 'web')).toBe(
    'must be written in its normal form, https://rp.example/cb',
  );
});

test('an accepted address leads to the host that it shows, without user, fragment or second reading', () => {
  const pieces = [
    'https://',
    'http://',
    'rp.example',
    'evil.example',
    '127.0.0.1',
    'localhost',
    '@',
    ':',
    '/',
    '\\',
    '#',
    '?',
    '*',
    '.',
    '..',
    '%2f',
    '%00',
    ' ',
    'cb',
    '443',
    '[::1]',
    'javascript:',
    'com.example.app:',
  ];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...pieces), { maxLength: 8 }),
      fc.constantFrom(...both),
      (parts, applicationType) => {
        const uri = parts.join('');
        if (objectionToRedirectUri(uri, applicationType) !== null) return;
        const url = new URL(uri);
        expect([uri, `${uri}/`]).toContain(url.href);
        expect(url.username + url.password + url.hash).toBe('');
        if (url.protocol === 'http:') expect(url.hostname).toMatch(/^(127\.0\.0\.1|\[::1\]|([a-z0-9-]+\.)*localhost)$/);
        else if (url.protocol !== 'https:') expect(applicationType).toBe('native');
      },
    ),
    { numRuns: 20_000 },
  );
});

test('the check answers for any text and never throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...both), (text, applicationType) => {
      const answer = objectionToRedirectUri(text, applicationType);
      expect(answer === null || answer.length > 0).toBe(true);
    }),
  );
});
