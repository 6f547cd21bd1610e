/** A user as operations show one: members are named as the claims of OpenID Connect Core §5.1. */
import { z } from 'zod';
import { timeSchema } from '#kernel/operations/schemas.ts';
import { type Profile, profileSchema } from './profile.ts';
import type { User } from './user.ts';

const claims = Object.keys(profileSchema.shape) as (keyof Profile)[];

export const userSchema = z.strictObject({
  id: z.string(),
  legacy_id: z.string().optional().describe('Id of an imported user in the system before this one'),
  username: z.string().optional(),
  email: z.string().optional().describe('Absent from a user without an email address'),
  email_verified: z.boolean().optional(),
  phone_number: z.string().optional(),
  phone_number_verified: z.boolean().optional(),
  // A stored value may be older than the rules for new values.
  ...Object.fromEntries(claims.map((claim) => [claim, z.unknown().optional()])),
  status: z.enum(['active', 'disabled']),
  administrator: z.boolean(),
  can_create_organizations: z
    .boolean()
    .describe('The right, which counts where the setting organizations.creation is permitted'),
  deletes_at: timeSchema.optional().describe('When the account is erased, while it is being closed'),
  created_at: timeSchema,
  updated_at: timeSchema,
  last_active_at: timeSchema.nullable().optional().describe('Last sign-in or use of a session, within some minutes'),
});

/** A user as the command line and the management API show one; `lastActiveAt` where the caller has looked it up. */
export function userOnWire(user: User, lastActiveAt?: Date | null): z.input<typeof userSchema> {
  return {
    id: user.id,
    ...(user.legacyId === null ? {} : { legacy_id: user.legacyId }),
    ...(user.username === null ? {} : { username: user.username }),
    ...(user.email ? { email: user.email, email_verified: user.emailVerified } : {}),
    ...(user.phoneNumber ? { phone_number: user.phoneNumber, phone_number_verified: user.phoneNumberVerified } : {}),
    ...user.profile,
    status: user.status,
    administrator: user.roles.includes('administrator'),
    can_create_organizations: user.canCreateOrganizations,
    ...(user.deletesAt ? { deletes_at: user.deletesAt.toISOString() } : {}),
    created_at: user.createdAt.toISOString(),
    updated_at: user.updatedAt.toISOString(),
    ...(lastActiveAt === undefined ? {} : { last_active_at: lastActiveAt?.toISOString() ?? null }),
  };
}

export const userDetailSchema = userSchema.extend({
  password_update_required: z.boolean().describe('The next sign-in sets a new password'),
  properties: z.record(z.string(), z.unknown()).describe('Custom properties, also those that the user does not see'),
});

/** All that operators see of one user. */
export function userDetailOnWire(user: User, lastActiveAt?: Date | null): z.input<typeof userDetailSchema> {
  return {
    ...userOnWire(user, lastActiveAt),
    password_update_required: user.passwordUpdateRequired,
    properties: user.properties,
  };
}
