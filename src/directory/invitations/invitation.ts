import { defineEntity, p } from '@mikro-orm/core';
import type { By } from '#audit/module.ts';
import { Organization } from '#directory/organizations/module.ts';
import { IdColumn } from '#kernel/id-column.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Id } from '#kernel/ids.ts';

export type OrganizationInvitationId = Id<'oin'>;
/** `revoked`: by an administrator, or because a newer one took its place. An open one that is too old is over as well. */
type InvitationState = 'open' | 'accepted' | 'declined' | 'revoked';

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const OrganizationInvitationSchema = defineEntity({
  name: 'OrganizationInvitation',
  tableName: 'organization_invitation',
  indexes: [{ name: 'organization_invitation_organization_id_id_index', properties: ['organizationId', 'id'] }],
  uniques: [
    {
      name: 'organization_invitation_open_unique',
      properties: ['organizationId', 'emailCanonical'],
      where: `"state" = 'open'`,
    },
  ],
  properties: {
    id: p.type(new IdColumn('oin')).primary().$type<OrganizationInvitationId>(),
    organizationId: () =>
      p.manyToOne(Organization).mapToPk().fieldName('organization_id').deleteRule('cascade').updateRule('no action'),
    /** As the inviter typed it; the mail goes there. */
    email: p.text(),
    emailCanonical: p.text().index('organization_invitation_email_canonical_index'),
    /** Names of the roles that the new member gets. */
    roles: p.array().columnType('text[]').$type<string[]>(),
    language: p.text().$type<Language>(),
    state: p.text().$type<InvitationState>(),
    /** The actor who vouches for the roles; a user must still hold them when the invitation is accepted. */
    invitedByType: p.text().$type<By['actor']['type']>(),
    invitedById: p.text().nullable(),
    createdAt: instant(),
    expiresAt: instant().index('organization_invitation_expires_at_index'),
    decidedAt: instant().nullable(),
  },
});
/** An invitation of one email address to an organization (table `organization_invitation`). */
export class OrganizationInvitation extends OrganizationInvitationSchema.class {}
OrganizationInvitationSchema.setClass(OrganizationInvitation);
