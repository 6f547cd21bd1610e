import { defineEntity, p } from '@mikro-orm/core';
import { Organization } from '#directory/organizations/organization.ts';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';

type RoleId = Id<'rol'>;

const instant = () => p.datetime(3).columnType('timestamptz(3)');
/** Tells every process that keeps permissions in memory (effective-permissions.ts). */
export const told = { name: 'access_changed', timing: 'after', expression: 'by migration' } as const;

const RoleSchema = defineEntity({
  name: 'Role',
  tableName: 'role',
  triggers: [{ ...told, events: ['insert', 'update', 'delete'] }],
  indexes: [{ name: 'role_name_unique', expression: 'by migration' }],
  properties: {
    id: p.type(new IdColumn('rol')).primary().$type<RoleId>(),
    /** Null: a role of the instance, which every organization can use. */
    organizationId: () =>
      p
        .manyToOne(Organization)
        .mapToPk()
        .nullable()
        .fieldName('organization_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('role_organization_id_index'),
    name: p.text(),
    description: p.text().default(''),
    isBuiltIn: p.boolean().default(false),
    permissions: p.array().columnType('text[]').defaultRaw(`'{}'`),
    createdAt: instant(),
    updatedAt: instant(),
  },
});
/** A name for permissions (table `role`). */
export class Role extends RoleSchema.class {}
RoleSchema.setClass(Role);

const toRole = () => p.manyToOne(Role).mapToPk().primary().deleteRule('cascade').updateRule('no action');

const RoleParentSchema = defineEntity({
  name: 'RoleParent',
  tableName: 'role_parent',
  triggers: [{ ...told, events: ['insert', 'update', 'delete'] }],
  properties: {
    roleId: () => toRole().fieldName('role_id'),
    parentId: () => toRole().fieldName('parent_id').index('role_parent_parent_id_index'),
  },
});
/** A role inherits the permissions of a parent (table `role_parent`). */
export class RoleParent extends RoleParentSchema.class {}
RoleParentSchema.setClass(RoleParent);
