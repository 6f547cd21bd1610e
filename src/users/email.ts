import { z } from 'zod';
import { readMailAddress } from '#kernel/mail/address.ts';

/**
 * The form in which addresses are compared: the local part in lower case (ASCII only, so that no Unicode folding can
 * make two people one), the domain as lower-case A-labels (IDNA). No dot or plus folding. Null when it is no address.
 */
export function canonicalEmail(typed: string): string | null {
  return readMailAddress(typed.trim())?.toLowerCase() ?? null;
}

/** An address as it is typed into a form; what is wrong with it is `required` or `email`. */
export const emailField = z
  .string()
  .trim()
  .min(1, 'required')
  .max(512, 'email')
  .refine((typed) => canonicalEmail(typed) !== null, 'email');
