import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { organizationNotFound, permissionsNotHeld } from '#directory/organizations/errors.ts';
import type { OrganizationService } from '#directory/organizations/module.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, searchText, timeSchema } from '#kernel/operations/schemas.ts';
import type { DomainChecks } from './domain-checks.ts';
import { challengeOf } from './domain-challenge.ts';
import type { DomainService } from './domain-service.ts';
import type { OrganizationDomain } from './domain.ts';
import {
  connectionMissing,
  connectionNotOwned,
  dnsUnreachable,
  domainExists,
  domainInvalid,
  domainIsFreeMail,
  domainIsPublicSuffix,
  domainNotFound,
  domainOwned,
  recordMissing,
  tooManyChecks,
  tooManyDomains,
} from './errors.ts';
import { MOST_CONNECTIONS } from './limits.ts';
import {
  organizationDomainAdded,
  organizationDomainChanged,
  organizationDomainRemoved,
  organizationDomainVerified,
} from './events.ts';

type Services = {
  organizations: Pick<OrganizationService, 'require'>;
  domains: DomainService;
  checks: Pick<DomainChecks, 'confirm'>;
};

const organization = { organization_id: idSchema('org') };
const domain = { ...organization, domain_id: idSchema('odm') };
const joiningSchema = z.enum(['off', 'join', 'ask']);
const JOINING =
  'Users with a verified email address at the domain become members at a sign-in (join), may ask to (ask), or neither';

const signInSchema = z.enum(['any', 'connection', 'connection_or_owner']);
const SIGN_IN =
  'Users with an email address at the domain sign in in every way (any), by a connection of the organization alone (connection), or so unless they own the organization (connection_or_owner)';

const connectionsSchema = z
  .array(z.string().min(1).max(64))
  .max(MOST_CONNECTIONS)
  .refine((slugs) => new Set(slugs).size === slugs.length, 'Name each connection once.');
const CONNECTIONS =
  'Slugs of the connections of the organization by which users with an email address at the domain sign in; none: all of them';
const connectionsOption = {
  flags: '--connections <slugs>',
  read: (text: string) => text.split(',').filter((slug) => slug !== ''),
};

const domainSchema = z.strictObject({
  id: z.string(),
  organization_id: z.string(),
  domain: z.string(),
  status: z.enum(['pending', 'verified']),
  joining: joiningSchema,
  sign_in: signInSchema,
  connections: z.array(z.string()),
  record: z.strictObject({ type: z.literal('TXT'), name: z.string(), value: z.string() }),
  verified_at: timeSchema.optional(),
  checked_at: timeSchema.optional(),
  problem: z.enum(['missing', 'unreachable']).optional(),
  created_at: timeSchema,
});

const listDomains = listOperation({
  name: 'organizations.domains.list',
  permission: 'organization.read',
  params: organization,
  filters: {
    status: z.enum(['pending', 'verified']).optional().describe('Only domains with this status'),
    search: searchText.optional().describe('Only domains that contain this text'),
  },
  sorts: ['domain', 'created_at'],
  items: 'domains',
  item: domainSchema,
  errors: [organizationNotFound],
  description: 'List the domains of an organization, with the DNS records that prove them.',
  example: { limit: 20, status: 'pending' },
  command: { words: 'organization domains' },
  run: async ({ organization_id: id, ...filters }, page, _by: By, { organizations, domains }: Services) => {
    await organizations.require(id);
    const { items, ...others } = await domains.page(id, filters, page);
    return { ...others, items: items.map(domainOnWire) };
  },
});

const readOneDomain = operation({
  name: 'organizations.domains.read',
  permission: 'organization.read',
  params: domain,
  output: domainSchema,
  errors: [organizationNotFound, domainNotFound],
  description: 'Show a domain of an organization, with the DNS record that proves it.',
  command: { words: 'organization show-domain' },
  run: async ({ organization_id: id, domain_id: domainId }, _by: By, { organizations, domains }: Services) => {
    await organizations.require(id);
    return domainOnWire(await domains.require(id, domainId));
  },
});

