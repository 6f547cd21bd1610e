import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import { notOnWaitlist } from './errors.ts';
import type { WaitlistEntry } from './waitlist-entry.ts';
import type { WaitlistService } from './waitlist-service.ts';
import { userInvited } from '#directory/users/events.ts';
import { waitlistRemoved } from './events.ts';

type Services = { waitlist: Pick<WaitlistService, 'list' | 'inviteFirst' | 'inviteThese' | 'remove'> };

/** Entries in one answer, and addresses in one request. */
const MOST_LISTED = 1000;

const entrySchema = z.strictObject({
  email: z.string(),
  name: z.string(),
  language: z.string(),
  joined_at: timeSchema,
  invited_at: timeSchema.optional(),
});

const listWaitlist = operation({
  name: 'waitlist.list',
  permission: 'waitlist.read',
  input: z.strictObject({ limit: z.int().min(1).max(MOST_LISTED).default(200).describe('How many') }),
  output: z.strictObject({ entries: z.array(entrySchema) }),
  description: 'List the waitlist, first come first.',
  example: { limit: 20 },
  run: async ({ limit }, _by: By, { waitlist }: Services) => ({
    entries: (await waitlist.list(limit)).map(entryOnWire),
  }),
});

const inviteFromWaitlist = operation({
  name: 'waitlist.invite',
  permission: 'waitlist.manage',
  input: z
    .strictObject({
      emails: z.array(z.string()).max(MOST_LISTED).default([]).describe('Email addresses on the waitlist'),
      first: z
        .int()
        .min(1)
        .max(MOST_LISTED)
        .optional()
        .describe('Number of entries that have waited longest without an invitation'),
    })
    .refine(({ emails, first }) => emails.length > 0 !== (first !== undefined), {
      path: ['emails'],
      error: 'must be given, or first with a number, and not both',
    }),
  output: z.strictObject({
    invited: z.array(z.string()),
    skipped: z.array(z.string()).describe('Email addresses that are not on the waitlist or have an account'),
  }),
  event: userInvited,
  description: 'Invite users from the waitlist: the named ones, or the first in the list.',
  example: { first: 10 },
  command: { arguments: { emails: { flags: '[email...]' } } },
  run: async ({ emails, first }, by: By, { waitlist }: Services) =>
    first === undefined ? waitlist.inviteThese(emails, by) : waitlist.inviteFirst(first, by),
});

const removeFromWaitlist = operation({
  name: 'waitlist.delete',
  permission: 'waitlist.manage',
  params: { email: z.string() },
  output: z.strictObject({ email: z.string(), removed: z.literal(true) }),
  errors: [notOnWaitlist],
  event: waitlistRemoved,
  description: 'Remove an email address from the waitlist.',
  command: { words: 'waitlist remove' },
  run: async ({ email }, by: By, { waitlist }: Services) => {
    await waitlist.remove(email, by);
    return { email, removed: true as const };
  },
});

function entryOnWire({ email, name, language, joinedAt, invitedAt }: WaitlistEntry): z.input<typeof entrySchema> {
  const invited = invitedAt === null || invitedAt === undefined ? {} : { invited_at: invitedAt.toISOString() };
  return { email, name, language, joined_at: joinedAt.toISOString(), ...invited };
}

export const waitlistOperations = [listWaitlist, inviteFromWaitlist, removeFromWaitlist];
