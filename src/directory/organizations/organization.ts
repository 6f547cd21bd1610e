import { defineEntity, p } from '@mikro-orm/core';
import { User, type UserId } from '#directory/users/module.ts';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import type { MemberSource, OrganizationStatus } from './statuses.ts';

export type OrganizationId = Id<'org'>;
const instant = () => p.datetime(3).columnType('timestamptz(3)');

const OrganizationSchema = defineEntity({
  name: 'Organization',
  tableName: 'organization',
  /** Tells every process that keeps organizations in memory (known-organizations.ts). */
  triggers: [
    {
      name: 'organization_changed',
      timing: 'after',
      events: ['update', 'delete'],
      forEach: 'row',
      body: `perform pg_notify('latchkey_invalidation', json_build_array('', 'organizations', old.id)::text); return null`,
    },
    /** The same for what is kept of permissions (access). */
    { name: 'access_changed', timing: 'after', events: ['update'], expression: 'by migration' },
  ],
  // For lists of all: by name, and of one status.
  indexes: [
    { name: 'organization_name_index', expression: 'by migration' },
    { name: 'organization_status_id_index', properties: ['status', 'id'] },
  ],
  properties: {
    id: p.type(new IdColumn('org')).primary().$type<OrganizationId>(),
    slug: p.text().unique('organization_slug_unique'),
    name: p.text(),
    status: p.text().$type<OrganizationStatus>(),
    /** When it is erased, unless its closing is called off before. */
    closesAt: instant().nullable().index('organization_closes_at_index'),
    /** Only operators and administrators of the organization see it. */
    metadata: p.json<Record<string, unknown>>().default('{}'),
    /** Also clients see it, in tokens for the organization. */
    publicMetadata: p.json<Record<string, unknown>>().default('{}'),
    /** A user or null; the user may be erased by now. */
    createdBy: p.type(new IdColumn('usr')).nullable().$type<UserId | null>().index('organization_created_by_index'),
    createdAt: instant(),
    updatedAt: instant(),
  },
});
/** A group of users with rules of its own: a company, a team, a customer (table `organization`). */
export class Organization extends OrganizationSchema.class {}
OrganizationSchema.setClass(Organization);

const OrganizationSlugSchema = defineEntity({
  name: 'OrganizationSlug',
  tableName: 'organization_slug',
  properties: {
    slug: p.text().primary(),
    organizationId: p.type(new IdColumn('org')).$type<OrganizationId>(),
    takenAt: instant(),
  },
});
/** A slug that an organization has or had, which no other one can take (table `organization_slug`). */
export class OrganizationSlug extends OrganizationSlugSchema.class {}
OrganizationSlugSchema.setClass(OrganizationSlug);

const OrganizationMemberSchema = defineEntity({
  name: 'OrganizationMember',
  tableName: 'organization_member',
  /** The same for memberships. */
  triggers: [
    {
      name: 'organization_member_changed',
      timing: 'after',
      events: ['update', 'delete'],
      forEach: 'row',
      body: `perform pg_notify('latchkey_invalidation', json_build_array('', 'memberships', old.organization_id || ' ' || old.user_id)::text); return null`,
    },
    {
      name: 'access_changed',
      timing: 'after',
      events: ['insert', 'delete'],
      forEach: 'row',
      expression: 'by migration',
    },
  ],
  // With the organization: the organizations of a user are read without their rows here.
  indexes: [
    { name: 'organization_member_user_index', properties: ['userId', 'organizationId'] },
    // For lists of the members of one organization.
    { name: 'organization_member_joined_index', properties: ['organizationId', 'createdAt', 'userId'] },
  ],
  properties: {
    organizationId: () =>
      p
        .manyToOne(Organization)
        .mapToPk()
        .primary()
        .fieldName('organization_id')
        .deleteRule('cascade')
        .updateRule('no action'),
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    source: p.text().$type<MemberSource>(),
    createdAt: instant(),
  },
});
/** A user who belongs to an organization (table `organization_member`). */
export class OrganizationMember extends OrganizationMemberSchema.class {}
OrganizationMemberSchema.setClass(OrganizationMember);
