import { defineEntity, p } from '@mikro-orm/core';
import { Organization } from '#directory/organizations/organization.ts';
import { User } from '#directory/users/module.ts';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import { Role, told } from './role.ts';
import { UserGroup } from './user-group.ts';

type AssignmentId = Id<'ras'>;

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const RoleAssignmentSchema = defineEntity({
  name: 'RoleAssignment',
  tableName: 'role_assignment',
  triggers: [
    { ...told, events: ['insert', 'update', 'delete'], forEach: 'row' },
    /** SUPER_ADMIN and the flag of the user are the same: nodes of the release before read the flag. */
    {
      name: 'access_role_mirrored',
      timing: 'after',
      events: ['insert', 'update', 'delete'],
      forEach: 'row',
      expression: 'by migration',
    },
  ],
  checks: [{ name: 'role_assignment_subject_check', expression: 'num_nonnulls(user_id, group_id, client_id) = 1' }],
  indexes: ['user_id', 'group_id', 'client_id'].map((subject) => ({
    name: `role_assignment_${subject}_unique`,
    expression: 'by migration',
  })),
  properties: {
    id: p.type(new IdColumn('ras')).primary().$type<AssignmentId>(),
    userId: () =>
      p.manyToOne(User).mapToPk().nullable().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    groupId: () =>
      p.manyToOne(UserGroup).mapToPk().nullable().fieldName('group_id').deleteRule('cascade').updateRule('no action'),
    clientId: p.text().nullable(),
    roleId: () =>
      p
        .manyToOne(Role)
        .mapToPk()
        .fieldName('role_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('role_assignment_role_id_index'),
    /** Null: on the instance. */
    organizationId: () =>
      p
        .manyToOne(Organization)
        .mapToPk()
        .nullable()
        .fieldName('organization_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('role_assignment_organization_id_index'),
    expiresAt: instant().nullable().index('role_assignment_expires_at_index'),
    /** The actor of the audit log who gave it. */
    createdBy: p.text().nullable(),
    createdAt: instant(),
  },
});
/** The role of a user, a group or a machine client, on the instance or in an organization (table `role_assignment`). */
export class RoleAssignment extends RoleAssignmentSchema.class {}
RoleAssignmentSchema.setClass(RoleAssignment);
