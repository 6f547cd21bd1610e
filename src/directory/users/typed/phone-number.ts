import { isPhoneNumber } from '#kernel/sms/number.ts';
import { LONGEST_TYPED_NUMBER } from '../limits.ts';
import { plainDigits, withoutHidden, withoutWidth } from './text.ts';

/** Italy dials the zero from abroad too. */
const keepsZero = /^\+39/;

/**
 * A number with its country code in E.164, from what users paste: `tel:+49-30-901820`, `+49 (0)30/901820`, `0049 30 901820`, digits of any
 * script. Any other text stays as it is: a schema refuses it, or the country says what it means (`readPhoneNumber`).
 */
export function cleanPhoneNumber(typed: string): string {
  const number = compactPhoneNumber(typed);
  return isPhoneNumber(number) ? number : typed;
}

/** Without what is written between digits; the beginning of a number keeps its form too. */
export function compactPhoneNumber(typed: string): string {
  const text = plainPhoneNumber(typed).replace(/^00/, '+');
  const dialled = text.startsWith('+') && !keepsZero.test(text) ? text.replace('(0)', '') : text;
  return dialled.replaceAll(/[\s()./·-]/g, '');
}

/** In ASCII, without the scheme of a link and without a mark for an extension that names none. An extension stays: no text message reaches one. */
export function plainPhoneNumber(typed: string): string {
  if (typed.length > LONGEST_TYPED_NUMBER) return typed;
  return withoutHidden(plainDigits(withoutWidth(typed)))
    .replace(/^tel:(?:\/\/)?/i, '')
    .replace(/[\ufe62\u207a]/g, '+')
    .replace(/[\u2010-\u2015\u2212\ufe63]/g, '-')
    .replace(/^\((\+\d{1,3})\)/, '$1')
    .replace(/[\s,;]*(?:ext(?:ension)?|extn|x|#)?[.:]?$/i, '');
}
