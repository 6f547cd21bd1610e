import { z } from 'zod';

const domain = z
  .string()
  .toLowerCase()
  .regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/,
    'must be a domain such as example.com',
  );

export const registrationPolicy = z.strictObject({
  /**
   * Users who may create an account. `open`: all. `domains`: users with an address in `domains`. `waitlist`: users who were
   * invited; others may join the waitlist. `invitation`: invited users. `closed`: none. An invitation is valid in all modes but the last.
   */
  mode: z.enum(['open', 'domains', 'waitlist', 'invitation', 'closed']).default('open'),
  /** The part after the @, for the mode `domains`. */
  domains: z.array(domain).max(1000).default([]),
  /** Credentials that a new user may choose for later sign-ins, in the order of the offer. */
  methods: z
    .array(z.enum(['password', 'passkey', 'email_code']))
    .min(1)
    .refine((list) => new Set(list).size === list.length, 'must name each once')
    .default(['password', 'passkey']),
  /** Claims that are asked for when an account is created, in addition to those that `profile.required` names. */
  fields: z.array(z.enum(['name', 'given_name', 'family_name', 'nickname', 'birthdate', 'website'])).default(['name']),
  /** The version of the terms that users must accept. After a change every user is asked at the next sign-in. */
  termsVersion: z.string().min(1).max(64).optional(),
});
