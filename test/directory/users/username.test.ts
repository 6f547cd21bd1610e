import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newId } from '#kernel/ids.ts';
import { canonicalUsername, newUsername } from '#directory/users/username.ts';

const skeleton = (name: string): string => {
  const read = newUsername(name);
  if (typeof read === 'string') throw new Error(`${name}: ${read}`);
  return read.skeleton;
};

describe('a username', () => {
  test.each([
    ['Ada.Lovelace', 'ada.lovelace'],
    ['  ada ', 'ada'],
    ['ＡＤＡ１', 'ada1'],
    ['Straße', 'straße'],
    ['E\u0301milie', 'émilie'],
    ['Σωκράτης', 'σωκράτης'],
    ['ИВАН_7', 'иван_7'],
    ['שרה', 'שרה'],
    ['علي٧', 'علي٧'],
    ['山田たろう', '山田たろう'],
    ['ﾀﾛｳ', 'タロウ'],
    ['김-lee', '김-lee'],
    ['हिन्दी', 'हिन्दी'],
  ])('%s is compared and stored as %s', (typed, stored) => {
    expect(canonicalUsername(typed)).toBe(stored);
    expect(newUsername(typed)).toMatchObject({ username: stored });
  });

  test.each([
    ['a', 'length'],
    ['a'.repeat(65), 'length'],
    ['a'.repeat(10_000), 'length'],
    ['', 'length'],
    ['ada@example.com', 'characters'],
    ['ada lovelace', 'characters'],
    ['.ada', 'characters'],
    ['ada-', 'characters'],
    ['ada..b', 'characters'],
    ['12345', 'characters'],
    ['ad\u200ba', 'ok'],
    ['\u202eada', 'ok'],
    ['ada\ufe0f', 'ok'],
    ['\u3000ａｄａ\u200e', 'ok'],
    ['\u0645\u200c\u0646\u0627', 'characters'],
    ['\u0301ada', 'characters'],
    ['ada\r\n', 'ok'],
    ['a\r\nda', 'characters'],
    ['<b>ada</b>', 'characters'],
    ["' or 1=1", 'characters'],
    ['=ada', 'characters'],
    ['ada🙂', 'characters'],
    ['①da', 'characters'],
    ['ﬁona', 'characters'],
    ['ⅷth', 'characters'],
    ['7שרה', 'characters'],
    ['pаypal', 'scripts'],
    ['adaα', 'scripts'],
    ['علي7٧', 'scripts'],
    ['٧۷علي', 'scripts'],
    ['שרהa', 'scripts'],
    ['admin', 'reserved'],
    ['ADMIN', 'reserved'],
    ['ad.min', 'reserved'],
    ['r00t', 'reserved'],
    ['he1p', 'reserved'],
    ['no-reply', 'reserved'],
  ])('%j is refused: %s', (typed, problem) => {
    if (problem === 'ok') expect(canonicalUsername(typed)).toBe('ada');
    else expect(newUsername(typed)).toBe(problem);
  });

  test('is refused where it is the id of a user', () => {
    expect(newUsername(newId('usr'))).toBe('characters');
  });

  test('is refused where the operator reserved it', () => {
    expect(newUsername('Acme', ['acme'])).toBe('reserved');
    expect(newUsername('ac-me', ['Acme'])).toBe('reserved');
    expect(newUsername('acme')).toMatchObject({ username: 'acme' });
  });

  test.each([
    ['coco', 'сосо'],
    ['paypal', 'paypa1'],
    ['bob0', 'bobo'],
    ['modern', 'modem'],
    ['dıl', 'dil'],
  ])('%s has the skeleton of %s', (one, other) => {
    expect(skeleton(one)).toBe(skeleton(other));
  });

  test.each([
    ['ada', 'adam'],
    ['ada.l', 'ada_l'],
    ['émile', 'emile'],
    ['jon', 'john'],
  ])('%s has another skeleton than %s', (one, other) => {
    expect(skeleton(one)).not.toBe(skeleton(other));
  });

  test('is the same after a second reading, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (typed) => {
        const read = newUsername(typed);
        if (typeof read === 'string') return;
        expect(newUsername(read.username)).toEqual(read);
      }),
      { numRuns: 2000 },
    );
  });

  test('of hostile size is answered at once', () => {
    const before = process.cpuUsage();
    for (const part of ['a', 'a.', '٧', '\u0301', 'é-']) newUsername(part.repeat(65_536));
    for (const part of ['a', 'a.', 'é-']) newUsername(`${part.repeat(120)}!`);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000, 'milliseconds of processor time').toBeLessThan(200);
  });
});
