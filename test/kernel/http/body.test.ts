import { describe, expect, test } from 'vitest';
import { AppError } from '#kernel/errors.ts';
import { decodeForm, parseJson, requireFormText } from '#kernel/http/body.ts';

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return `${error.status} ${error.code}`;
    throw error;
  }
  return 'accepted';
};

describe('a form', () => {
  test.each([
    ['', []],
    ['a=1', [['a', '1']]],
    [
      'a=1&b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'a=1&a=2',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['a=b=c', [['a', 'b=c']]],
    ['a', [['a', '']]],
    [
      'a=&&b=',
      [
        ['a', ''],
        ['b', ''],
      ],
    ],
    ['name=J%C3%BCrgen+M', [['name', 'Jürgen M']]],
    ['a=%2B+%26', [['a', '+ &']]],
  ])('%j is read field by field', (text, expected) => {
    expect(decodeForm(Buffer.from(text))).toEqual(expected);
  });

  test.each([
    ['a NUL byte', Buffer.from('a=\0')],
    ['an escaped NUL', Buffer.from('a=%00')],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0x3d, 0xff])],
    ['escapes that are no UTF-8', Buffer.from('a=%ff')],
    ['an overlong slash', Buffer.from('a=%c0%af')],
    ['a lone surrogate', Buffer.from('a=%ed%a0%80')],
    ['a lone percent sign', Buffer.from('a=100%')],
    ['a half escape', Buffer.from('a=%2')],
    ['a character cut by a separator', Buffer.from('a=%C3&%BC=1')],
    ['a bad name', Buffer.from('%ff=1')],
  ])('with %s is not text (400), for our reader and for the engine', (_title, body) => {
    expect(codeOf(() => decodeForm(body))).toBe('400 request.invalid_text');
    expect(codeOf(() => requireFormText(body))).toBe('400 request.invalid_text');
  });

  test('has at most 1,000 fields', () => {
    const fields = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => `f${i}=1`).join('&'));
    expect(decodeForm(fields(1000))).toHaveLength(1000);
    expect(codeOf(() => decodeForm(fields(1001)))).toBe('400 request.invalid_form');
    expect(codeOf(() => requireFormText(fields(1001)))).toBe('400 request.invalid_form');
  });
});

describe('JSON', () => {
  test.each(['{"a":[1,{"b":null}]}', '"text"', '7', '{"a":"]]]]{{{"}', String.raw`{"a":"\"[[["}`])(
    '%s is read',
    (text) => {
      expect(parseJson(Buffer.from(text))).toEqual(JSON.parse(text));
    },
  );

  test.each([
    ['32 arrays deep', `${'['.repeat(32)}${']'.repeat(32)}`, 'accepted'],
    ['33 arrays deep', `${'['.repeat(33)}${']'.repeat(33)}`, '400 request.invalid_json'],
    ['33 objects deep', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, '400 request.invalid_json'],
    ['50,000 arrays deep and never closed', '['.repeat(50_000), '400 request.invalid_json'],
    ['40 brackets in a text', `["${'['.repeat(40)}"]`, 'accepted'],
    ['40 arrays beside one another', `[${Array.from({ length: 40 }, () => '[]').join()}]`, 'accepted'],
    ['brackets behind an escaped quote', String.raw`["\\",${'['.repeat(33)}`, '400 request.invalid_json'],
    ['broken', '{"a":', '400 request.invalid_json'],
    ['empty', '', '400 request.invalid_json'],
    ['with a key that would reach the prototype', '{"__proto__":{"isAdmin":true}}', '400 request.invalid_json'],
    ['with such a key deep inside', '{"a":[{"__proto__":1}]}', '400 request.invalid_json'],
    ['with an escaped NUL in a value', String.raw`{"a":"\u0000"}`, '400 request.invalid_json'],
    ['with an escaped NUL in a key', String.raw`{"\u0000":1}`, '400 request.invalid_json'],
    ['with a lone surrogate', String.raw`{"a":"\ud800"}`, '400 request.invalid_json'],
    ['with a whole pair', String.raw`{"a":"\ud83d\ude00"}`, 'accepted'],
    ['with a raw NUL', '{"a":"\0"}', '400 request.invalid_text'],
  ])('%s is %#', (_title, text, expected) => {
    expect(codeOf(() => parseJson(Buffer.from(text)))).toBe(expected);
  });

  test('that is not UTF-8 is not text', () => {
    expect(codeOf(() => parseJson(Buffer.from([0x22, 0xff, 0x22])))).toBe('400 request.invalid_text');
  });
});
