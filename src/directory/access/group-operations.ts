/** Groups and their members. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import {
  lastOwner,
  memberNotFound,
  organizationNotFound,
  permissionsNotHeld,
} from '#directory/organizations/errors.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, searchText, timeSchema } from '#kernel/operations/schemas.ts';
import { groupCycle, groupMemberNotFound, groupNameTaken, groupNotFound, tooManyGroups } from './errors.ts';
import { groupChanged, groupCreated, groupDeleted, groupMemberAdded, groupMemberRemoved } from './events.ts';
import type { GroupMemberService } from './group-member-service.ts';
import type { GroupService, ShownGroup } from './group-service.ts';
import { MOST_PARENTS } from './limits.ts';
import { onInstance, onOrganization, optionally, type OperationPlace, placeOf } from './operation-place.ts';
import { descriptionText, nameText } from './shown-texts.ts';

type Services = { groups: GroupService; groupMembers: GroupMemberService };

const groupSchema = z.strictObject({
  id: z.string(),
  organization_id: z.string().nullable().describe('Null for a group of the instance'),
  name: z.string(),
  description: z.string(),
  parents: z.array(z.string()).describe('Groups that it is in directly: its members have their roles too'),
  created_at: timeSchema,
});
const groupMemberSchema = z.strictObject({ user_id: z.string(), added_at: timeSchema });
const groupMemberOnWire = ({ userId, createdAt }: Awaited<ReturnType<GroupMemberService['require']>>) => ({
  user_id: userId,
  added_at: createdAt.toISOString(),
});
const parents = z
  .array(idSchema('grp'))
  .max(MOST_PARENTS)
  .describe('Ids of groups that it is in: its members have the roles of these groups too');
const options = { parents: { flags: '--parent <group_id>' } };

function groupsOn(place: OperationPlace) {
  const ofGroup = { ...place.params, group_id: idSchema('grp') };
  return [
    listOperation({
      name: place.named('groups.list'),
      permission: place.readMembers,
      params: place.params,
      filters: {
        search: searchText.optional().describe('Only groups whose name or description contains this text'),
        parent: idSchema('grp').optional().describe('Only groups that are directly in the group with this id'),
        member: idSchema('usr').optional().describe('Only groups that the user with this id is in directly'),
      },
      sorts: ['created_at', 'name'],
      items: 'groups',
      item: groupSchema,
      errors: notThere(place),
      description: 'List groups, oldest first.',
      example: { limit: 20 },
      command: place.command('group list', 'list-groups'),
      run: async ({ search, parent, member, ...given }, page, _by: By, { groups }: Services) => {
        const { items, ...others } = await groups.page(placeOf(given), { search, parent, member }, page);
        return { ...others, items: items.map(groupOnWire) };
      },
    }),
    operation({
      name: place.named('groups.read'),
      permission: place.readMembers,
      params: ofGroup,
      output: groupSchema,
      errors: [groupNotFound, ...notThere(place)],
      description: 'Show a group.',
      command: place.command('group show', 'show-group'),
      run: async ({ group_id: id, ...given }, _by: By, { groups }: Services) =>
        groupOnWire(await groups.require(placeOf(given), id)),
    }),
    operation({
      name: place.named('groups.create'),
      permission: place.manage,
      params: place.params,
      input: z.strictObject({
        name: nameText,
        description: optionally(descriptionText),
        parents: optionally(parents),
      }),
      output: groupSchema,
      errors: [permissionsNotHeld, groupNotFound, groupNameTaken, tooManyGroups, ...notThere(place)],
      event: groupCreated,
      description: 'Create a group.',
      example: { name: 'Accounting' },
      command: place.command('group create', 'create-group', { options }),
      run: async (given, by: By, { groups }: Services) => groupOnWire(await groups.create(placeOf(given), given, by)),
    }),
    operation({
      name: place.named('groups.update'),
      permission: place.manage,
      params: ofGroup,
      input: z.strictObject({
        name: optionally(nameText),
        description: optionally(descriptionText),
        parents: optionally(parents),
      }),
      output: groupSchema,
      errors: [permissionsNotHeld, groupNotFound, groupNameTaken, groupCycle, lastOwner, ...notThere(place)],
      event: groupChanged,
      description: 'Change a group. A list of parents replaces the list that it had.',
      example: { parents: [] },
      command: place.command('group change', 'change-group', { options }),
      run: async ({ group_id: id, ...given }, by: By, { groups }: Services) =>
        groupOnWire(await groups.change(placeOf(given), id, given, by)),
    }),
    operation({
      name: place.named('groups.delete'),
      permission: place.manage,
      params: ofGroup,
      output: z.strictObject({ id: z.string(), deleted: z.literal(true) }),
      errors: [permissionsNotHeld, groupNotFound, lastOwner, ...notThere(place)],
      event: groupDeleted,
      description: 'Delete a group. Its members lose the roles that came through it.',
      command: place.command('group delete', 'delete-group'),
      run: async ({ group_id: id, ...given }, by: By, { groups }: Services) => {
        await groups.delete(placeOf(given), id, by);
        return { id, deleted: true as const };
      },
    }),
  ];
}

function membersOn(place: OperationPlace) {
  const ofGroup = { ...place.params, group_id: idSchema('grp') };
  const membership = z.strictObject({ group_id: z.string(), user_id: z.string() });
  return [
    listOperation({
      name: place.named('groups.members.list'),
      permission: place.readMembers,
      params: ofGroup,
      sorts: ['user_id', 'added_at'],
      items: 'members',
      item: groupMemberSchema,
      errors: [groupNotFound, ...notThere(place)],
      description: 'List the users in a group, without the members of groups that are in it.',
      example: { limit: 20 },
      command: place.command('group list-members', 'list-group-members'),
      run: async ({ group_id: id, ...given }, page, _by: By, { groups, groupMembers }: Services) => {
        await groups.require(placeOf(given), id);
        const { items, ...others } = await groupMembers.page(id, page);
        return { ...others, items: items.map(groupMemberOnWire) };
      },
    }),
    operation({
      name: place.named('groups.members.read'),
      permission: place.readMembers,
      params: { ...ofGroup, user_id: idSchema('usr') },
      output: groupMemberSchema,
      errors: [groupNotFound, groupMemberNotFound, ...notThere(place)],
      description: 'Show since when a user is in a group, by an own membership.',
      command: place.command('group show-member', 'show-group-member'),
      run: async ({ group_id: id, user_id: userId, ...given }, _by: By, { groups, groupMembers }: Services) => {
        await groups.require(placeOf(given), id);
        return groupMemberOnWire(await groupMembers.require(id, userId));
      },
    }),
    operation({
      name: place.named('groups.members.create'),
      permission: place.manage,
      params: ofGroup,
      input: z.strictObject({ user_id: idSchema('usr').describe('User id') }),
      output: membership,
      errors: [
        permissionsNotHeld,
        groupNotFound,
        ...(place === onOrganization ? [memberNotFound] : [userNotFound]),
        ...notThere(place),
      ],
      event: groupMemberAdded,
      description: 'Put a user into a group. The caller has every permission that the group gives.',
      example: { user_id: 'usr_01h455vb4pex5vsknk084sn02q' },
      command: place.command('group add-member', 'add-group-member', {
        arguments: { group_id: { flags: '<group_id>' }, user_id: { flags: '<user_id>' } },
      }),
      run: async ({ group_id: id, user_id: userId, ...given }, by: By, { groupMembers }: Services) => {
        await groupMembers.add(placeOf(given), id, userId, by);
        return { group_id: id, user_id: userId };
      },
    }),
    operation({
      name: place.named('groups.members.delete'),
      permission: place.manage,
      params: { ...ofGroup, user_id: idSchema('usr') },
      output: membership.extend({ removed: z.literal(true) }),
      errors: [permissionsNotHeld, groupNotFound, groupMemberNotFound, lastOwner, ...notThere(place)],
      event: groupMemberRemoved,
      description: 'Take a user out of a group.',
      command: place.command('group remove-member', 'remove-group-member'),
      run: async ({ group_id: id, user_id: userId, ...given }, by: By, { groupMembers }: Services) => {
        await groupMembers.remove(placeOf(given), id, userId, by);
        return { group_id: id, user_id: userId, removed: true as const };
      },
    }),
  ];
}

const notThere = (place: OperationPlace) => (place === onOrganization ? [organizationNotFound] : []);

function groupOnWire(group: ShownGroup): z.input<typeof groupSchema> {
  const { id, organizationId, name, description, createdAt } = group;
  return {
    id,
    organization_id: organizationId,
    name,
    description,
    parents: [...group.parents],
    created_at: createdAt.toISOString(),
  };
}

export const groupOperations = [onInstance, onOrganization].flatMap((place) => [
  ...groupsOn(place),
  ...membersOn(place),
]);
