import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { organizationInactive, organizationNotFound, permissionsNotHeld } from '#directory/organizations/errors.ts';
import { organizationMemberAdded } from '#directory/organizations/events.ts';
import type { OrganizationService } from '#directory/organizations/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { joinRequestNotFound } from './errors.ts';
import { organizationJoinRefused } from './events.ts';
import type { JoiningService } from './joining.ts';
import { MOST_LISTED } from './limits.ts';

type Services = { organizations: Pick<OrganizationService, 'require'>; joining: JoiningService };

const organization = { organization_id: idSchema('org') };
const request = { ...organization, user_id: idSchema('usr') };

const listRequests = operation({
  name: 'organizations.join_requests.list',
  permission: 'organization.members.read',
  params: organization,
  input: z.strictObject({
    limit: z.int().min(1).max(MOST_LISTED).default(MOST_LISTED).describe('Maximum number of requests'),
    after: idSchema('usr').optional().describe('User id after which the list continues'),
  }),
  output: z.strictObject({
    requests: z.array(z.strictObject({ user_id: z.string(), email: z.string(), created_at: timeSchema })),
  }),
  errors: [organizationNotFound],
  description: 'List the open requests of users to join an organization, in the order of their user ids.',
  example: { limit: 20 },
  command: { words: 'organization join-requests', options: { after: { flags: '--after <id>' } } },
  run: async ({ organization_id: id, ...page }, _by: By, { organizations, joining }: Services) => {
    await organizations.require(id);
    const requests = await joining.listRequests(id, page);
    return {
      requests: requests.map(({ userId, email, createdAt }) => ({
        user_id: userId,
        email,
        created_at: createdAt.toISOString(),
      })),
    };
  },
});

const approveRequest = operation({
  name: 'organizations.join_requests.approve',
  permission: 'organization.members.manage',
  params: request,
  output: z.strictObject({ user_id: z.string(), approved: z.literal(true) }),
  errors: [organizationNotFound, organizationInactive, permissionsNotHeld, joinRequestNotFound],
  event: organizationMemberAdded,
  description: 'Let a user who asked join an organization, with the role TENANT_USER.',
  command: { words: 'organization approve-join' },
  run: async ({ organization_id: id, user_id: userId }, by: By, { joining }: Services) => {
    await joining.approve(id, userId, by);
    return { user_id: userId, approved: true as const };
  },
});

const refuseRequest = operation({
  name: 'organizations.join_requests.refuse',
  permission: 'organization.members.manage',
  params: request,
  output: z.strictObject({ user_id: z.string(), refused: z.literal(true) }),
  errors: [organizationNotFound, joinRequestNotFound],
  event: organizationJoinRefused,
  description: 'Refuse the request of a user to join an organization.',
  command: { words: 'organization refuse-join' },
  run: async ({ organization_id: id, user_id: userId }, by: By, { joining }: Services) => {
    await joining.refuse(id, userId, by);
    return { user_id: userId, refused: true as const };
  },
});

export const joinOperations = [listRequests, approveRequest, refuseRequest];
