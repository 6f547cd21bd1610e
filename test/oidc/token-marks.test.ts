import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { mark, markedKinds, mayBe } from '../../src/oidc/artifacts/token-marks.ts';

const random = (): string => randomBytes(32).toString('base64url');

describe('token prefixes', () => {
  test.each(markedKinds)('a %s is recognized, and no other kind takes it for its own', (kind) => {
    for (let i = 0; i < 200; i += 1) {
      const text = mark(kind, random());
      expect(text).toMatch(/^lk_[a-z]{2}_[\w-]{43}[0-9A-Za-z]{6}$/);
      expect(markedKinds.filter((other) => mayBe(other, text))).toEqual([kind]);
    }
  });

  test('do not change, because secret scanners know them', () => {
    expect(mark('AccessToken', 'A'.repeat(43))).toBe(`lk_at_${'A'.repeat(43)}0JsmNI`);
  });

  test.each([
    ['empty', ''],
    ['the mark alone', 'lk_at_'],
    ['as short as its checksum', 'lk_at_000000'],
    ['one letter changed', mark('AccessToken', 'A'.repeat(43)).replace('A', 'B')],
    ['one letter missing', mark('AccessToken', random()).slice(0, -1)],
    ['one letter more', `${mark('AccessToken', random())}0`],
    ['in capitals', mark('AccessToken', random()).toUpperCase()],
    ['without a mark', random()],
    ['of lone surrogates', `lk_at_\ud800${'A'.repeat(42)}000000`],
  ])('a text that is %s is not an access token', (_name, text) => {
    expect(mayBe('AccessToken', text)).toBe(false);
  });

  test('kinds without a prefix may be any text', () => {
    expect(mayBe('Session', 'anything')).toBe(true);
  });
});
