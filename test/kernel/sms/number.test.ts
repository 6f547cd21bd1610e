import { expect, test } from 'vitest';
import { isPhoneNumber, maskPhoneNumber, readPhoneNumber } from '#kernel/sms/number.ts';

test.each([
  ['+1 202 555 0123', undefined, '+12025550123'],
  ['+1 (202) 555-0123', undefined, '+12025550123'],
  ['202-555-0123', 'US', '+12025550123'],
  ['030 901820', 'de', '+4930901820'],
  ['+49 30 901820', 'US', '+4930901820'],
  ['030 901820', undefined, null],
  ['030 901820', 'XX', null],
  ['+1 202', undefined, null],
  ['call +12025550123 now', undefined, null],
  ['+12025550123 ext. 5', undefined, null],
  ['+12025550123\r\nBcc: x', undefined, null],
  ['', 'US', null],
  [`+1${'2'.repeat(100)}`, undefined, null],
])('%j entered in %s is %s', (typed, country, expected) => {
  expect(readPhoneNumber(typed, country)).toBe(expected);
});

test('a mask leaves too little to call', () => {
  expect(maskPhoneNumber('+4930901820')).toBe('+49 ••••• 820');
  expect(isPhoneNumber(maskPhoneNumber('+4930901820'))).toBe(false);
});
