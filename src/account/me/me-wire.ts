/** A user as a program of the user sees them: without what operators alone see. */
import { z } from 'zod';
import type { Profile, ReadUser } from '#directory/users/module.ts';
import { profileSchema } from '#directory/users/profile.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import type { Property } from '#settings/module.ts';

const claims = Object.keys(profileSchema.shape) as (keyof Profile)[];

export const meSchema = z.strictObject({
  id: z.string(),
  username: z.string().optional(),
  email: z.string().optional().describe('Absent from a user without an email address'),
  email_verified: z.boolean().optional(),
  phone_number: z.string().optional(),
  phone_number_verified: z.boolean().optional(),
  // A stored value may be older than the rules for new values.
  ...Object.fromEntries(claims.map((claim) => [claim, z.unknown().optional()])),
  properties: z.record(z.string(), z.unknown()).describe('Custom properties, without those for operators alone'),
  theme: z.enum(['light', 'dark']).nullable().describe('Null where the pages follow the browser'),
  created_at: timeSchema,
  updated_at: timeSchema,
});

/** The caller as `me.read` shows them. */
export function meOnWire(user: ReadUser, schema: readonly Property[]): z.input<typeof meSchema> {
  const hidden = new Set(schema.filter(({ visibility }) => visibility === 'operator').map(({ name }) => name));
  return {
    id: user.id,
    ...(user.username === null ? {} : { username: user.username }),
    ...(user.email ? { email: user.email, email_verified: user.emailVerified } : {}),
    ...(user.phoneNumber ? { phone_number: user.phoneNumber, phone_number_verified: user.phoneNumberVerified } : {}),
    ...user.profile,
    properties: Object.fromEntries(Object.entries(user.properties).filter(([name]) => !hidden.has(name))),
    theme: user.theme ?? null,
    created_at: user.createdAt.toISOString(),
    updated_at: user.updatedAt.toISOString(),
  };
}
