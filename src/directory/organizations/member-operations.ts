import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, searchText } from '#kernel/operations/schemas.ts';
import {
  alreadyMember,
  lastOwner,
  memberNotFound,
  organizationInactive,
  organizationNotFound,
  permissionsNotHeld,
  roleNotFound,
} from './errors.ts';
import { organizationMemberAdded, organizationMemberChanged, organizationMemberRemoved } from './events.ts';
import { MOST_ROLES_OF_MEMBER } from './limits.ts';
import type { MemberService } from './member-service.ts';
import type { OrganizationService } from './organization-service.ts';
import { memberSources, organizationStatuses } from './statuses.ts';
import { memberOnWire, memberSchema, ownOrganizationOnWire, ownOrganizationSchema } from './organization-wire.ts';

type Services = { organizations: Pick<OrganizationService, 'require'>; members: MemberService };

const organization = { organization_id: idSchema('org') };
const member = { ...organization, user_id: idSchema('usr') };
const memberRoles = z.array(z.string().max(64)).max(MOST_ROLES_OF_MEMBER);

const listMembers = listOperation({
  name: 'organizations.members.list',
  permission: 'organization.members.read',
  params: organization,
  filters: {
    role: z.string().max(64).optional().describe('Only members with the role of this name, by an own assignment'),
    search: searchText.optional().describe('Only members whose name, email address or username begins with this text'),
    status: z.enum(['active', 'disabled']).optional().describe('Only members whose account has this status'),
    source: z.enum(memberSources).optional().describe('Only members who joined in this way'),
  },
  sorts: ['joined_at', 'user_id'],
  items: 'members',
  item: memberSchema,
  errors: [organizationNotFound],
  description: 'List the members of an organization, in the order in which they joined.',
  example: { limit: 20, role: 'TENANT_ADMIN' },
  command: { words: 'organization members' },
  run: async ({ organization_id: id, ...filters }, page, _by: By, { organizations, members }: Services) => {
    await organizations.require(id);
    const { items, ...others } = await members.page(id, filters, page);
    return { ...others, items: items.map(memberOnWire) };
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
    roles: memberRoles
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

const updateMember = operation({
  name: 'organizations.members.update',
  permission: 'organization.members.manage',
  params: member,
  input: z.strictObject({
    roles: memberRoles.optional().describe('Roles of the member in the organization, in place of the present ones'),
  }),
  output: memberSchema,
  errors: [organizationNotFound, memberNotFound, permissionsNotHeld, roleNotFound, lastOwner],
  event: organizationMemberChanged,
  description:
    'Change the roles of a member. The caller has every permission that is given or taken. The last owner stays one.',
  example: { roles: ['TENANT_MANAGER'] },
  command: { words: 'organization change-member', options: { roles: { flags: '--role <name>' } } },
  run: async ({ organization_id: id, user_id: userId, roles }, by: By, { organizations, members }: Services) => {
    await organizations.require(id);
    if (roles !== undefined) await members.changeRoles(id, userId, roles, by);
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

const listOrganizationsOfUser = listOperation({
  name: 'users.organizations.list',
  permission: 'users.read',
  params: { user_id: idSchema('usr') },
  filters: { status: z.enum(organizationStatuses).optional().describe('Only organizations with this status') },
  sorts: ['name', 'joined_at'],
  items: 'organizations',
  item: ownOrganizationSchema,
  description: 'List the organizations to which a user belongs, by name.',
  example: { limit: 20 },
  command: { words: 'user organizations' },
  run: async ({ user_id: userId, ...filters }, page, _by: By, { members }: Services) => {
    const { items, ...others } = await members.organizationsPage(userId, filters, page);
    return { ...others, items: items.map(ownOrganizationOnWire) };
  },
});

export const memberOperations = [
  listMembers,
  readMember,
  addMember,
  updateMember,
  removeMember,
  listOrganizationsOfUser,
];
