import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { isPhoneNumber } from '#kernel/sms/number.ts';
import { LONGEST_TYPED_NUMBER } from '../limits.ts';
import { cleanPhoneNumber, plainPhoneNumber } from './phone-number.ts';

/**
 * A number as users type one, `+49 (30) 901820` or, with the country that they chose, `030 901820`; null when it is none.
 * A number with a country code ignores the country.
 */
export function readPhoneNumber(typed: string, country?: string): string | null {
  if (typed.length > LONGEST_TYPED_NUMBER) return null;
  const code = country?.toUpperCase();
  const hint = code !== undefined && isSupportedCountry(code) ? (code satisfies CountryCode) : undefined;
  const parsed = parsePhoneNumberFromString(plainPhoneNumber(cleanPhoneNumber(typed)), {
    extract: false,
    ...(hint ? { defaultCountry: hint } : {}),
  });
  return parsed?.isValid() === true && parsed.ext === undefined && isPhoneNumber(parsed.number) ? parsed.number : null;
}
