/** Many members at once. Each row is done or refused by itself. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import type { UserId, UserService } from '#directory/users/module.ts';
import { givenEmail } from '#directory/users/typed/email-address.ts';
import { bulkResults, bulkRows, eachRow } from '#kernel/operations/bulk.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { organizationInactive, organizationNotFound } from './errors.ts';
import { organizationMemberAdded, organizationMemberRemoved } from './events.ts';
import { MOST_ROLES_OF_MEMBER } from './limits.ts';
import type { MemberService } from './member-service.ts';
import type { OrganizationService } from './organization-service.ts';

type Services = {
  organizations: Pick<OrganizationService, 'require'>;
  members: Pick<MemberService, 'add' | 'remove'>;
  users: Pick<UserService, 'findByIdentifier'>;
};

const params = { organization_id: idSchema('org') };
const newMember = z
  .strictObject({
    user_id: idSchema('usr').optional(),
    email: givenEmail.max(320).optional().describe('Email address of a user; the caller has users.read'),
    roles: z.array(z.string().max(64)).max(MOST_ROLES_OF_MEMBER).default(['TENANT_USER']),
  })
  .refine(({ user_id: userId, email }) => (userId === undefined) !== (email === undefined), {
    path: ['user_id'],
    error: 'must be given, or email, and only one of them',
  });

const addMembers = operation({
  name: 'organizations.members.bulk_create',
  permission: 'organization.members.manage',
  params,
  input: z.strictObject({
    members: bulkRows(newMember).describe('Users who become members, each with a user_id or an email, and with roles'),
  }),
  output: bulkResults('created', { user_id: z.string() }),
  errors: [organizationNotFound, organizationInactive],
  event: organizationMemberAdded,
  description:
    'Make up to 500 users members of an organization, each with roles. Each row is done or refused by itself.',
  example: { members: [{ user_id: 'usr_01h455vb4pex5vsknk084sn02q', roles: ['TENANT_USER'] }] },
  command: {
    words: 'organization add-members',
    arguments: {
      organization_id: { flags: '<organization_id>' },
      members: { flags: '<file>', isFile: true },
    },
  },
  run: async ({ organization_id: id, members: rows }, by: By, { organizations, members, users }: Services) => {
    const { status } = await organizations.require(id);
    if (status !== 'active') throw organizationInactive();
    return eachRow(rows, 'created', async ({ user_id: given, email, roles }) => {
      const userId = given ?? (await userWith(users, email!, by));
      await members.add(id, userId, roles, 'operation', by);
      return { user_id: userId };
    });
  },
});

const removeMembers = operation({
  name: 'organizations.members.bulk_delete',
  permission: 'organization.members.manage',
  params,
  input: z.strictObject({
    members: bulkRows(z.strictObject({ user_id: idSchema('usr') })).describe('Members to remove, each by its user_id'),
  }),
  output: bulkResults('deleted', { user_id: z.string() }),
  errors: [organizationNotFound],
  event: organizationMemberRemoved,
  description: 'Remove up to 500 users from an organization. Each row is done or refused by itself.',
  example: { members: [{ user_id: 'usr_01h455vb4pex5vsknk084sn02q' }] },
  command: {
    words: 'organization remove-members',
    arguments: {
      organization_id: { flags: '<organization_id>' },
      members: { flags: '<file>', isFile: true },
    },
  },
  run: async ({ organization_id: id, members: rows }, by: By, { organizations, members }: Services) => {
    await organizations.require(id);
    return eachRow(rows, 'deleted', async ({ user_id: userId }) => {
      await members.remove(id, userId, by);
      return { user_id: userId };
    });
  },
});

/**
 * The user with an email address. A caller who may not read all users learns of no address whether it has an account.
 * Throws users.not_found.
 */
async function userWith(users: Services['users'], email: string, by: By): Promise<UserId> {
  const found = email.includes('@') && by.may?.('users.read') === true ? await users.findByIdentifier(email) : null;
  if (found === null) throw userNotFound();
  return found.id;
}

export const memberBulkOperations = [addMembers, removeMembers];
