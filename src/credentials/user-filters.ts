/** The filters of the list of users. */
import { z } from 'zod';
import { cleanEmail } from '#directory/users/typed/email-address.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';

const text = (max: number) => z.string().trim().min(1).max(max).optional();

/** Members of the query that narrow the list. */
export const userFilters = {
  search: text(200).describe(
    'Only users whose email address, username, name, family name or phone number begins with this text, or whose legacy_id is this text',
  ),
  email: z
    .string()
    .overwrite(cleanEmail)
    .min(1)
    .max(512)
    .optional()
    .describe('Only the user with this email address, primary, or additional and verified'),
  username: text(256).describe('Only the user with this username'),
  phone_number: text(64).describe('Only users with this phone number'),
  legacy_id: text(255).describe('Only the user with this id of the system before'),
  status: z.enum(['active', 'disabled']).optional().describe('Only users with this status'),
  closing: z.boolean().optional().describe('Only users whose account is being closed, or is not'),
  administrator: z.boolean().optional().describe('Only administrators of this instance, or only other users'),
  has_second_factor: z.boolean().optional().describe('Only users who have confirmed a second factor, or have not'),
  organization_id: idSchema('org').optional().describe('Only members of this organization'),
  role: text(64).describe(
    'Only users with the role of this name, also by a group: on the instance, or with organization_id in the organization',
  ),
  created_after: timeSchema.optional().describe('Only users who were created after this time'),
  created_before: timeSchema.optional().describe('Only users who were created before this time'),
  after: idSchema('usr').optional().describe('Only users whose ids follow this one'),
};

/** How the command line gives them where that differs. */
export const userFilterOptions = {
  after: { flags: '--after <id>' },
  closing: { flags: '--closing [yes]' },
  administrator: { flags: '--administrator [yes]' },
  has_second_factor: { flags: '--has-second-factor [yes]' },
};
