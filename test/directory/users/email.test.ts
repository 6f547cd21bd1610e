import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalEmail } from '#directory/users/module.ts';

describe('the canonical form of email addresses', () => {
  test.each([
    ['Ada@Example.COM', 'ada@example.com'],
    ['  ada@example.com ', 'ada@example.com'],
    ['first.last+tag@example.com', 'first.last+tag@example.com'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@BÜCHER.example', 'ada@xn--bcher-kva.example'],
    ['root@localhost', 'root@localhost'],
    // The engine of a browser and of a mail server take a full-width letter in a domain for the plain one.
    ['ada@ｅxample.com', 'ada@example.com'],
  ])('%j is %j', (typed, canonical) => expect(canonicalEmail(typed)).toBe(canonical));

  test.each([
    'ada',
    'ada@',
    '@example.com',
    'ada@example',
    'ada@@example.com',
    'a b@example.com',
    '"ada"@example.com',
    'ada@example.com, eve@evil.example',
    'ada(comment)@example.com',
    'vıctim@example.com',
    '\u212Aelvin@example.com',
    'ada.@example.com',
    '.ada@example.com',
    'a..b@example.com',
    'ada@-example.com',
    'ada@example..com',
    'ada＠example.com',
    'ada@exa\u0000mple.com',
    'ada\r\nbcc:eve@example.com',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'b'.repeat(250)}.example`,
    'ada@[127.0.0.1]',
    'ada@example.com/evil',
    'ada@example.com?x',
    'ada@example.com#x',
    'ada@example.com:25',
    'ada@evil.example\\@example.com',
    'ada@exa%6dple.com',
    '<ada@example.com>',
  ])('%j is not an address', (typed) => expect(canonicalEmail(typed)).toBeNull());

  test('a canonical address is its own canonical form', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        const once = canonicalEmail(address);
        if (once !== null) expect(canonicalEmail(once)).toBe(once);
      }),
    );
  });

  test('no two letters are equal except by ASCII case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }), (local) => {
        const canonical = canonicalEmail(`${local}@example.com`);
        if (canonical !== null)
          expect(canonical).toBe(
            `${local.trim().replace(/[A-Z]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 32))}@example.com`,
          );
      }),
    );
  });
});
