import { defineEntity, p } from '@mikro-orm/core';
import { Organization } from '#directory/organizations/organization.ts';
import { User } from '#directory/users/module.ts';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import { told } from './role.ts';

type GroupId = Id<'grp'>;

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const UserGroupSchema = defineEntity({
  name: 'UserGroup',
  tableName: 'user_group',
  triggers: [{ ...told, events: ['insert', 'update', 'delete'] }],
  indexes: [{ name: 'user_group_name_unique', expression: 'by migration' }],
  properties: {
    id: p.type(new IdColumn('grp')).primary().$type<GroupId>(),
    /** Null: a group of the instance. */
    organizationId: () =>
      p
        .manyToOne(Organization)
        .mapToPk()
        .nullable()
        .fieldName('organization_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('user_group_organization_id_index'),
    name: p.text(),
    description: p.text().default(''),
    createdAt: instant(),
    updatedAt: instant(),
  },
});
/** Users who have roles together (table `user_group`). */
export class UserGroup extends UserGroupSchema.class {}
UserGroupSchema.setClass(UserGroup);

const toGroup = () => p.manyToOne(UserGroup).mapToPk().primary().deleteRule('cascade').updateRule('no action');

const UserGroupMemberSchema = defineEntity({
  name: 'UserGroupMember',
  tableName: 'user_group_member',
  triggers: [{ ...told, events: ['insert', 'update', 'delete'], forEach: 'row' }],
  properties: {
    groupId: () => toGroup().fieldName('group_id'),
    userId: () =>
      p
        .manyToOne(User)
        .mapToPk()
        .primary()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('user_group_member_user_id_index'),
    createdAt: instant(),
  },
});
/** A user in a group (table `user_group_member`). */
export class UserGroupMember extends UserGroupMemberSchema.class {}
UserGroupMemberSchema.setClass(UserGroupMember);

const UserGroupParentSchema = defineEntity({
  name: 'UserGroupParent',
  tableName: 'user_group_parent',
  triggers: [{ ...told, events: ['insert', 'update', 'delete'] }],
  properties: {
    groupId: () => toGroup().fieldName('group_id'),
    parentId: () => toGroup().fieldName('parent_id').index('user_group_parent_parent_id_index'),
  },
});
/** The members of a group are members of the parent too (table `user_group_parent`). */
export class UserGroupParent extends UserGroupParentSchema.class {}
UserGroupParentSchema.setClass(UserGroupParent);
