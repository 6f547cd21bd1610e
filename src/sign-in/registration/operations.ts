import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, searchText, timeSchema } from '#kernel/operations/schemas.ts';
import { defaultLanguage, languages, type Language } from '#kernel/i18n.ts';
import { registrationClosed, roleNotHeld } from '#directory/users/errors.ts';
import { givenEmail } from '#directory/users/typed/email-address.ts';
import { invitationInvalid, invitationNotFound, invitationRefused } from './errors.ts';
import { userInvitationRevoked } from './events.ts';
import type { InstanceInvitation, InvitationService } from './invitation-service.ts';
import { userInvited } from '#directory/users/events.ts';

type Services = { invitations: Pick<InvitationService, 'invite' | 'page' | 'require' | 'resend' | 'revoke'> };

const params = { invitation_id: idSchema('ots') };
const invitationSchema = z.strictObject({
  id: z.string(),
  email: z.string(),
  administrator: z.boolean().describe('The new user may administer this instance'),
  language: z.string(),
  created_at: timeSchema,
  expires_at: timeSchema.describe('When its link stops working'),
});

const onWire = (invitation: InstanceInvitation): z.input<typeof invitationSchema> => ({
  id: invitation.id,
  email: invitation.email,
  administrator: invitation.roles.includes('administrator'),
  language: invitation.language,
  created_at: invitation.createdAt.toISOString(),
  expires_at: invitation.expiresAt.toISOString(),
});

const createInvitation = operation({
  name: 'invitations.create',
  permission: 'users.manage',
  input: z.strictObject({
    email: givenEmail.max(320).describe('Email address that receives the invitation'),
    administrator: z.boolean().default(false).describe('The new user may administer this instance'),
    language: z
      .enum(Object.keys(languages) as [Language, ...Language[]])
      .default(defaultLanguage)
      .describe('Language of the mail'),
  }),
  output: invitationSchema.extend({ invited: z.literal(true) }),
  errors: [roleNotHeld, registrationClosed, invitationInvalid, invitationRefused],
  event: userInvited,
  description: 'Invite a user to create an account, by a link that works for seven days.',
  example: { email: 'grace@example.com' },
  command: {
    words: 'user invite',
    arguments: { email: { flags: '<email>' } },
    options: { language: { flags: '--language <tag>' } },
  },
  run: async ({ email, administrator, language }, by: By, { invitations }: Services) => {
    const roles = administrator ? (['administrator'] as const) : [];
    return { ...onWire(await invitations.invite({ email, language, roles }, by)), invited: true as const };
  },
});

const listInvitations = listOperation({
  name: 'invitations.list',
  permission: 'users.read',
  filters: {
    status: z
      .enum(['open', 'expired', 'any'])
      .default('open')
      .describe('Only invitations whose link works (open), or is too old (expired)'),
    search: searchText.optional().describe('Only invitations of email addresses that contain this text'),
  },
  sorts: ['created_at', 'email'],
  items: 'invitations',
  item: invitationSchema,
  description: 'List the invitations to create an account that were not used, oldest first.',
  example: { limit: 20 },
  command: { words: 'user invitations' },
  run: async ({ status, search }, page, _by: By, { invitations }: Services) => {
    const filters = { search, status: status === 'any' ? undefined : status };
    const { items, ...others } = await invitations.page(filters, page);
    return { ...others, items: items.map(onWire) };
  },
});

const readInvitation = operation({
  name: 'invitations.read',
  permission: 'users.read',
  params,
  output: invitationSchema,
  errors: [invitationNotFound],
  description: 'Show an invitation to create an account that was not used.',
  command: { words: 'user show-invitation' },
  run: async ({ invitation_id: id }, _by: By, { invitations }: Services) => onWire(await invitations.require(id)),
});

const resendInvitation = operation({
  name: 'invitations.resend',
  permission: 'users.manage',
  params,
  output: invitationSchema,
  errors: [roleNotHeld, invitationNotFound, registrationClosed, invitationRefused],
  event: userInvited,
  description: 'Send an invitation again, with a new link for another seven days. The earlier link stops working.',
  command: { words: 'user resend-invitation' },
  run: async ({ invitation_id: id }, by: By, { invitations }: Services) => onWire(await invitations.resend(id, by)),
});

const revokeInvitation = operation({
  name: 'invitations.delete',
  permission: 'users.manage',
  params,
  output: z.strictObject({ id: z.string(), revoked: z.literal(true) }),
  errors: [invitationNotFound],
  event: userInvitationRevoked,
  description: 'Revoke an invitation to create an account: its link stops working.',
  command: { words: 'user revoke-invitation' },
  run: async ({ invitation_id: id }, by: By, { invitations }: Services) => {
    await invitations.revoke(id, by);
    return { id, revoked: true as const };
  },
});

export const invitationOperations = [
  createInvitation,
  listInvitations,
  readInvitation,
  resendInvitation,
  revokeInvitation,
];
