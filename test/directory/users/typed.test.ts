/** Typed text as users write and paste it: email addresses, phone numbers, names, digits. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMailAddress } from '#kernel/mail/address.ts';
import { canonicalEmail, cleanEmail, cleanIdentifier, readPhoneNumber } from '#directory/users/module.ts';
import { cleanPhoneNumber } from '#directory/users/typed/phone-number.ts';
import { oneLine, plainDigits, readLetters, withoutHidden } from '#directory/users/typed/text.ts';

const everyCharacter = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));

describe('an email address that was pasted', () => {
  test.each([
    'ada@example.com',
    ' ada@example.com ',
    '\u00a0ada@example.com\u3000',
    '\u2003\u0085ada@example.com\u2800',
    '\u200bada@example.com',
    'ada@example.com\u200e',
    '\u202aada@example.com\u202c',
    '\u2066ada@example.com\u2069',
    '\ufeffada@example.com',
    'ada\u00ad@exam\u00adple.com',
    'ada@\u200dexample\u200c.com',
    'ada\u2060@example.com\ufe0f',
    'ada＠example．com',
    'ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ',
    'ada@example。com',
    'ada@example｡com',
    'ada﹫example.com',
    'ada @ example.com',
    'mailto:ada@example.com',
    'MAILTO:ada%40example.com?subject=Hello%20there&body=x',
    'mailto:ada@example.com?cc=eve@evil.example',
    '<mailto:ada@example.com>',
    'Ada Lovelace <ada@example.com>',
    '"Lovelace, Ada" <ada@example.com>,',
    'ada@example.com <ada@example.com>',
    "'ada@example.com' <mailto:ada@example.com>",
    '＜ada@example.com＞',
    '<ada@example.com>',
    '"ada@example.com"',
    "'ada@example.com'",
    '`ada@example.com`',
    '“ada@example.com”',
    '„ada@example.com“',
    '«ada@example.com»',
    '「ada@example.com」',
    '(ada@example.com)',
    '"ada@example.com",',
    'ada@example.com.',
    'ada@example.com,',
    'ada@example.com;',
    'ada@example.com。',
    'ada@example.com、',
  ])('as %j is read', (typed) => expect(cleanEmail(typed)).toBe('ada@example.com'));

  test.each([
    ['Ada.Lovelace+Tag@Example.COM ', 'Ada.Lovelace+Tag@Example.COM'],
    ['mailto:ada%2Btag@example.com', 'ada+tag@example.com'],
    ['first\u2011last@my\u2010host.example', 'first-last@my-host.example'],
    [' ada@bücher.example ', 'ada@bücher.example'],
    ["o'hara@example.com ", "o'hara@example.com"],
  ])('%j keeps what is its own: %j', (typed, address) => expect(cleanEmail(typed)).toBe(address));

  test.each([
    'ada@example.com, eve@evil.example',
    'ada@example.com eve@evil.example',
    'mailto:ada@example.com,eve@evil.example',
    'Ada <ada@example.com>, Eve <eve@evil.example>',
    'ada@example.com <eve@evil.example>',
    '"ada@example.com" <eve@evil.example>',
    'mailto:ada%2540example.com',
    'mailto:ada%ZZ@example.com',
    'mailto:?to=ada@example.com',
    'mailto:ada@example.com%0d%0aBcc:eve@evil.example',
    'ada@example.com\r\nBcc: eve@evil.example',
    'ada@example.com.\nthanks',
    'ada lovelace@example.com',
    'ada@example. com',
    'ada',
    '',
    '<>',
    'vıctim@example.com',
    // Without its joiner it is another domain.
    'ada@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example',
  ])('as %j names no one', (typed) => expect(canonicalEmail(cleanEmail(typed))).toBeNull());

  test('that is an address stays as it is: no two accounts become one', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        if (readMailAddress(address) !== null) expect(cleanEmail(address)).toBe(address);
      }),
    );
  });

  test('is cleaned once: a second time changes nothing', () => {
    const piece = fc.constantFrom(
      'ada',
      '@',
      '.',
      'x.example',
      ' ',
      '\u200e',
      '<',
      '>',
      '"',
      "'",
      'mailto:',
      '%40',
      '＠',
      ',',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const once = cleanEmail(pieces.join(''));
        if (readMailAddress(once) !== null) expect(cleanEmail(once)).toBe(once);
      }),
    );
  });

  test('becomes no other domain by a character that is not seen', () => {
    const removed = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{M}\p{Z}\p{P}\uff00-\uffef]/u;
    for (const character of everyCharacter.filter((each) => removed.test(each))) {
      const typed = `ada@exa${character}mple.com`;
      const strict = canonicalEmail(typed);
      if (strict !== null) expect(canonicalEmail(cleanEmail(typed))).toBe(strict);
    }
  });

  test('or a username is what names a user', () => {
    expect(['\u200bada@example.com.', ' Ada\u200e '].map(cleanIdentifier)).toEqual(['ada@example.com', 'Ada']);
  });
});

describe('a phone number', () => {
  test.each([
    ['+1 202 555 0123', undefined, '+12025550123'],
    ['+1 (202) 555-0123', undefined, '+12025550123'],
    ['+1.202.555.0123', undefined, '+12025550123'],
    ['+1\u00a0202\u00a0555\u00a00123', undefined, '+12025550123'],
    ['\u202a+1 202 555 0123\u202c', undefined, '+12025550123'],
    ['+1 202\u2011555\u20110123', undefined, '+12025550123'],
    ['+1 202–555–0123', undefined, '+12025550123'],
    ['＋１ ２０２ ５５５ ０１２３', undefined, '+12025550123'],
    ['+١ ٢٠٢ ٥٥٥ ٠١٢٣', undefined, '+12025550123'],
    ['tel:+1-202-555-0123', undefined, '+12025550123'],
    ['TEL:+12025550123', undefined, '+12025550123'],
    ['001 202 555 0123', undefined, '+12025550123'],
    ['(+1) 202 555 0123', undefined, '+12025550123'],
    ['+1 202 555 0123 ext.', undefined, '+12025550123'],
    ['+1 202 555 0123 x', undefined, '+12025550123'],
    ['202-555-0123', 'US', '+12025550123'],
    ['202.555.0123', 'us', '+12025550123'],
    ['011 49 30 901820', 'US', '+4930901820'],
    ['0049 30 901820', 'US', '+4930901820'],
    ['030 901820', 'de', '+4930901820'],
    ['030/901820', 'DE', '+4930901820'],
    ['٠٣٠ ٩٠١٨٢٠', 'DE', '+4930901820'],
    ['+49 30 901820', 'US', '+4930901820'],
    ['+49 (0)30 901820', undefined, '+4930901820'],
    ['+49(0)30/90 18 20', undefined, '+4930901820'],
    ['0049 (0) 30 901820', undefined, '+4930901820'],
    ['+49 030 901820', undefined, '+4930901820'],
    ['+44 (0)20 7946 0018', undefined, '+442079460018'],
    ['+39 06 6982 1234', undefined, '+390669821234'],
    ['+39 (0)6 6982 1234', undefined, '+390669821234'],
    ['030 901820', undefined, null],
    ['030 901820', 'XX', null],
    ['+1 202', undefined, null],
    ['call +12025550123 now', undefined, null],
    ['+12025550123 ext. 5', undefined, null],
    ['tel:+12025550123;ext=5', undefined, null],
    ['+12025550123\r\nBcc: x', undefined, null],
    ['+12025550123 +12025550124', undefined, null],
    ['', 'US', null],
    [`+1${'2'.repeat(100)}`, undefined, null],
    [`${' '.repeat(200)}+12025550123`, undefined, null],
  ])('%j in %s is %s', (typed, country, expected) => expect(readPhoneNumber(typed, country)).toBe(expected));

  test('in E.164 stays as it is, and text that is none too', () => {
    const number = fc.stringMatching(/^\+[1-9]\d{6,14}$/);
    fc.assert(fc.property(number, (text) => void expect(cleanPhoneNumber(text)).toBe(text)));
    expect(['030 901820', 'none', '+49 (0)30 90-18-20'].map(cleanPhoneNumber)).toEqual([
      '030 901820',
      'none',
      '+4930901820',
    ]);
  });
});

describe('a name', () => {
  test.each([
    ['Ada\u202e\u200b\u0007 L', 'Ada L'],
    ['  Ada \t\n Lovelace\u3000', 'Ada Lovelace'],
    ['Ada\u00a0Lovelace', 'Ada Lovelace'],
    ['Jose\u0301', 'José'],
    ['\u2067evA\u2069', 'evA'],
    ['Ad\u200dmin', 'Admin'],
    ['\u062d\u0645\u06cc\u062f\u200c\u0631\u0636\u0627', '\u062d\u0645\u06cc\u062f\u200c\u0631\u0636\u0627'],
    ['葛\u{e0100}城', '葛\u{e0100}城'],
    ['Ada 👩🏽\u200d🚀', 'Ada 👩🏽\u200d🚀'],
    ['\u200b\ufe0f\u3164', ''],
    ['\u0301', ''],
  ])('%j is %j', (typed, name) => expect(oneLine(typed)).toBe(name));

  test('is cleaned once: a second time changes nothing', () => {
    const typed = fc.string({ unit: 'binary' });
    fc.assert(fc.property(typed, (text) => void expect(oneLine(oneLine(text))).toBe(oneLine(text))));
  });
});

describe('a code', () => {
  test.each([
    ['799 377', '799377'],
    [' 799-377\n', '799377'],
    ['799\u00a0377', '799377'],
    ['799–377.', '799377'],
    ['\u200e799\u200b377\u202c', '799377'],
    ['٦٣٧٨٧٩', '637879'],
    ['۶۳۷۸۷۹', '637879'],
    ['६३७८७९', '637879'],
    ['６３７８７９', '637879'],
    ['𝟔𝟑𝟕𝟖𝟕𝟗', '637879'],
    ['٦\u200c٣٧ ٨٧٩', '637879'],
    ['6379x', '6379x'],
  ])('%j is %j', (typed, code) => expect(readLetters(typed)).toBe(code));

  test('may have the digits of every script', () => {
    for (const digit of everyCharacter.filter((character) => /^\p{Nd}$/u.test(character)))
      expect(plainDigits(digit)).toMatch(/^[0-9]$/);
    for (const zero of ['0', '٠', '۰', '०', '０', '𝟎', '𝟘', '𝟬', '𑁦', '𞥐']) {
      const first = zero.codePointAt(0) ?? 0;
      const digits = Array.from({ length: 10 }, (_, value) => String.fromCodePoint(first + value)).join('');
      expect(plainDigits(digits)).toBe('0123456789');
    }
  });

  test('has nothing left that is not seen', () => {
    const unseen = everyCharacter.filter((character) => /[\p{Cf}\p{Default_Ignorable_Code_Point}]/u.test(character));
    expect(unseen.filter((character) => withoutHidden(`1${character}2`) !== '12')).toEqual([]);
  });
});
