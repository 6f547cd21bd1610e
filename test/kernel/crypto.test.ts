import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKeyRing, equalSecrets, randomSecret, SealError, sha256 } from '#kernel/crypto.ts';

const oldSecret = 'o'.repeat(16) + 'ld-secret-of-32-bytes';
const newSecret = 'n'.repeat(16) + 'ew-secret-of-32-bytes';

describe('encryption at rest', () => {
  const ring = createKeyRing([newSecret, oldSecret]);

  test('any text can be decrypted in its own row', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, place) => {
        expect(ring.open(ring.seal(text, place), place)).toBe(text);
      }),
    );
  });

  test('a text that was moved to another row cannot be decrypted', () => {
    const alice = ring.seal('secret of alice', 'totp.secret:alice');
    expect(() => ring.open(alice, 'totp.secret:mallory')).toThrow(SealError);
  });

  test('the ciphertext shows nothing of the plain text and differs each time', () => {
    const [first, second] = [ring.seal('plain words', 'place'), ring.seal('plain words', 'place')];
    expect(first).not.toBe(second);
    expect(first).not.toContain('plain');
    expect(Buffer.from(first.split('.')[2] ?? '', 'base64url').toString('latin1')).not.toContain('plain');
  });

  test('one changed byte anywhere in the body is detected', () => {
    const sealed = ring.seal('words', 'place');
    const [format, id, text] = sealed.split('.');
    const body = Buffer.from(text ?? '', 'base64url');
    for (let at = 0; at < body.length; at++) {
      const damaged = Buffer.from(body);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(() => ring.open([format, id, damaged.toString('base64url')].join('.'), 'place')).toThrow(SealError);
    }
  });

  test.each([
    ['', 'nothing'],
    ['plain text', 'no sealed text'],
    ['lk1.aaaaaaaa.', 'no body'],
    ['lk1.aaaaaaaa.AAAA', 'a body too short for IV and tag'],
    [`lk2.${ring.seal('x', 'place').slice(4)}`, 'another format'],
    [`${ring.seal('x', 'place')}.more`, 'more than three parts'],
  ])('%j is refused: %s', (text) => {
    expect(() => ring.open(text, 'place')).toThrow(SealError);
  });
});

describe('rotation of secrets', () => {
  const before = createKeyRing([oldSecret]);
  const during = createKeyRing([newSecret, oldSecret]);
  const after = createKeyRing([newSecret]);

  test('the first secret encrypts and all decrypt', () => {
    expect(during.open(before.seal('words', 'place'), 'place')).toBe('words');
    expect(after.open(during.seal('words', 'place'), 'place')).toBe('words');
  });

  test('a text of a removed secret cannot be decrypted and the message names the missing key', () => {
    const sealed = before.seal('words', 'place');
    expect(() => after.open(sealed, 'place')).toThrow(sealed.split('.')[1]);
  });

  test('a text of the old secret is distinguished from a text of the first', () => {
    expect(during.isCurrent(before.seal('words', 'place'))).toBe(false);
    expect(during.isCurrent(during.seal('words', 'place'))).toBe(true);
  });

  test('the id of a key reveals nothing of its secret', () => {
    const id = before.seal('words', 'place').split('.')[1] ?? '';
    expect(sha256(oldSecret).toString('base64url')).not.toContain(id);
  });
});

describe('derived keys', () => {
  const ring = createKeyRing([newSecret, oldSecret]);

  test('each label and each secret gives an unrelated key of 256 bits', () => {
    const keys = ['cookies', 'csrf', 'pagination', 'pairwise', 'seal', ''].flatMap((label) => ring.deriveKeys(label));
    expect(keys.every((key) => key.symmetricKeySize === 32)).toBe(true);
    expect(new Set(keys.map((key) => key.export().toString('hex'))).size).toBe(12);
  });

  test('the first derived key belongs to the first secret and is stable', () => {
    expect(ring.deriveKeys('cookies')[0]?.equals(ring.deriveKey('cookies'))).toBe(true);
    expect(createKeyRing([newSecret]).deriveKey('cookies').equals(ring.deriveKey('cookies'))).toBe(true);
  });
});

describe('invalid key rings', () => {
  test.each([
    [[], 'an empty one'],
    [['x'.repeat(31)], 'a short secret'],
    [[newSecret, 'short'], 'a short second secret'],
    [[newSecret, newSecret], 'equal secrets'],
  ])('%j is refused: %s', (secrets) => {
    expect(() => createKeyRing(secrets)).toThrow(SealError);
  });
});

describe('secrets', () => {
  test('a random secret has 256 bits of base64url and never repeats', () => {
    const made = Array.from({ length: 100 }, () => randomSecret());
    expect(new Set(made).size).toBe(100);
    expect(made.every((secret) => /^[\w-]{43}$/.test(secret))).toBe(true);
  });

  test.each([
    ['same', 'same', true],
    ['same', 'Same', false],
    ['short', 'longer than it', false],
    ['', '', true],
    ['', 'x', false],
  ])('%j and %j are equal: %j', (a, b, equal) => {
    expect(equalSecrets(a, b)).toBe(equal);
  });

  test('SHA-256 matches FIPS 180-4', () => {
    expect(sha256('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
