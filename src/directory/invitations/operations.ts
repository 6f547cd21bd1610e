import { z } from 'zod';
import type { By } from '#audit/module.ts';
import {
  alreadyMember,
  organizationInactive,
  organizationNotFound,
  permissionsNotHeld,
  roleNotFound,
} from '#directory/organizations/errors.ts';
import { defaultLanguage, languages, type Language } from '#kernel/i18n.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { invitationNotFound, invitationsTooFast, invitedAddressInvalid, tooManyInvitations } from './errors.ts';
import { organizationInvitationResent, organizationInvitationRevoked, organizationMemberInvited } from './events.ts';
import type { OrganizationInvitation } from './invitation.ts';
import type { OrganizationInvitationService } from './invitation-service.ts';
import { INVITATIONS_PAGE, MOST_INVITED_ROLES } from './limits.ts';

type Services = {
  organizations: { require(id: string): Promise<unknown> };
  invitations: OrganizationInvitationService;
};

const organization = { organization_id: idSchema('org') };
const invitation = { ...organization, invitation_id: idSchema('oin') };
const permission = 'organization.invitations.manage';

const invitationSchema = z.strictObject({
  id: z.string(),
  email: z.string(),
  roles: z.array(z.string()),
  created_at: timeSchema,
  expires_at: timeSchema.describe('When its link stops working'),
});

function onWire({ id, email, roles, createdAt, expiresAt }: OrganizationInvitation): z.input<typeof invitationSchema> {
  return {
    id,
    email,
    roles,
    created_at: createdAt.toISOString(),
    expires_at: expiresAt.toISOString(),
  };
}

const createInvitation = operation({
  name: 'organizations.invitations.create',
  permission,
  params: organization,
  input: z.strictObject({
    email: z.string().max(320).describe('Email address that receives the invitation'),
    roles: z
      .array(z.string())
      .max(MOST_INVITED_ROLES)
      .default([])
      .describe('Role of the new member in the organization'),
    language: z
      .enum(Object.keys(languages) as [Language, ...Language[]])
      .default(defaultLanguage)
      .describe('Language of the mail'),
  }),
  output: invitationSchema,
  errors: [
    organizationNotFound,
    organizationInactive,
    permissionsNotHeld,
    roleNotFound,
    alreadyMember,
    invitedAddressInvalid,
    tooManyInvitations,
    invitationsTooFast,
  ],
  event: organizationMemberInvited,
  description:
    'Invite an email address to an organization, by a link that works for seven days and once. It takes the place of an earlier one.',
  example: { email: 'ada@example.com' },
  command: {
    words: 'organization invite',
    arguments: { organization_id: { flags: '<organization_id>' }, email: { flags: '<email>' } },
    options: { language: { flags: '--language <tag>' } },
  },
  run: async ({ organization_id: id, ...given }, by: By, { invitations }: Services) =>
    onWire(await invitations.invite(id, given, by)),
});

const listInvitations = operation({
  name: 'organizations.invitations.list',
  permission: 'organization.members.read',
  params: organization,
  input: z.strictObject({
    limit: z.int().min(1).max(INVITATIONS_PAGE).default(INVITATIONS_PAGE).describe('Maximum number of invitations'),
    after: idSchema('oin').optional().describe('Invitation id after which the list continues'),
  }),
  output: z.strictObject({ invitations: z.array(invitationSchema) }),
  errors: [organizationNotFound],
  description: 'List the open invitations of an organization, oldest first.',
  example: { limit: 20 },
  command: { words: 'organization invitations', options: { after: { flags: '--after <id>' } } },
  run: async ({ organization_id: id, ...page }, _by: By, { organizations, invitations }: Services) => {
    await organizations.require(id);
    return { invitations: (await invitations.list(id, page)).map(onWire) };
  },
});

const resendInvitation = operation({
  name: 'organizations.invitations.resend',
  permission,
  params: invitation,
  output: invitationSchema,
  errors: [
    organizationNotFound,
    organizationInactive,
    permissionsNotHeld,
    roleNotFound,
    invitationNotFound,
    invitationsTooFast,
  ],
  event: organizationInvitationResent,
  description: 'Send an invitation again, with a new link for another seven days. The earlier link stops working.',
  command: { words: 'organization resend-invitation' },
  run: async ({ organization_id: id, invitation_id: invitationId }, by: By, { invitations }: Services) =>
    onWire(await invitations.resend(id, invitationId, by)),
});

const revokeInvitation = operation({
  name: 'organizations.invitations.delete',
  permission,
  params: invitation,
  output: z.strictObject({ id: z.string(), revoked: z.literal(true) }),
  errors: [organizationNotFound, invitationNotFound],
  event: organizationInvitationRevoked,
  description: 'Revoke an invitation: its link stops working.',
  command: { words: 'organization revoke-invitation' },
  run: async ({ organization_id: id, invitation_id: invitationId }, by: By, { invitations }: Services) => {
    await invitations.revoke(id, invitationId, by);
    return { id: invitationId, revoked: true as const };
  },
});

export const organizationInvitationOperations = [createInvitation, listInvitations, resendInvitation, revokeInvitation];
