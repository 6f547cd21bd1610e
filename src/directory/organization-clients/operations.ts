import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { organizationNotFound } from '#directory/organizations/errors.ts';
import type { OrganizationService } from '#directory/organizations/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { clientNotFound, clientNotMachine, clientUnknown, tooManyClients } from './errors.ts';
import { organizationClientAllowed, organizationClientRemoved } from './events.ts';
import type { AllowedClient, OrganizationClientService } from './organization-client-service.ts';

type Services = {
  organizations: Pick<OrganizationService, 'require'>;
  organizationClients: Pick<OrganizationClientService, 'page' | 'require' | 'allow' | 'remove'>;
};

const organization = { organization_id: idSchema('org') };
const client = { ...organization, client_id: z.string().max(128) };

const clientSchema = z.strictObject({
  client_id: z.string(),
  allowed_by: z.string().optional().describe('User or client that allowed it'),
  created_at: timeSchema,
});

const onWire = ({ clientId, allowedBy, createdAt }: AllowedClient): z.input<typeof clientSchema> => ({
  client_id: clientId,
  ...(allowedBy === null ? {} : { allowed_by: allowedBy }),
  created_at: createdAt.toISOString(),
});

const listClients = listOperation({
  name: 'organizations.clients.list',
  permission: 'organization.read',
  params: organization,
  sorts: ['client_id', 'created_at'],
  items: 'clients',
  item: clientSchema,
  errors: [organizationNotFound],
  description: 'List the machine clients that may act for an organization.',
  example: { limit: 20 },
  command: { words: 'organization clients' },
  run: async ({ organization_id: id }, page, _by: By, { organizations, organizationClients }: Services) => {
    await organizations.require(id);
    const { items, ...others } = await organizationClients.page(id, page);
    return { ...others, items: items.map(onWire) };
  },
});

const readClient = operation({
  name: 'organizations.clients.read',
  permission: 'organization.read',
  params: client,
  output: clientSchema,
  errors: [organizationNotFound, clientNotFound],
  description: 'Show since when a machine client may act for an organization, and who allowed it.',
  command: { words: 'organization show-client' },
  run: async (
    { organization_id: id, client_id: clientId },
    _by: By,
    { organizations, organizationClients }: Services,
  ) => {
    await organizations.require(id);
    return onWire(await organizationClients.require(id, clientId));
  },
});

const allowClient = operation({
  name: 'organizations.clients.allow',
  permission: 'organization.clients.manage',
  params: client,
  output: z.strictObject({ client_id: z.string(), allowed: z.literal(true) }),
  errors: [organizationNotFound, clientUnknown, clientNotMachine, tooManyClients],
  event: organizationClientAllowed,
  description: 'Allow a machine client to act for an organization. Its roles there are assigned separately.',
  command: { words: 'organization allow-client' },
  run: async (
    { organization_id: id, client_id: clientId },
    by: By,
    { organizationClients }: Pick<Services, 'organizationClients'>,
  ) => {
    await organizationClients.allow(id, clientId, by);
    return { client_id: clientId, allowed: true as const };
  },
});

const removeClient = operation({
  name: 'organizations.clients.delete',
  permission: 'organization.clients.manage',
  params: client,
  output: z.strictObject({ client_id: z.string(), removed: z.literal(true) }),
  errors: [organizationNotFound, clientNotFound],
  event: organizationClientRemoved,
  description: 'End that a machine client may act for an organization, and the tokens that it has for it.',
  command: { words: 'organization remove-client' },
  run: async (
    { organization_id: id, client_id: clientId },
    by: By,
    { organizationClients }: Pick<Services, 'organizationClients'>,
  ) => {
    await organizationClients.remove(id, clientId, by);
    return { client_id: clientId, removed: true as const };
  },
});

export const organizationClientOperations = [listClients, readClient, allowClient, removeClient];
