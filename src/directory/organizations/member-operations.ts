import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import {
  alreadyMember,
  lastOwner,
  memberNotFound,
  organizationInactive,
  organizationNotFound,
  permissionsNotHeld,
  roleNotFound,
} from './errors.ts';
import { organizationMemberAdded, organizationMemberRemoved } from './events.ts';
import { LISTED_PAGE } from './limits.ts';
import type { MemberService } from './member-service.ts';
import type { OrganizationService } from './organization-service.ts';
import { memberOnWire, memberSchema, ownOrganizationOnWire, ownOrganizationSchema } from './organization-wire.ts';

type Services = { organizations: Pick<OrganizationService, 'require'>; members: MemberService };

const organization = { organization_id: idSchema('org') };
const member = { ...organization, user_id: idSchema('usr') };

const listMembers = operation({
  name: 'organizations.members.list',
  permission: 'organization.members.read',
  params: organization,
  input: z.strictObject({
    limit: z.int().min(1).max(LISTED_PAGE).default(LISTED_PAGE).describe('Maximum number of members'),
    after: idSchema('usr').optional().describe('User id after which the list continues'),
  }),
  output: z.strictObject({ members: z.array(memberSchema) }),
  errors: [organizationNotFound],
  description: 'List the members of an organization, in the order of their user ids.',
  example: { limit: 20 },
  command: { words: 'organization members', options: { after: { flags: '--after <id>' } } },
  run: async ({ organization_id: id, ...page }, _by: By, { organizations, members }: Services) => {
    await organizations.require(id);
    return { members: (await members.listMembers(id, page)).map(memberOnWire) };
  },
});

const readMember = operation({
  name: 'organizations.members.read',
  permission: 'organization.members.read',
  params: member,
  output: memberSchema,
  errors: [organizationNotFound, memberNotFound],
  description: 'Show a member of an organization.',
  command: { words: 'organization member' },
  run: async ({ organization_id: id, user_id: userId }, _by: By, { organizations, members }: Services) => {
    await organizations.require(id);
    return memberOnWire(await members.require(id, userId));
  },
});

const addMember = operation({
  name: 'organizations.members.create',
  permission: 'organization.members.manage',
  params: organization,
  input: z.strictObject({
    user_id: idSchema('usr').describe('User who becomes a member'),
    roles: z
      .array(z.string())
      .max(50)
      .default(['TENANT_USER'])
      .describe('Role of the member in the organization, TENANT_USER by default'),
  }),
  output: memberSchema,
  errors: [organizationNotFound, organizationInactive, permissionsNotHeld, roleNotFound, userNotFound, alreadyMember],
  event: organizationMemberAdded,
  description: 'Make a user a member of an organization, with roles.',
  example: { user_id: 'usr_01h455vb4pex5vsknk084sn02q' },
  command: {
    words: 'organization add-member',
    arguments: { organization_id: { flags: '<organization_id>' }, user_id: { flags: '<user_id>' } },
  },
  run: async ({ organization_id: id, user_id: userId, roles }, by: By, { members }: Services) => {
    await members.add(id, userId, roles, 'operation', by);
    return memberOnWire(await members.require(id, userId));
  },
});

const removeMember = operation({
  name: 'organizations.members.delete',
  permission: 'organization.members.manage',
  params: member,
  output: z.strictObject({ user_id: z.string(), removed: z.literal(true) }),
  errors: [organizationNotFound, memberNotFound, permissionsNotHeld, lastOwner],
  event: organizationMemberRemoved,
  description: 'Remove a user from an organization, and end the tokens that the user has for it.',
  command: { words: 'organization remove-member' },
  run: async ({ organization_id: id, user_id: userId }, by: By, { members }: Services) => {
    await members.remove(id, userId, by);
    return { user_id: userId, removed: true as const };
  },
});

const listOrganizationsOfUser = operation({
  name: 'users.organizations.list',
  permission: 'users.read',
  params: { user_id: idSchema('usr') },
  input: z.strictObject({
    limit: z.int().min(1).max(LISTED_PAGE).default(LISTED_PAGE).describe('Maximum number of organizations'),
  }),
  output: z.strictObject({ organizations: z.array(ownOrganizationSchema) }),
  description: 'List the organizations to which a user belongs, by name.',
  example: { limit: 20 },
  command: { words: 'user organizations' },
  run: async ({ user_id: userId, limit }, _by: By, { members }: Services) => ({
    organizations: (await members.organizationsOf(userId)).slice(0, limit).map(ownOrganizationOnWire),
  }),
});

export const memberOperations = [listMembers, readMember, addMember, removeMember, listOrganizationsOfUser];
