import { expect, test } from 'vitest';
import { isPhoneNumber, maskPhoneNumber } from '#kernel/sms/number.ts';

test('a mask leaves too little to call', () => {
  expect(maskPhoneNumber('+4930901820')).toBe('+49 ••••• 820');
  expect(isPhoneNumber(maskPhoneNumber('+4930901820'))).toBe(false);
});
