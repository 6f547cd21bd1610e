import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';

/** E.164, as mails and the phone_number claim have it: `+12025550123`. */
const e164 = /^\+[1-9]\d{6,14}$/;

/**
 * A number as users type one, `+49 (30) 901820` or, with the country that they chose, `030 901820`; null when it is none.
 * A number with a plus ignores the country.
 */
export function readPhoneNumber(typed: string, country?: string): string | null {
  if (typed.length > 64) return null;
  const code = country?.toUpperCase();
  const hint = code !== undefined && isSupportedCountry(code) ? (code satisfies CountryCode) : undefined;
  const parsed = parsePhoneNumberFromString(typed, { extract: false, ...(hint ? { defaultCountry: hint } : {}) });
  return parsed?.isValid() === true && parsed.ext === undefined && e164.test(parsed.number) ? parsed.number : null;
}

/** A stored number, which is E.164 already. */
export const isPhoneNumber = (text: string): boolean => e164.test(text);

/** `+49 •••• •820`: enough to recognize the own number, too little to call it. */
export function maskPhoneNumber(number: string): string {
  return `${number.slice(0, 3)} ••••• ${number.slice(-3)}`;
}
