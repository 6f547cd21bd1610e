import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { objectionToName, objectionToShownText, objectionToStrangersName } from '#applications/clients/shown-name.ts';

describe('a name that may be shown', () => {
  test.each([
    'Shop',
    'Café Zoë (beta) — 2.0!',
    'Магазин',
    '東京ショップ',
    'متجر',
    'فروشگاه\u200cها',
    'क्\u200dष',
    '👩\u200d💻 Dev',
    '👩🏽\u200d💻',
    '❤\ufe0f Hearts',
    'é'.normalize('NFD'),
    'Яндекс.Market',
    '<b>"quoted" & escaped</b>',
    '字'.repeat(128),
    '👍'.repeat(128),
  ])('%j', (name) => {
    expect(objectionToStrangersName(name)).toBeNull();
  });
});

describe('a name that may not be shown', () => {
  test.each([
    ['nothing', ''],
    ['space alone', ' \u00a0\u3000'],
    ['too long', 'x'.repeat(129)],
    ['a line break', 'Shop\nAdmin'],
    ['NUL', 'Shop\0'],
    ['an escape sequence of terminals', '\u001b[31mShop'],
    ['a line separator', 'Shop\u2028Admin'],
    ['a paragraph separator', 'Shop\u2029Admin'],
    ['a bidi override', 'Shop\u202egnp'],
    ['a bidi isolate', 'Shop\u2066x'],
    ['a mark for the direction', 'Shop\u200f'],
    ['a zero-width space', 'Sh\u200bop'],
    ['a zero-width joiner between Latin letters', 'Sh\u200dop'],
    ['a zero-width non-joiner after a space', 'Shop \u200cAdmin'],
    ['a word joiner', 'Sh\u2060op'],
    ['a byte order mark', '\ufeffShop'],
    ['a soft hyphen', 'Sh\u00adop'],
    ['a Hangul filler', '\u3164'],
    ['a blank of Braille', 'Shop\u2800'],
    ['a tag character', 'Shop\u{e0041}'],
    ['a variant of a Latin letter', 'Sh\ufe0fop'],
    ['half a character', 'Shop\ud800'],
    ['a tower of marks', `S${'\u0301'.repeat(20)}hop`],
  ])('%s', (_what, name) => {
    expect(objectionToName(name)).toMatch(/^must /);
    expect(objectionToStrangersName(name)).toMatch(/^must /);
  });

  test.each(['\u0410cme', 'Acm\u0435', 'Go\u03bfgle', 'А\u0301cme'])(
    'of an unknown client: %j, in which letters of two alphabets look the same',
    (name) => {
      expect(objectionToStrangersName(name)).toBe('must not mix alphabets within a word');
      expect(objectionToName(name)).toBeNull();
    },
  );
});

test('any text of 64 KiB is checked at once', () => {
  for (const piece of ['\u0301', 'a\u0301', 'A\u0410', '\u200d', 'a\u200d', '👩\u200d', '('])
    for (const text of [piece.repeat(65_536 / piece.length), `${piece.repeat(30_000)}\0`]) {
      const before = process.cpuUsage();
      objectionToShownText(text);
      objectionToStrangersName(text);
      expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
    }
});

test('accepted names are well-formed and have no control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 6 }), (name) => {
      if (objectionToName(name) === null) expect(name).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
  );
});
