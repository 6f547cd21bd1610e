import { describe, expect, test } from 'vitest';
import { HashRefusal } from '#credentials/foreign-hashes/family.ts';
import { foreignHash } from '#credentials/foreign-hashes/formats.ts';
import { readForeignHash, schemes, verifyForeignHash } from '#credentials/foreign-hashes/registry.ts';
import { vectors } from './vectors.ts';

const short = (text: string) => (text.length > 24 ? `${text.slice(0, 24)}…` : text);
const named = vectors.map((vector) => [vector.scheme, short(vector.hash), short(vector.password), vector] as const);

describe('hashes of other systems', () => {
  test.each(named)('%s %s accepts the password "%s", and no other', async (scheme, _hash, _password, vector) => {
    const kept = foreignHash(vector);
    expect(kept.scheme).toBe(scheme);
    expect(await verifyForeignHash(kept.hash, vector.password)).toBe(true);
    // Past the 72 bytes of bcrypt a difference would not count.
    expect(await verifyForeignHash(kept.hash, `!${vector.password}`)).toBe(false);
    if (vector.password !== '') expect(await verifyForeignHash(kept.hash, '')).toBe(false);
  });

  test('every family has a test vector', () => {
    expect(new Set(vectors.map(({ scheme }) => scheme))).toEqual(new Set(schemes));
  });

  test.each(named)('%s %s is stored as a text that contains its format', (scheme, _hash, _password, vector) => {
    const { hash } = foreignHash(vector);
    expect(foreignHash({ hash })).toEqual({ hash, scheme });
  });

  test.each(named)('%s %s with a changed character refuses the password', async (_scheme, _hash, _password, vector) => {
    const { hash } = foreignHash(vector);
    const mangled = mangle(hash);
    expect(await verifyForeignHash(mangled, vector.password)).toBe(false);
  });

  test.each(named)('%s %s is refused when it is truncated', (_scheme, _hash, _password, vector) => {
    const { hash } = foreignHash(vector);
    expect(() => readForeignHash(hash.slice(0, 22))).toThrow(HashRefusal);
  });
});

/** Another letter in the middle of salt or hash: their last letters may be padding, and of PBKDF2 the first block counts alone. */
function mangle(hash: string): string {
  const start = Math.max(hash.lastIndexOf('$') + 1, hash.indexOf('}') + 1);
  const at = start + (hash.startsWith('$aspnet') ? 20 : hash.length - start > 60 ? 3 : 12);
  return hash.slice(0, at) + (hash[at] === 'a' ? 'b' : 'a') + hash.slice(at + 1);
}

describe('a typed password', () => {
  const composed = 'Zürich'.normalize('NFC');
  const decomposed = 'Zürich'.normalize('NFD');
  const hash = '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=';

  test('is compared as typed, and in composed form if that differs', async () => {
    expect(await verifyForeignHash(hash, composed)).toBe(true);
    expect(await verifyForeignHash(hash, decomposed)).toBe(true);
  });

  test('may be decomposed if the hash was made of the decomposed form', async () => {
    const made = foreignHash({
      hash: Buffer.from(await crypto.subtle.digest('SHA-1', Buffer.from(decomposed))).toString('hex'),
      format: 'salted-digest',
      parameters: { algorithm: 'sha1', template: '{password}' },
    });
    expect(await verifyForeignHash(made.hash, decomposed)).toBe(true);
    expect(await verifyForeignHash(made.hash, composed)).toBe(false);
  });

  test.each([
    ['bcrypt', '$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq'],
    ['md5-crypt', '$1$abcdefgh$M55TzYaaccxVGbptZWaxX/'],
    [
      'sha512-crypt',
      '$6$abcdefgh$v7sYNA18/BerGOYQLppYLyjH4yJilp8kqe/ef3KYMK9hOIdzH1yzcmP74Ay.m51y1jP3QqxM7Jl75S4CxDhBq.',
    ],
  ])('is not an empty password because of a leading NUL: %s', async (_scheme, hash) => {
    expect(await verifyForeignHash(hash, '')).toBe(true);
    expect(await verifyForeignHash(hash, '\u0000anything')).toBe(false);
  });

  test('counts up to 72 bytes for bcrypt, like in the system of the hash, also past the 255 that overflowed there', async () => {
    const hash = '$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i';
    for (const length of [72, 80, 255, 256, 328, 1000])
      expect(await verifyForeignHash(hash.replace('$2b', '$2a'), 'x'.repeat(length))).toBe(true);
    expect(await verifyForeignHash(hash, 'x'.repeat(71))).toBe(false);
    expect(await verifyForeignHash(hash, `${'x'.repeat(71)}y`)).toBe(false);
  });
});

