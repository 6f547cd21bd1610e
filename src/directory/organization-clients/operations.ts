import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { organizationNotFound } from '#directory/organizations/errors.ts';
import type { OrganizationService } from '#directory/organizations/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { clientNotFound, clientNotMachine, clientUnknown, tooManyClients } from './errors.ts';
import { organizationClientAllowed, organizationClientRemoved } from './events.ts';
import { MOST_CLIENTS } from './limits.ts';
import type { OrganizationClientService } from './organization-client-service.ts';

type Services = {
  organizations: Pick<OrganizationService, 'require'>;
  organizationClients: Pick<OrganizationClientService, 'list' | 'allow' | 'remove'>;
};

const organization = { organization_id: idSchema('org') };

const listClients = operation({
  name: 'organizations.clients.list',
  permission: 'organization.read',
  params: organization,
  input: z.strictObject({
    limit: z.int().min(1).max(MOST_CLIENTS).default(MOST_CLIENTS).describe('Maximum number of clients'),
    after: z.string().max(128).optional().describe('Client id after which the list continues'),
  }),
  output: z.strictObject({
    clients: z.array(
      z.strictObject({ client_id: z.string(), allowed_by: z.string().optional(), created_at: timeSchema }),
    ),
  }),
  errors: [organizationNotFound],
  description: 'List the machine clients that may act for an organization.',
  example: { limit: 20 },
  command: { words: 'organization clients', options: { after: { flags: '--after <id>' } } },
  run: async ({ organization_id: id, ...page }, _by: By, { organizations, organizationClients }: Services) => {
    await organizations.require(id);
    const clients = await organizationClients.list(id, page);
    return {
      clients: clients.map(({ clientId, allowedBy, createdAt }) => ({
        client_id: clientId,
        ...(allowedBy === null ? {} : { allowed_by: allowedBy }),
        created_at: createdAt.toISOString(),
      })),
    };
  },
});

const allowClient = operation({
  name: 'organizations.clients.allow',
  permission: 'organization.clients.manage',
  params: { ...organization, client_id: z.string().max(128) },
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
  params: { ...organization, client_id: z.string().max(128) },
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

export const organizationClientOperations = [listClients, allowClient, removeClient];
