import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, searchText, timeSchema } from '#kernel/operations/schemas.ts';
import { metadataSchema, nameSchema } from './details.ts';
import { organizationInactive, organizationInvalid, organizationNotFound, slugTaken } from './errors.ts';
import {
  organizationChanged,
  organizationClosingRequested,
  organizationClosingCancelled,
  organizationCreated,
  organizationResumed,
  organizationSuspended,
} from './events.ts';
import type { OrganizationClosing } from './organization-closing.ts';
import type { OrganizationService } from './organization-service.ts';
import { organizationOnWire, organizationSchema } from './organization-wire.ts';
import { organizationStatuses } from './statuses.ts';
import { slugSchema } from './slug.ts';

type Services = { organizations: OrganizationService; closing: Pick<OrganizationClosing, 'close' | 'reopen'> };

const params = { organization_id: idSchema('org') };
const changed = {
  name: nameSchema.optional().describe('Name that users see'),
  slug: slugSchema.optional().describe('Name in addresses and requests: lower-case letters, digits and hyphens'),
  metadata: metadataSchema.optional().describe('Own data of the operator, at most 16 KiB as JSON'),
  public_metadata: metadataSchema
    .optional()
    .describe('Part of the data that clients see in tokens, at most 2 KiB as JSON'),
};

const createOrganization = operation({
  name: 'organizations.create',
  permission: 'organizations.create',
  input: z.strictObject({
    ...changed,
    name: nameSchema.describe('Name that users see'),
    owner: idSchema('usr').optional().describe('User who owns it; without one it has no member'),
  }),
  output: organizationSchema,
  errors: [organizationInvalid, slugTaken, userNotFound],
  event: organizationCreated,
  description: 'Create an organization. Without a slug it gets one made of its name.',
  example: { name: 'Acme', slug: 'acme' },
  command: { arguments: { name: { flags: '<name>' } } },
  run: async ({ public_metadata: publicMetadata, ...given }, by: By, { organizations }: Services) =>
    organizationOnWire(await organizations.create({ ...given, publicMetadata }, by)),
});

const listOrganizations = listOperation({
  name: 'organizations.list',
  permission: 'organizations.read',
  filters: {
    search: searchText.optional().describe('Only organizations whose name or slug contains this text'),
    slug: z.string().max(64).optional().describe('Only the organization that has this slug, or had it before'),
    status: z.enum(organizationStatuses).optional().describe('Only organizations with this status'),
  },
  sorts: ['created_at', 'name'],
  items: 'organizations',
  item: organizationSchema,
  description: 'List organizations, oldest first.',
  example: { limit: 20, status: 'active' },
  run: async (filters, page, _by: By, { organizations }: Services) => {
    const { items, ...others } = await organizations.page(filters, page);
    return { ...others, items: items.map(organizationOnWire) };
  },
});

const readOrganization = operation({
  name: 'organizations.read',
  permission: 'organization.read',
  params,
  output: organizationSchema,
  errors: [organizationNotFound],
  description: 'Show an organization.',
  run: async ({ organization_id: id }, _by: By, { organizations }: Services) =>
    organizationOnWire(await organizations.require(id)),
});

const updateOrganization = operation({
  name: 'organizations.update',
  permission: 'organization.manage',
  params,
  input: z.strictObject(changed),
  output: organizationSchema,
  errors: [organizationNotFound, organizationInvalid, slugTaken],
  event: organizationChanged,
  description:
    'Change the name, the slug or the metadata of an organization. Its former slugs lead to it and stay taken.',
  example: { name: 'Acme Labs' },
  run: async (
    { organization_id: id, public_metadata: publicMetadata, ...given },
    by: By,
    { organizations }: Services,
  ) => organizationOnWire(await organizations.change(id, { ...given, publicMetadata }, by)),
});

const suspendOrganization = operation({
  name: 'organizations.suspend',
  permission: 'organizations.manage',
  params,
  input: z.strictObject({ reason: z.string().max(200).optional().describe('Reason, for the audit log') }),
  output: organizationSchema,
  errors: [organizationNotFound],
  event: organizationSuspended,
  description: 'Suspend an organization: refuse sign-ins for it and end the tokens that were issued for it.',
  example: { reason: 'Unpaid' },
  run: async ({ organization_id: id, reason }, by: By, { organizations }: Services) =>
    organizationOnWire(await organizations.suspend(id, reason, by)),
});

const resumeOrganization = operation({
  name: 'organizations.resume',
  permission: 'organizations.manage',
  params,
  output: organizationSchema,
  errors: [organizationNotFound],
  event: organizationResumed,
  description: 'Make a suspended organization active again.',
  run: async ({ organization_id: id }, by: By, { organizations }: Services) =>
    organizationOnWire(await organizations.resume(id, by)),
});

const closeOrganization = operation({
  name: 'organizations.close',
  permission: 'organization.close',
  params,
  output: z.strictObject({
    id: z.string(),
    closes_at: timeSchema.nullable().describe('When it is erased; null if it is erased already'),
  }),
  errors: [organizationNotFound, organizationInactive],
  event: organizationClosingRequested,
  description:
    'Close an organization: end its tokens now, and erase it when the days of the setting organizations.closingDays are over.',
  run: async ({ organization_id: id }, by: By, { closing }: Services) => ({
    id,
    closes_at: (await closing.close(id, by))?.toISOString() ?? null,
  }),
});

const reopenOrganization = operation({
  name: 'organizations.reopen',
  permission: 'organization.close',
  params,
  output: organizationSchema,
  errors: [organizationNotFound],
  event: organizationClosingCancelled,
  description: 'Call off the closing of an organization.',
  run: async ({ organization_id: id }, by: By, { closing }: Services) =>
    organizationOnWire(await closing.reopen(id, by)),
});

export const organizationOperations = [
  createOrganization,
  listOrganizations,
  readOrganization,
  updateOrganization,
  suspendOrganization,
  resumeOrganization,
  closeOrganization,
  reopenOrganization,
];
