import { z } from 'zod';
import { cleanEmail, MOST_CONTACTS, phoneNumberSchema, profileSchema } from '#directory/users/module.ts';
import {
  LONGEST_IMPORTED_PASSWORD,
  LONGEST_NAME_OF_ACCESS,
  LONGEST_PROPERTY,
  MOST_GRANTS,
  MOST_IDENTITIES,
} from './limits.ts';

/** Exact bytes, never empty, never white space alone. */
const subject = z
  .string()
  .max(255)
  .refine((text) => text.trim() !== '', 'must not be empty');
const identity = z.strictObject({
  connection: z.string().trim().min(1).max(128),
  issuer: z.string().max(512).default(''),
  subject,
});
/** Many products call the connection a provider. */
const givenIdentity = z.preprocess((given) => {
  if (given === null || typeof given !== 'object' || !('provider' in given) || 'connection' in given) return given;
  const { provider: connection, ...others } = given;
  return { connection, ...others };
}, identity);
export type Identity = z.infer<typeof identity>;

const grants = z.array(z.string().trim().min(1).max(LONGEST_NAME_OF_ACCESS)).max(MOST_GRANTS).optional();

/** One user of a file. The names equal the names of the claims, and of `user list --json`. */
export const importRecord = profileSchema.extend({
  id: z.string().optional(),
  /** The id in the system before this one. */
  legacy_id: z
    .string()
    .max(255)
    .refine((text) => text.trim() !== '', 'must not be empty')
    .optional(),
  username: z.string().max(512).optional(),
  /** May be missing from a user with a username. */
  email: z.string().overwrite(cleanEmail).optional(),
  email_verified: z.boolean().optional(),
  phone_number: phoneNumberSchema.optional(),
  phone_number_verified: z.boolean().optional(),
  /** In addition to the first ones, and proven. */
  further_emails: z
    .array(z.string().overwrite(cleanEmail))
    .max(MOST_CONTACTS - 1)
    .optional(),
  further_phone_numbers: z
    .array(phoneNumberSchema)
    .max(MOST_CONTACTS - 1)
    .optional(),
  properties: z.record(z.string().max(LONGEST_PROPERTY), z.unknown()).optional(),
  status: z.enum(['active', 'disabled']).optional(),
  created_at: z.iso.datetime({ offset: true }).optional(),
  password: z.string().min(1).max(LONGEST_IMPORTED_PASSWORD).optional(),
  password_hash: z.union([z.string().max(8192), z.record(z.string(), z.unknown())]).optional(),
  password_hash_format: z.string().max(64).optional(),
  password_hash_parameters: z.record(z.string(), z.unknown()).optional(),
  /** The next sign-in sets a new password. */
  password_update_required: z.boolean().optional(),
  totp_secret: z.string().max(512).optional(),
  totp_algorithm: z.string().optional(),
  totp_digits: z.number().optional(),
  totp_period: z.number().optional(),
  identities: z.array(givenIdentity).max(MOST_IDENTITIES).optional(),
  /** Names of roles and of groups of the instance. */
  roles: grants,
  groups: grants,
  administrator: z
    .literal(false, { error: 'administrators are not imported: make them here, by user create --administrator' })
    .optional(),
});
export type ImportRecord = z.infer<typeof importRecord>;
