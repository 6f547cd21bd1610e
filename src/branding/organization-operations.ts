import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { organizationNotFound } from '#directory/organizations/errors.ts';
import type { OrganizationService } from '#directory/organizations/organization-service.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { choiceInvalid, logoRefused } from './errors.ts';
import { organizationBrandChanged } from './events.ts';
import type { OrganizationBrands } from './organization-brands.ts';

type Services = {
  organizations: Pick<OrganizationService, 'require'>;
  organizationBrands: Pick<OrganizationBrands, 'choiceOf' | 'change' | 'changeLogo' | 'logosOf'>;
};

const params = { organization_id: idSchema('org') };
const choice = z.record(z.string(), z.unknown());

const readBrand = operation({
  name: 'organizations.branding.read',
  permission: 'organization.read',
  params,
  output: choice,
  errors: [organizationNotFound],
  description: 'Show the brand of an organization, without its logos.',
  command: { words: 'organization brand' },
  run: async ({ organization_id: id }, _by: By, { organizations, organizationBrands }: Services) => {
    await organizations.require(id);
    return organizationBrands.choiceOf(id);
  },
});

const updateBrand = operation({
  name: 'organizations.branding.update',
  permission: 'organization.manage',
  params,
  input: z.strictObject({
    change: choice.describe(
      'Members to change, such as {"color": "#0a3fb5"}; null for the value of the client or the instance',
    ),
  }),
  output: choice,
  errors: [organizationNotFound, choiceInvalid],
  event: organizationBrandChanged,
  description: 'Change the brand of the pages of sign-ins for an organization.',
  example: { change: { color: '#0a3fb5' } },
  command: { words: 'organization change-brand' },
  run: async ({ organization_id: id, change }, by: By, { organizationBrands }: Services) =>
    organizationBrands.change(id, change, by),
});

const updateLogo = operation({
  name: 'organizations.logo.update',
  permission: 'organization.manage',
  params,
  input: z.strictObject({
    content: z
      .base64('must be a file in base64, or null')
      .nullable()
      .describe('PNG, JPEG or WebP picture in base64, at most 256 KB; null to remove the logo'),
    dark: z.boolean().default(false).describe('The logo for dark pages'),
  }),
  output: z.strictObject({ logo: z.enum(['changed', 'removed']) }),
  errors: [organizationNotFound, logoRefused],
  event: organizationBrandChanged,
  description: 'Set or remove the logo of an organization: a PNG, JPEG or WebP picture of at most 256 KB.',
  example: { content: 'iVBORw0KGgo=' },
  command: { words: 'organization logo', file: 'content' },
  run: async ({ organization_id: id, content, dark }, by: By, { organizations, organizationBrands }: Services) => {
    await organizations.require(id);
    const file = content === null ? null : Buffer.from(content, 'base64');
    await organizationBrands.changeLogo(id, dark ? 'dark_logo' : 'logo', file, by);
    return { logo: content === null ? ('removed' as const) : ('changed' as const) };
  },
});

const readLogo = operation({
  name: 'organizations.logo.read',
  permission: 'organization.read',
  params,
  output: z.strictObject({
    logo: z.string().nullable().describe('Picture in base64, as it is shown; null without one'),
    dark_logo: z.string().nullable().describe('The same for dark pages'),
  }),
  errors: [organizationNotFound],
  description: 'Show the logos of an organization.',
  command: { words: 'organization show-logo' },
  run: async ({ organization_id: id }, _by: By, { organizations, organizationBrands }: Services) => {
    await organizations.require(id);
    const { logo, darkLogo } = await organizationBrands.logosOf(id);
    return { logo: logo?.toString('base64') ?? null, dark_logo: darkLogo?.toString('base64') ?? null };
  },
});

const deleteLogo = operation({
  name: 'organizations.logo.delete',
  permission: 'organization.manage',
  params,
  input: z.strictObject({ dark: z.boolean().default(false).describe('The logo for dark pages') }),
  output: z.strictObject({ logo: z.literal('removed') }),
  errors: [organizationNotFound],
  event: organizationBrandChanged,
  description: 'Remove the logo of an organization.',
  example: { dark: true },
  command: { words: 'organization remove-logo' },
  run: async ({ organization_id: id, dark }, by: By, { organizations, organizationBrands }: Services) => {
    await organizations.require(id);
    await organizationBrands.changeLogo(id, dark ? 'dark_logo' : 'logo', null, by);
    return { logo: 'removed' as const };
  },
});

export const organizationBrandOperations = [readBrand, updateBrand, readLogo, updateLogo, deleteLogo];
