import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { searchText, timeSchema } from '#kernel/operations/schemas.ts';
import { registrationClosed } from '#directory/users/errors.ts';
import { givenEmail } from '#directory/users/typed/email-address.ts';
import { notOnWaitlist } from './errors.ts';
import type { WaitlistEntry } from './waitlist-entry.ts';
import type { WaitlistService } from './waitlist-service.ts';
import { userInvited } from '#directory/users/events.ts';
import { waitlistRemoved } from './events.ts';

type Services = { waitlist: Pick<WaitlistService, 'page' | 'require' | 'inviteFirst' | 'inviteThese' | 'remove'> };

/** Email addresses of one request. */
const MOST_INVITED = 1000;

const params = { email: givenEmail.max(320) };

const entrySchema = z.strictObject({
  email: z.string(),
  name: z.string(),
  language: z.string(),
  joined_at: timeSchema,
  invited_at: timeSchema.optional(),
});

const listWaitlist = listOperation({
  name: 'waitlist.list',
  permission: 'waitlist.read',
  filters: {
    status: z
      .enum(['waiting', 'invited'])
      .optional()
      .describe('Only entries that wait for an invitation, or that have one'),
    search: searchText.optional().describe('Only entries whose name or email address contains this text'),
  },
  sorts: ['joined_at', 'email'],
  items: 'entries',
  item: entrySchema,
  description: 'List the waitlist, first come first.',
  example: { limit: 20, status: 'waiting' },
  run: async (filters, page, _by: By, { waitlist }: Services) => {
    const { items, ...others } = await waitlist.page(filters, page);
    return { ...others, items: items.map(entryOnWire) };
  },
});

const readWaitlist = operation({
  name: 'waitlist.read',
  permission: 'waitlist.read',
  params,
  output: entrySchema,
  errors: [notOnWaitlist],
  description: 'Show the entry of an email address on the waitlist.',
  run: async ({ email }, _by: By, { waitlist }: Services) => entryOnWire(await waitlist.require(email)),
});

const inviteFromWaitlist = operation({
  name: 'waitlist.invite',
  permission: 'waitlist.manage',
  input: z
    .strictObject({
      emails: z.array(givenEmail.max(320)).max(MOST_INVITED).default([]).describe('Email addresses on the waitlist'),
      first: z
        .int()
        .min(1)
        .max(MOST_INVITED)
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
  errors: [registrationClosed],
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
  params,
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

export const waitlistOperations = [listWaitlist, readWaitlist, inviteFromWaitlist, removeFromWaitlist];
