import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { defaultLanguage, languages, type Language } from '#kernel/i18n.ts';
import { roleNotHeld } from '#directory/users/errors.ts';
import { invitationInvalid, invitationRefused, registrationClosed } from './errors.ts';
import type { InvitationService } from './invitation-service.ts';
import { userInvited } from '#directory/users/events.ts';

type Services = { invitations: Pick<InvitationService, 'invite'> };

const createInvitation = operation({
  name: 'invitations.create',
  permission: 'users.manage',
  input: z.strictObject({
    email: z.string().describe('Email address that receives the invitation'),
    administrator: z.boolean().default(false).describe('The new user may administer this instance'),
    language: z
      .enum(Object.keys(languages) as [Language, ...Language[]])
      .default(defaultLanguage)
      .describe('Language of the mail'),
  }),
  output: z.strictObject({ email: z.string(), administrator: z.boolean(), invited: z.literal(true) }),
  errors: [roleNotHeld, registrationClosed, invitationInvalid, invitationRefused],
  event: userInvited,
  description: 'Invite a user to create an account, by a link that works for seven days.',
  example: { email: 'ada@example.com' },
  command: {
    words: 'user invite',
    arguments: { email: { flags: '<email>' } },
    options: { language: { flags: '--language <tag>' } },
  },
  run: async ({ email, administrator, language }, by: By, { invitations }: Services) => {
    await invitations.invite({ email, language, roles: administrator ? ['administrator'] : [] }, by);
    return { email, administrator, invited: true as const };
  },
});

export const invitationOperations = [createInvitation];
