import { z } from 'zod';

const domain = z
  .string()
  .toLowerCase()
  .regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/,
    'must be a domain such as example.com',
  );

export const registrationPolicy = z.strictObject({
  mode: z.enum(['open', 'domains', 'waitlist', 'invitation', 'closed']).default('open'),
  domains: z.array(domain).max(1000).default([]),
  methods: z
    .array(z.enum(['password', 'passkey', 'email_code']))
    .min(1)
    .refine((list) => new Set(list).size === list.length, 'must name each once')
    .default(['password', 'passkey']),
  fields: z.array(z.enum(['name', 'given_name', 'family_name', 'nickname', 'birthdate', 'website'])).default(['name']),
  termsVersion: z.string().min(1).max(64).optional(),
});
