import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { organizationInactive, organizationNotFound, permissionsNotHeld } from '#directory/organizations/errors.ts';
import { organizationMemberAdded } from '#directory/organizations/events.ts';
import type { OrganizationService } from '#directory/organizations/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { joinRequestNotFound } from './errors.ts';
import { organizationJoinRefused } from './events.ts';
import type { JoiningService, JoinRequest } from './joining.ts';

type Services = { organizations: Pick<OrganizationService, 'require'>; joining: JoiningService };

const organization = { organization_id: idSchema('org') };
const request = { ...organization, user_id: idSchema('usr') };

const requestSchema = z.strictObject({ user_id: z.string(), email: z.string(), created_at: timeSchema });

const onWire = ({ userId, email, createdAt }: JoinRequest): z.input<typeof requestSchema> => ({
  user_id: userId,
  email,
  created_at: createdAt.toISOString(),
});

const listRequests = listOperation({
  name: 'organizations.join_requests.list',
  permission: 'organization.members.read',
  params: organization,
  sorts: ['created_at', 'user_id'],
  items: 'requests',
  item: requestSchema,
  errors: [organizationNotFound],
  description: 'List the open requests of users to join an organization, oldest first.',
  example: { limit: 20 },
  command: { words: 'organization join-requests' },
  run: async ({ organization_id: id }, page, _by: By, { organizations, joining }: Services) => {
    await organizations.require(id);
    const { items, ...others } = await joining.page(id, page);
    return { ...others, items: items.map(onWire) };
  },
});

const readRequest = operation({
  name: 'organizations.join_requests.read',
  permission: 'organization.members.read',
  params: request,
  output: requestSchema,
  errors: [organizationNotFound, joinRequestNotFound],
  description: 'Show the open request of a user to join an organization.',
  command: { words: 'organization show-join-request' },
  run: async ({ organization_id: id, user_id: userId }, _by: By, { organizations, joining }: Services) => {
    await organizations.require(id);
    return onWire(await joining.require(id, userId));
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

export const joinOperations = [listRequests, readRequest, approveRequest, refuseRequest];