const addDomain = operation({
  name: 'organizations.domains.create',
  permission: 'organization.domains.manage',
  params: organization,
  input: z.strictObject({
    domain: z.string().max(256).describe('Email domain, such as example.com; its subdomains do not count'),
    joining: joiningSchema.default('off').describe(JOINING),
    sign_in: signInSchema.default('any').describe(SIGN_IN),
    connections: connectionsSchema.default([]).describe(CONNECTIONS),
  }),
  output: domainSchema,
  errors: [
    organizationNotFound,
    permissionsNotHeld,
    domainInvalid,
    domainIsPublicSuffix,
    domainIsFreeMail,
    domainExists,
    tooManyDomains,
    connectionMissing,
    connectionNotOwned,
  ],
  event: organizationDomainAdded,
  description: 'Add a domain to an organization. The answer names the DNS record that proves it.',
  example: { domain: 'example.org' },
  command: {
    words: 'organization add-domain',
    arguments: { organization_id: { flags: '<organization_id>' }, domain: { flags: '<domain>' } },
    options: { connections: connectionsOption },
  },
  run: async ({ organization_id: id, sign_in: signIn, ...given }, by: By, { domains }: Services) =>
    domainOnWire(await domains.add(id, { ...given, signIn }, by)),
});

const confirmDomain = operation({
  name: 'organizations.domains.confirm',
  permission: 'organization.domains.manage',
  params: domain,
  output: domainSchema,
  errors: [organizationNotFound, domainNotFound, recordMissing, dnsUnreachable, domainOwned, tooManyChecks],
  event: organizationDomainVerified,
  description: 'Look up the DNS record of a domain now, and make the organization its owner.',
  command: { words: 'organization confirm-domain' },
  run: async ({ organization_id: id, domain_id: domainId }, by: By, { checks }: Services) =>
    domainOnWire(await checks.confirm(id, domainId, by)),
});

const updateDomain = operation({
  name: 'organizations.domains.update',
  permission: 'organization.domains.manage',
  params: domain,
  input: z.strictObject({
    joining: joiningSchema.optional().describe(JOINING),
    sign_in: signInSchema.optional().describe(SIGN_IN),
    connections: connectionsSchema.optional().describe(CONNECTIONS),
  }),
  output: domainSchema,
  errors: [organizationNotFound, permissionsNotHeld, domainNotFound, connectionMissing, connectionNotOwned],
  event: organizationDomainChanged,
  description:
    'Change whether users with an email address at a domain may join the organization, and how they sign in.',
  example: { joining: 'ask' },
  command: { words: 'organization change-domain', options: { connections: connectionsOption } },
  run: async (
    { organization_id: id, domain_id: domainId, joining, sign_in: signIn, connections },
    by: By,
    { domains }: Services,
  ) =>
    domainOnWire(
      await domains.change(
        id,
        domainId,
        {
          ...(joining === undefined ? {} : { joining }),
          ...(signIn === undefined ? {} : { signIn }),
          ...(connections === undefined ? {} : { connections }),
        },
        by,
      ),
    ),
});

const removeDomain = operation({
  name: 'organizations.domains.delete',
  permission: 'organization.domains.manage',
  params: domain,
  output: z.strictObject({ id: z.string(), removed: z.literal(true) }),
  errors: [organizationNotFound, domainNotFound],
  event: organizationDomainRemoved,
  description: 'Remove a domain from an organization. Its members stay.',
  command: { words: 'organization remove-domain' },
  run: async ({ organization_id: id, domain_id: domainId }, by: By, { domains }: Services) => {
    await domains.remove(id, domainId, by);
    return { id: domainId, removed: true as const };
  },
});

function domainOnWire(row: OrganizationDomain): z.input<typeof domainSchema> {
  const { verifiedAt, checkedAt, problem } = row;
  return {
    id: row.id,
    organization_id: row.organizationId,
    domain: row.domain,
    status: verifiedAt ? 'verified' : 'pending',
    joining: row.joining,
    sign_in: row.signIn,
    connections: row.connections,
    record: { type: 'TXT', ...challengeOf(row) },
    ...(verifiedAt ? { verified_at: verifiedAt.toISOString() } : {}),
    ...(checkedAt ? { checked_at: checkedAt.toISOString() } : {}),
    ...(problem ? { problem } : {}),
    created_at: row.createdAt.toISOString(),
  };
}

export const domainOperations = [listDomains, readOneDomain, addDomain, confirmDomain, updateDomain, removeDomain];
