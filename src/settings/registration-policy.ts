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
   * Who may create an account. `open`: everybody. `domains`: whoever has an address of `domains`. `waitlist`: whoever was
   * invited; others may join the waitlist. `invitation`: whoever was invited. `closed`: nobody. An invitation is good in all but the last.
   */
  mode: z.enum(['open', 'domains', 'waitlist', 'invitation', 'closed']).default('open'),
  /** The part after the @, for the mode `domains`. */
  domains: z.array(domain).max(1000).default([]),
  /** What somebody chooses to sign in with later, the one offered first at the front. */
  methods: z
    .array(z.enum(['password', 'passkey', 'email_code']))
    .min(1)
    .refine((list) => new Set(list).size === list.length, 'must name each once')
    .default(['password', 'passkey']),
  /** Claims that are asked for when an account is created, beside those that `profile.required` names. */
  fields: z.array(z.enum(['name', 'given_name', 'family_name', 'nickname', 'birthdate', 'website'])).default(['name']),
  /** Which terms people must have agreed to. With a new one everybody is asked again when signing in next. */
  termsVersion: z.string().min(1).max(64).optional(),
});
