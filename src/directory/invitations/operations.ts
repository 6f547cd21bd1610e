import { z } from 'zod';
import type { By } from '#audit/module.ts';
import {
  alreadyMember,
  organizationInactive,
  organizationNotFound,
  permissionsNotHeld,
  roleNotFound,
} from '#directory/organizations/errors.ts';
import type { OrganizationService } from '#directory/organizations/module.ts';
import { givenEmail } from '#directory/users/typed/email-address.ts';
import { defaultLanguage, languages, type Language } from '#kernel/i18n.ts';
import { bulkResults, bulkRows, eachRow } from '#kernel/operations/bulk.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, searchText, timeSchema } from '#kernel/operations/schemas.ts';
import { invitationNotFound, invitationsTooFast, invitedAddressInvalid, tooManyInvitations } from './errors.ts';
import { organizationInvitationResent, organizationInvitationRevoked, organizationMemberInvited } from './events.ts';
import type { OrganizationInvitation } from './invitation.ts';
import { invitationStatuses } from './invitation-status.ts';
import type { OrganizationInvitationService } from './invitation-service.ts';
import { MOST_INVITED_ROLES } from './limits.ts';

type Services = {
  organizations: Pick<OrganizationService, 'require'>;
  invitations: OrganizationInvitationService;
};

const organization = { organization_id: idSchema('org') };
const invitation = { ...organization, invitation_id: idSchema('oin') };
const permission = 'organization.invitations.manage';

const invitationSchema = z.strictObject({
  id: z.string(),
  email: z.string(),
  roles: z.array(z.string()),
  status: z.enum(invitationStatuses),
  created_at: timeSchema,
  expires_at: timeSchema.describe('When its link stops working'),
  decided_at: timeSchema.optional().describe('When it was accepted, declined or revoked'),
});

function onWire(
  row: OrganizationInvitation,
  invitations: Pick<OrganizationInvitationService, 'statusOf'>,
): z.input<typeof invitationSchema> {
  const { id, email, roles, createdAt, expiresAt, decidedAt } = row;
  return {
    id,
    email,
    roles,
    status: invitations.statusOf(row),
    created_at: createdAt.toISOString(),
    expires_at: expiresAt.toISOString(),
    ...(decidedAt ? { decided_at: decidedAt.toISOString() } : {}),
  };
}

const roles = z.array(z.string().max(64)).max(MOST_INVITED_ROLES).default([]);
const language = z.enum(Object.keys(languages) as [Language, ...Language[]]).default(defaultLanguage);
const refusals = [permissionsNotHeld, roleNotFound, alreadyMember, invitedAddressInvalid, tooManyInvitations];

const createInvitation = operation({
  name: 'organizations.invitations.create',
  permission,
  params: organization,
  input: z.strictObject({
    email: givenEmail.max(320).describe('Email address that receives the invitation'),
    roles: roles.describe('Role of the new member in the organization'),
    language: language.describe('Language of the mail'),
  }),
  output: invitationSchema,
  errors: [organizationNotFound, organizationInactive, ...refusals, invitationsTooFast],
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
    onWire(await invitations.invite(id, given, by), invitations),
});

const createInvitations = operation({
  name: 'organizations.invitations.bulk_create',
  permission,
  params: organization,
  input: z.strictObject({
    invitations: bulkRows(z.strictObject({ email: givenEmail.max(320), roles, language })).describe(
      'Email addresses to invite, each with the roles of the new member and the language of the mail',
    ),
  }),
  output: bulkResults('created', { id: z.string() }),
  errors: [organizationNotFound, organizationInactive],
  event: organizationMemberInvited,
  description: 'Invite up to 500 email addresses to an organization. Each row is done or refused by itself.',
  example: { invitations: [{ email: 'ada@example.com', roles: ['TENANT_USER'] }] },
  command: {
    words: 'organization invite-many',
    arguments: { organization_id: { flags: '<organization_id>' }, invitations: { flags: '<file>', isFile: true } },
  },
  run: async ({ organization_id: id, invitations: rows }, by: By, { organizations, invitations }: Services) => {
    const { status } = await organizations.require(id);
    if (status !== 'active') throw organizationInactive();
    return eachRow(rows, 'created', async (row) => ({ id: (await invitations.invite(id, row, by)).id }));
  },
});

const listInvitations = listOperation({
  name: 'organizations.invitations.list',
  permission: 'organization.members.read',
  params: organization,
  filters: {
    status: z
      .enum([...invitationStatuses, 'any'])
      .default('open')
      .describe('Only invitations with this status'),
    search: searchText.optional().describe('Only invitations of email addresses that contain this text'),
  },
  sorts: ['created_at', 'email'],
  items: 'invitations',
  item: invitationSchema,
  errors: [organizationNotFound],
  description:
    'List the invitations of an organization, oldest first: the open ones, unless another status is named. Those that are over are kept for 30 days.',
  example: { limit: 20, status: 'expired' },
  command: { words: 'organization invitations' },
  run: async ({ organization_id: id, status, search }, page, _by: By, { organizations, invitations }: Services) => {
    await organizations.require(id);
    const filters = { search, status: status === 'any' ? undefined : status };
    const { items, ...others } = await invitations.page(id, filters, page);
    return { ...others, items: items.map((each) => onWire(each, invitations)) };
  },
});

const readInvitation = operation({
  name: 'organizations.invitations.read',
  permission: 'organization.members.read',
  params: invitation,
  output: invitationSchema,
  errors: [organizationNotFound, invitationNotFound],
  description: 'Show an invitation of an organization, also one that is over.',
  command: { words: 'organization show-invitation' },
  run: async (
    { organization_id: id, invitation_id: invitationId },
    _by: By,
    { organizations, invitations }: Services,
  ) => {
    await organizations.require(id);
    return onWire(await invitations.require(id, invitationId), invitations);
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
    onWire(await invitations.resend(id, invitationId, by), invitations),
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

export const organizationInvitationOperations = [
  createInvitation,
  createInvitations,
  listInvitations,
  readInvitation,
  resendInvitation,
  revokeInvitation,
];
