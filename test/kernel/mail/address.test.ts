import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headerText, readMailAddress, readSender } from '#kernel/mail/address.ts';

describe('a mail address is one bare address', () => {
  test.each([
    ['noor@fernway.example', 'noor@fernway.example'],
    ['Noor.Haddad+tag@Fernway.Example', 'Noor.Haddad+tag@fernway.example'],
    ["o'neill!#$%&*/=?^_`{|}~-@x.example", "o'neill!#$%&*/=?^_`{|}~-@x.example"],
    ['a@bücher.example', 'a@xn--bcher-kva.example'],
    ['a@localhost', 'a@localhost'],
    [`${'a'.repeat(64)}@x.example`, `${'a'.repeat(64)}@x.example`],
  ])('%s is %s', (text, expected) => {
    expect(readMailAddress(text)).toBe(expected);
  });

  const refused: Record<string, string[]> = {
    'two addresses': [
      'a@x.example,b@y.example',
      'a@x.example b@y.example',
      'a@x.example;b@y.example',
      'a@x.example, <b@y.example>',
      'a,b@x.example',
      'a@x.example@y.example',
    ],
    'line breaks': [
      'a@x.example\r\nBcc: b@y.example',
      'a@x.example\n',
      'a\r\n@x.example',
      'a@x.example\u2028b',
      'a@x\u0085.example',
    ],
    'names and brackets': ['"x" <a@x.example>', '<a@x.example>', 'x a@x.example', 'a@x.example>'],
    comments: ['a(comment)@x.example', 'a@x.example(comment)', '(a)a@x.example', 'a@(b)x.example'],
    'quoted local parts': [
      '"a b"@x.example',
      '"a@y.example"@x.example',
      '"a,b@y.example"@x.example',
      '"<b@y.example>"@x.example',
      '"a\\"b"@x.example',
    ],
    'encoded words': ['=?utf-8?q?a=40y.example=3E?=@x.example ', '=?x?q?=62?= a@x.example', 'a@=?utf-8?q?y?=.example'],
    'routes and literals': ['@y.example:a@x.example', 'a%y.example@', 'a@[127.0.0.1]', 'a@[IPv6:::1]', 'a!b'],
    'wrong dots': [
      '.a@x.example',
      'a.@x.example',
      'a..b@x.example',
      'a@.example',
      'a@x..example',
      'a@x.example.',
      'a@example',
    ],
    'wrong domains': [
      'a@-x.example',
      'a@x-.example',
      'a@x_y.example',
      `a@${'x'.repeat(64)}.example`,
      'a@x.example/path',
      'a@x.example:25',
      'a@x.exa mple',
    ],
    'too long': [`${'a'.repeat(65)}@x.example`, `a@${'x.'.repeat(126)}example`],
    'what is not ASCII before the @': ['vıctim@x.example', 'ｎoor@x.example', 'noor\u200b@x.example', 'а@x.example'],
    'controls and nothing': [
      '',
      '@',
      'a@',
      '@x.example',
      ' a@x.example',
      'a@x.example ',
      'a\u0000@x.example',
      'a\t@x.example',
      'a@x.example\u007f',
    ],
  };

  test.each(Object.entries(refused))('%s are refused', (_name, texts) => {
    expect(texts.filter((text) => readMailAddress(text) !== null)).toEqual([]);
  });

  test('an accepted address has one @, no space and no character that changes a header', () => {
    const part = fc.string({
      unit: fc.constantFrom(...'aB9.-+@,;:<>()[]"\\ \t\r\n=?_%\u0000é．＠'.split('')),
      maxLength: 12,
    });
    fc.assert(
      fc.property(part, part, (local, domain) => {
        const address = readMailAddress(`${local}@${domain}.example`);
        expect(address ?? 'a@b').toMatch(/^[^\s@,;:<>()[\]"\\\u0000-\u0020\u007f-\uffff]+@[a-z0-9.-]+$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a sender', () => {
  test.each([
    ['Latchkey <no-reply@localhost>', { name: 'Latchkey', address: 'no-reply@localhost' }],
    ['no-reply@x.example', { name: '', address: 'no-reply@x.example' }],
    ['Fernway, Inc. < id@x.example >', { name: 'Fernway, Inc.', address: 'id@x.example' }],
  ])('%s', (text, expected) => {
    expect(readSender(text)).toEqual(expected);
  });

  test.each(['', 'Latchkey', 'a@x.example, b@x.example', 'A <a@x.example> B <b@x.example>', 'A <a@x.example', 'A <>'])(
    '%j is refused',
    (text) => {
      expect(readSender(text)).toBeNull();
    },
  );
});

describe('text of a header', () => {
  test.each([
    ['Hi\r\nBcc: a@x.example', 'Hi Bcc: a@x.example'],
    ['a\u0000b\u0085c\u2028d', 'a b c d'],
    ['\u202etxet\u202c', 'txet'],
    ['  Zoë 🔑  ', 'Zoë 🔑'],
    ['🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑', '🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑'],
  ])('%j becomes %j', (text, expected) => {
    expect(headerText(text, 10 + (text.startsWith('Hi') ? 90 : 0))).toBe(expected);
  });
});
