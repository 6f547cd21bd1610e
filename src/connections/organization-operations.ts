import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { organizationNotFound } from '#directory/organizations/errors.ts';
import type { OrganizationId, OrganizationService } from '#directory/organizations/module.ts';
import type { CommandShape, Operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { connectionNotFound } from './errors.ts';
import { connectionAdministration } from './operations.ts';

type Base = (typeof connectionAdministration)[number];
type Services = Parameters<Base['run']>[2] & { organizations: Pick<OrganizationService, 'require'> };
type Given = { organization_id: OrganizationId; connection?: string };

/** An operation on connections, with the same rules, for the connections of one organization and its owners. */
function ofOrganization(
  verb: string,
  description: string,
  command: CommandShape & { words: string },
): Operation<By, Services> {
  const base = connectionAdministration.find(({ name }) => name === `connections.${verb}`)!;
  const { organization_id: _organization, ...input } = base.input.shape;
  return {
    ...base,
    name: `organizations.connections.${verb}`,
    permission: `organization.${base.permission}`,
    params: z.strictObject({ organization_id: idSchema('org'), ...base.params.shape }),
    input: z.strictObject(input),
    errors: [organizationNotFound, ...base.errors.filter(({ code }) => code !== organizationNotFound.code)],
    description,
    example: verb === 'list' ? {} : base.example,
    command: { ...base.command, ...command },
    run: async (given: Given, by, services) => {
      const { organization_id: organizationId, ...others } = given;
      const { id } = await services.organizations.require(organizationId);
      if (others.connection === undefined) return base.run(given as never, by, services);
      // A connection of another organization is one that does not exist.
      const { organizationId: owner } = await services.connections.require(others.connection);
      if (owner !== id) throw connectionNotFound();
      return base.run(others as never, by, services);
    },
  };
}

export const organizationConnectionOperations = [
  ofOrganization('list', 'List the connections of an organization to identity providers.', {
    words: 'organization connections',
  }),
  ofOrganization('create', 'Create a connection of an organization. Register its callback address at the provider.', {
    words: 'organization create-connection',
    arguments: {
      organization_id: { flags: '<organization_id>' },
      provider: { flags: '<provider>' },
      slug: { flags: '<slug>' },
    },
  }),
  ofOrganization('read', 'Show one connection of an organization, without its secret.', {
    words: 'organization show-connection',
  }),
  ofOrganization(
    'update',
    'Change a connection of an organization. A change of its issuer or of an endpoint removes its secret, unless the secret is given again.',
    { words: 'organization change-connection' },
  ),
  ofOrganization('delete', 'Delete a connection of an organization, and the identities of its users.', {
    words: 'organization delete-connection',
  }),
  ofOrganization(
    'test',
    'Create a link that tests a connection of an organization, also one that is disabled. A sign-in with it changes nothing and shows what the provider said, or why its answer is refused.',
    { words: 'organization test-connection' },
  ),
  ofOrganization(
    'refresh_metadata',
    'Read the metadata of a SAML provider of an organization again from its address, which happens every day.',
    { words: 'organization refresh-connection-metadata' },
  ),
];
