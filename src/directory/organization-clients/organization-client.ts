import { defineEntity, p } from '@mikro-orm/core';
import { Organization } from '#directory/organizations/module.ts';

const OrganizationClientSchema = defineEntity({
  name: 'OrganizationClient',
  tableName: 'organization_client',
  properties: {
    organizationId: () =>
      p
        .manyToOne(Organization)
        .mapToPk()
        .primary()
        .fieldName('organization_id')
        .deleteRule('cascade')
        .updateRule('no action'),
    /** The client id of OAuth, which is never given to another client. */
    clientId: p.text().primary().index('organization_client_client_id_index'),
    /** The id of the user or client that allowed it; null for an operator. */
    allowedBy: p.text().nullable(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** A machine client that may act for an organization (table `organization_client`). */
export class OrganizationClient extends OrganizationClientSchema.class {}
OrganizationClientSchema.setClass(OrganizationClient);
