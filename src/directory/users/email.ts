import { z } from 'zod';
import { readMailAddress, readNewMailAddress } from '#kernel/mail/address.ts';
import { LONGEST_TYPED_EMAIL } from './limits.ts';
import { cleanEmail } from './typed/email-address.ts';

/**
 * The form in which addresses are compared: the local part in lower case (ASCII only, so that no Unicode folding can
 * make two users one), the domain as lower-case A-labels (IDNA). No dot or plus folding. Null when it is no address.
 */
export function canonicalEmail(typed: string): string | null {
  return readMailAddress(typed.trim())?.toLowerCase() ?? null;
}

/**
 * The same for an address that is new here: of a user, of an invitation, of the waitlist, of a file. Null also for what a
 * relay could read otherwise; users who have such an address already sign in with it and are found by it.
 */
export function newCanonicalEmail(typed: string): string | null {
  return readNewMailAddress(typed.trim())?.toLowerCase() ?? null;
}

const typedEmail = z.string().max(LONGEST_TYPED_EMAIL, 'email').overwrite(cleanEmail).min(1, 'required');

/** An address with which a user is looked up; what is wrong with it is `required` or `email`. */
export const emailField = typedEmail.refine((typed) => canonicalEmail(typed) !== null, 'email');

/** An address that a user is going to have here. */
export const newEmailField = typedEmail.refine((typed) => newCanonicalEmail(typed) !== null, {
  error: 'email',
  abort: true,
});