describe('hashes that are too expensive or invalid', () => {
  const salt = 'c29tZXNhbHRzYWx0';
  const tag = 'gwQOXSNhxiOxPOA0PY10P9QFO4NAYysnqRt1GSQLE54';
  test.each([
    ['argon2 with 4 GiB', `$argon2id$v=19$m=4194304,t=1,p=1$${salt}$${tag}`, /^m must/],
    ['argon2 with a thousand passes', `$argon2id$v=19$m=8,t=1000,p=1$${salt}$${tag}`, /^t must/],
    ['argon2 with much of both', `$argon2id$v=19$m=262144,t=32,p=1$${salt}$${tag}`, /m times t/],
    ['argon2 with 255 lanes', `$argon2id$v=19$m=65536,t=1,p=255$${salt}$${tag}`, /^p must/],
    ['argon2 without its memory', `$argon2id$v=19$t=1,p=1$${salt}$${tag}`, /must look like/],
    ['argon2 whose memory is named twice', `$argon2id$v=19$m=8,m=4194304,p=1$${salt}$${tag}`, /m must|t must/],
    ['argon2 of a kind that is none', `$argon2x$v=19$m=8,t=1,p=1$${salt}$${tag}`, /must look like/],
    ['bcrypt at cost 31', '$2b$31$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq', /cost/],
    ['bcrypt of the broken version', '$2x$05$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq', /\$2x\$/],
    ['scrypt with 4 GiB', `$scrypt$ln=20,r=32,p=1$${salt}$${tag}`, /128 MiB/],
    ['scrypt many times over', `$scrypt$ln=17,r=8,p=16$${salt}$${tag}`, /times/],
    ['scrypt beyond all', `$scrypt$ln=63,r=8,p=1$${salt}$${tag}`, /ln must/],
    ['Firebase beyond all', `$firebase-scrypt$ln=30,r=8$Bw==$${tag}$${salt}$${tag}`, /ln must/],
    ['PBKDF2 a billion times', `$pbkdf2-sha256$i=999999999$${salt}$${tag}`, /iterations/],
    ['PBKDF2 of no time', `$pbkdf2-sha256$i=0$${salt}$${tag}`, /iterations/],
    ['PBKDF2 with a hash of three bytes', `$pbkdf2-sha256$i=1000$${salt}$AAAA`, /hash must have/],
    ['Django a billion times', `pbkdf2_sha256$999999999$salt$${tag}`, /iterations/],
    ['Django with scrypt of no power of two', `scrypt$1000$salt$8$1$${tag}${tag}`, /ln must/],
    ['ASP.NET four billion times', `$aspnet-identity$${aspnet(0xff_ff_ff_ff, 16)}`, /iterations/],
    ['ASP.NET with a salt longer than all', `$aspnet-identity$${aspnet(1000, 0xff_ff_ff_00)}`, /salt leaves no place/],
    ['ASP.NET of version 9', `$aspnet-identity$${Buffer.alloc(61, 9).toString('base64')}`, /no known version/],
    ['sha512-crypt a billion times', `$6$rounds=999999999$salt$${'a'.repeat(86)}`, /rounds/],
    ['phpass 2^30 times', `$P$S${'a'.repeat(30)}`, /logarithm/],
    ['phpass of Drupal that is cut', `$S$D${'a'.repeat(50)}`, /43 letters/],
    ['WordPress at cost 31', '$wp$2y$31$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq', /cost/],
    ['an LDAP scheme that nobody knows', '{ROT13}uryyb', /not known/],
    ['DES crypt', '{CRYPT}ab1Hv2Lg7ltQo', /is not taken/],
    ['a digest whose template has no password', digest('{salt}'), /\{password\} once/],
    ['a digest whose template has two', digest('{password}{password}'), /\{password\} once/],
    ['a text that is no hash', 'hunter2', /no known kind/],
    ['a text without end', `{SHA}${'A'.repeat(5000)}`, /4096/],
    ['nothing', '', /no known kind/],
  ])('refuses %s', (_what, hash, why) => {
    expect(() => readForeignHash(hash)).toThrow(HashRefusal);
    expect(() => readForeignHash(hash)).toThrow(why);
  });

  test.each([
    ['a password in plain text', { hash: 'hunter2', format: 'plaintext' }, /given as password/],
    ['a format that nobody knows', { hash: 'x', format: 'rot13' }, /rot13 is no known format/],
    [
      'a hash under the name of another',
      { hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=', format: 'bcrypt' },
      /is ldap, not bcrypt/,
    ],
    ['a digest without its algorithm', { hash: 'abcd', format: 'salted-digest' }, /parameters\.algorithm/],
    [
      'Firebase without its signer key',
      { hash: 'abcd', format: 'firebase-scrypt', parameters: { rounds: 8, mem_cost: 14 } },
      /signer_key/,
    ],
    [
      'a parameter that nobody knows',
      { hash: 'abcd', format: 'salted-digest', parameters: { algorithm: 'md5', pepper: 'x' } },
      /pepper/,
    ],
    ['Keycloak with broken JSON', { hash: '{', format: 'keycloak' }, /is JSON/],
    [
      'Keycloak with an algorithm of its own',
      { hash: '{"algorithm":"x","hashIterations":1,"salt":"","value":""}', format: 'keycloak' },
      /x is no algorithm/,
    ],
    [
      'Keycloak with a salt that ends the field',
      { hash: '{"algorithm":"pbkdf2","hashIterations":1,"salt":"$","value":""}', format: 'keycloak' },
      /no valid salt/,
    ],
    [
      'Keycloak with 4 GiB',
      {
        hash: '{"algorithm":"argon2","hashIterations":5,"salt":"c29tZXNhbHRzYWx0","value":"c29tZXNhbHRzYWx0","additionalParameters":{"memory":["4194304"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}',
        format: 'keycloak',
      },
      /^m must/,
    ],
    [
      'Keycloak with parameters that are missing',
      {
        hash: '{"algorithm":"argon2","hashIterations":5,"salt":"c29tZXNhbHRzYWx0","value":"c29tZXNhbHRzYWx0","additionalParameters":{"memory":["7168"]}}',
        format: 'keycloak',
      },
      /no valid additionalParameters.type, additionalParameters.version, additionalParameters.parallelism/,
    ],
    [
      'Keycloak with a version of argon2 that nobody knows',
      {
        hash: '{"algorithm":"argon2","hashIterations":5,"salt":"c29tZXNhbHRzYWx0","value":"c29tZXNhbHRzYWx0","additionalParameters":{"memory":["7168"],"type":["id"],"version":["2.0"],"parallelism":["1"]}}',
        format: 'keycloak',
      },
      /version 2.0/,
    ],
    [
      'Keycloak without its algorithm',
      { hash: '{"hashIterations":1,"salt":"","value":""}', format: 'keycloak' },
      /no valid algorithm/,
    ],
    [
      'HMAC without its key',
      { hash: 'abcd', format: 'hmac', parameters: { algorithm: 'sha256', key: '' } },
      /key must not/,
    ],
    ['HMAC that is cut', { hash: 'abcd', format: 'hmac', parameters: { algorithm: 'sha256', key: 'k' } }, /32 to 32/],
  ])('refuses %s', (_what, given, why) => {
    expect(() => foreignHash(given)).toThrow(why);
  });
});

function aspnet(iterations: number, saltLength: number): string {
  const bytes = Buffer.alloc(61);
  bytes[0] = 1;
  bytes.writeUInt32BE(1, 1);
  bytes.writeUInt32BE(iterations, 5);
  bytes.writeUInt32BE(saltLength, 9);
  return bytes.toString('base64');
}

function digest(template: string): string {
  return `$digest-md5$${Buffer.from(template).toString('base64')}$c2FsdA==$${Buffer.alloc(16).toString('base64')}`;
}
