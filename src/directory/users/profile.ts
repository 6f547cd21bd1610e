import { z } from 'zod';
import { systemClock } from '#kernel/clock.ts';
import { FIRST_TIME_ZONE } from './limits.ts';
import { cleanPhoneNumber } from './typed/phone-number.ts';
import { oneLine } from './typed/text.ts';

/** A schema of one line of text with at most `max` characters, cleaned (`oneLine`). */
export const plainText = (max: number) => z.string().transform(oneLine).pipe(z.string().max(max));
const webUrl = z.url({ protocol: /^https?$/ }).max(2048);

/** The message of a date that has not come yet. */
export const NOT_YET = 'must not be in the future';

/** Of a date or a year as text, on the calendar of the place where the day begins first. */
function hasCome(date: string): boolean {
  return date <= new Date(systemClock.now().valueOf() + FIRST_TIME_ZONE).toISOString().slice(0, 10);
}

/** The profile claims of OpenID Connect Core §5.1 that a user may have, under their names on the wire. */
export const profileSchema = z.strictObject({
  name: plainText(128).optional(),
  given_name: plainText(128).optional(),
  family_name: plainText(128).optional(),
  middle_name: plainText(128).optional(),
  nickname: plainText(128).optional(),
  preferred_username: plainText(64).optional(),
  profile: webUrl.optional(),
  picture: webUrl.optional(),
  website: webUrl.optional(),
  gender: plainText(64).optional(),
  birthdate: z
    .string()
    .regex(/^(\d{4}|0000-\d{2}-\d{2}|\d{4}-\d{2}-\d{2})$/, 'must be YYYY-MM-DD, 0000-MM-DD or YYYY')
    .refine(hasCome, NOT_YET)
    .optional(),
  zoneinfo: z
    .string()
    .max(64)
    .refine((zone) => {
      try {
        new Intl.DateTimeFormat('en', { timeZone: zone });
        return true;
      } catch {
        return false;
      }
    }, 'must be a time zone such as Europe/Paris')
    .optional(),
  locale: z
    .string()
    .max(35)
    .refine((tag) => {
      try {
        return Intl.getCanonicalLocales(tag).length === 1;
      } catch {
        return false;
      }
    }, 'must be a language tag such as de-CH')
    .optional(),
  /** OpenID Connect Core §5.1.1. */
  address: z
    .strictObject({
      formatted: z.string().max(512).optional(),
      street_address: z.string().max(256).optional(),
      locality: plainText(128).optional(),
      region: plainText(128).optional(),
      postal_code: plainText(32).optional(),
      country: plainText(128).optional(),
    })
    .optional(),
});

export type Profile = z.infer<typeof profileSchema>;

/** E.164, as the phone_number claim asks for; other spellings are cleaned. */
export const phoneNumberSchema = z
  .string()
  .overwrite(cleanPhoneNumber)
  .regex(/^\+[1-9]\d{6,14}$/, 'must be a phone number such as +12025550123');
