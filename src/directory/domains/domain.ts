import { defineEntity, p } from '@mikro-orm/core';
import { Organization } from '#directory/organizations/module.ts';
import { User } from '#directory/users/module.ts';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';

export type DomainId = Id<'odm'>;
/** Users with a verified email address at the domain become members at a sign-in (`join`), may ask to (`ask`), or neither. */
export type Joining = 'off' | 'join' | 'ask';
/**
 * How users with an email address at the domain sign in: in every way (`any`), by a connection of the organization alone
 * (`connection`), or so unless they own the organization (`connection_or_owner`).
 */
export type DomainSignIn = 'any' | 'connection' | 'connection_or_owner';
/** Why the last look-up did not find the record: there was none, or the DNS gave no answer. */
export type DomainProblem = 'missing' | 'unreachable';
/** `joined`: at most once by a sign-in, so that a user who left or was removed stays away. */
export type JoinState = 'asked' | 'joined' | 'refused';

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const OrganizationDomainSchema = defineEntity({
  name: 'OrganizationDomain',
  tableName: 'organization_domain',
  uniques: [
    { name: 'organization_domain_organization_id_domain_unique', properties: ['organizationId', 'domain'] },
    { name: 'organization_domain_owner_unique', properties: ['domain'], where: '"verified_at" is not null' },
  ],
  properties: {
    id: p.type(new IdColumn('odm')).primary().$type<DomainId>(),
    organizationId: () =>
      p.manyToOne(Organization).mapToPk().fieldName('organization_id').deleteRule('cascade').updateRule('no action'),
    /** Lower-case A-labels (IDNA). */
    domain: p.text().index('organization_domain_domain_index'),
    /** Part of the record that proves it. It is public as soon as it is in the DNS. */
    token: p.text(),
    joining: p.text().$type<Joining>(),
    signIn: p.text().default('any').$type<DomainSignIn>(),
    /** The slugs of the connections by which its users sign in; none: all connections of the organization. One that is deleted stays named. */
    connections: p.array().columnType('text[]').$type<string[]>().defaultRaw(`'{}'`),
    /** Since when the organization owns the domain; null while it does not. */
    verifiedAt: instant().nullable(),
    /** The last look-up that found the record. */
    provedAt: instant().nullable(),
    checkedAt: instant().nullable(),
    problem: p.text().nullable().$type<DomainProblem | null>(),
    /** When a verified domain is looked up again. */
    dueAt: instant().nullable().index('organization_domain_due_at_index'),
    createdAt: instant(),
  },
});
/** An email domain that an organization claims or owns (table `organization_domain`). */
export class OrganizationDomain extends OrganizationDomainSchema.class {}
OrganizationDomainSchema.setClass(OrganizationDomain);

const OrganizationJoinSchema = defineEntity({
  name: 'OrganizationJoin',
  tableName: 'organization_join',
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
      p
        .manyToOne(User)
        .mapToPk()
        .primary()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('organization_join_user_id_index'),
    state: p.text().$type<JoinState>(),
    /** The address by which the user joined or asked. */
    email: p.text(),
    createdAt: instant(),
    decidedAt: instant().nullable(),
  },
});
/** A user who joined an organization by a domain of it, or asked to (table `organization_join`). */
export class OrganizationJoin extends OrganizationJoinSchema.class {}
OrganizationJoinSchema.setClass(OrganizationJoin);
