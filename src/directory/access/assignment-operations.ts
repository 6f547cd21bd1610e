/** Assignments: which user, group or machine client has which role, and by which way a permission comes. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import {
  lastOwner,
  memberNotFound,
  organizationNotFound,
  permissionsNotHeld,
  roleNotFound,
} from '#directory/organizations/errors.ts';
import { lastAdministrator, userNotFound } from '#directory/users/errors.ts';
import type { UserId } from '#directory/users/module.ts';
import { inputInvalid } from '#kernel/operations/input.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import type { AssignmentService, ShownAssignment, Subject } from './assignment-service.ts';
import { assignmentInvalid, assignmentNotFound, assignmentTaken, groupNotFound } from './errors.ts';
import { roleAssigned, roleUnassigned } from './events.ts';
import type { GroupId } from './group-service.ts';
import { onInstance, onOrganization, type OperationPlace, placeOf } from './operation-place.ts';

type Services = { assignments: AssignmentService };

const assignmentSchema = z.strictObject({
  id: z.string(),
  user_id: z.string().optional(),
  group_id: z.string().optional(),
  client_id: z.string().optional(),
  role_id: z.string(),
  role: z.string().describe('Name of the role'),
  organization_id: z.string().nullable().describe('Null on the instance'),
  expires_at: timeSchema.nullable(),
  created_at: timeSchema,
});

const subject = {
  user_id: idSchema('usr').optional().describe('User id'),
  group_id: idSchema('grp').optional().describe('Group id'),
  client_id: z.string().max(255).optional().describe('Id of a machine client'),
};
type GivenSubject = {
  user_id?: UserId | undefined;
  group_id?: GroupId | undefined;
  client_id?: string | undefined;
};

function subjectOf({ user_id: user, group_id: group, client_id: client }: GivenSubject): Subject | undefined {
  if (user !== undefined) return { kind: 'user', id: user };
  if (group !== undefined) return { kind: 'group', id: group };
  return client === undefined ? undefined : { kind: 'client', id: client };
}
const count = ({ user_id: user, group_id: group, client_id: client }: GivenSubject): number =>
  [user, group, client].filter((id) => id !== undefined).length;

function operationsOn(place: OperationPlace) {
  return [
    listOperation({
      name: place.named('assignments.list'),
      permission: place.readMembers,
      params: place.params,
      filters: { ...subject, role: z.string().max(64).optional().describe('Name of a role') },
      sorts: ['created_at'],
      items: 'assignments',
      item: assignmentSchema,
      errors: notThere(place),
      description: 'List assignments in force, oldest first, of one subject or one role if it is named.',
      example: { role: 'TENANT_OWNER', limit: 20 },
      command: place.command('assignment list', 'list-assignments'),
      run: async ({ role, ...given }, page, _by: By, { assignments }: Services) => {
        if (count(given) > 1) throw inputInvalid({ user_id: 'must be the only subject' });
        const filter = { subject: subjectOf(given), role };
        const { items, ...others } = await assignments.page(placeOf(given), filter, page);
        return { ...others, items: items.map(assignmentOnWire) };
      },
    }),
    operation({
      name: place.named('assignments.read'),
      permission: place.readMembers,
      params: { ...place.params, assignment_id: idSchema('ras') },
      output: assignmentSchema,
      errors: [assignmentNotFound, ...notThere(place)],
      description: 'Show an assignment in force.',
      command: place.command('assignment show', 'show-assignment'),
      run: async ({ assignment_id: id, ...given }, _by: By, { assignments }: Services) =>
        assignmentOnWire(await assignments.require(placeOf(given), id)),
    }),
    operation({
      name: place.named('assignments.create'),
      permission: place.manage,
      params: place.params,
      input: z
        .strictObject({
          role: z.string().max(64).describe('Name or id of the role'),
          ...subject,
          expires_at: timeSchema.optional().describe('Time at which the assignment ends, such as 2030-01-31T12:00:00Z'),
        })
        .refine((given) => count(given) === 1, {
          path: ['user_id'],
          error: 'must be given, or group_id, or client_id, and only one of them',
        }),
      output: assignmentSchema,
      errors: [
        permissionsNotHeld,
        roleNotFound,
        groupNotFound,
        ...(place === onOrganization ? [memberNotFound] : [userNotFound]),
        assignmentInvalid,
        assignmentTaken,
        ...notThere(place),
      ],
      event: roleAssigned,
      description:
        'Give a role to a user, a group or a machine client. The caller has every permission that the role brings.',
      example: { role: 'TENANT_ADMIN', user_id: 'usr_01h455vb4pex5vsknk084sn02q' },
      command: place.command('assignment create', 'assign-role', {
        arguments: { role: { flags: '<role>' } },
        options: {
          user_id: { flags: '--user <id>' },
          group_id: { flags: '--group <id>' },
          client_id: { flags: '--client <id>' },
          expires_at: { flags: '--until <time>' },
        },
      }),
      run: async ({ role, expires_at: until, ...given }, by: By, { assignments }: Services) => {
        const expiresAt = until === undefined ? null : new Date(until);
        return assignmentOnWire(
          await assignments.create(placeOf(given), { role, subject: subjectOf(given)!, expiresAt }, by),
        );
      },
    }),
    operation({
      name: place.named('assignments.delete'),
      permission: place.manage,
      params: { ...place.params, assignment_id: idSchema('ras') },
      output: z.strictObject({ id: z.string(), deleted: z.literal(true) }),
      errors: [
        permissionsNotHeld,
        assignmentNotFound,
        ...(place === onOrganization ? [lastOwner] : [lastAdministrator]),
        ...notThere(place),
      ],
      event: roleUnassigned,
      description: 'Take a role away. The last owner of an organization and the last active administrator keep theirs.',
      command: place.command('assignment delete', 'unassign-role'),
      run: async ({ assignment_id: id, ...given }, by: By, { assignments }: Services) => {
        await assignments.delete(placeOf(given), id, by);
        return { id, deleted: true as const };
      },
    }),
  ];
}

const notThere = (place: OperationPlace) => (place === onOrganization ? [organizationNotFound] : []);

function assignmentOnWire(assignment: ShownAssignment): z.input<typeof assignmentSchema> {
  const { id, subject: of, role, organizationId, expiresAt, createdAt } = assignment;
  return {
    id,
    [`${of.kind}_id`]: of.id,
    role_id: role.id,
    role: role.name,
    organization_id: organizationId,
    expires_at: expiresAt?.toISOString() ?? null,
    created_at: createdAt.toISOString(),
  };
}

export const assignmentOperations = [onInstance, onOrganization].flatMap(operationsOn);
