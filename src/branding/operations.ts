import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import type { BrandService } from './brand-service.ts';
import { choiceInvalid, clientUnknown, logoRefused, stylesheetRefused } from './errors.ts';
import { brandChanged } from './events.ts';

type Services = { brands: Pick<BrandService, 'changeFile' | 'changeOfClient'> };

const fileSchema = z.base64('must be a file in base64, or null').nullable();
const outcome = z.enum(['changed', 'removed']);
const outcomeOf = (content: string | null): z.output<typeof outcome> => (content === null ? 'removed' : 'changed');
const bytes = (content: string | null): Buffer | null => (content === null ? null : Buffer.from(content, 'base64'));

const updateLogo = operation({
  name: 'branding.logo.update',
  permission: 'branding.manage',
  input: z.strictObject({
    content: fileSchema.describe('PNG, JPEG, WebP or SVG file in base64, at most 256 KB; null to remove the logo'),
    dark: z.boolean().default(false).describe('The logo for dark pages'),
    client_id: z.string().optional().describe('Client of the logo; by default the instance'),
  }),
  output: z.strictObject({ logo: outcome }),
  errors: [logoRefused, clientUnknown],
  event: brandChanged,
  description: 'Set or remove the logo: a PNG, JPEG, WebP or SVG file of at most 256 KB.',
  example: { content: 'PHN2Zy8+' },
  command: { words: 'branding logo', file: 'content' },
  run: async ({ content, dark, client_id: owner }, by: By, { brands }: Services) => {
    const logo = bytes(content);
    await brands.changeFile(owner ?? null, dark ? { darkLogo: logo } : { logo }, by);
    return { logo: outcomeOf(content) };
  },
});

const updateStylesheet = operation({
  name: 'branding.stylesheet.update',
  permission: 'branding.manage',
  input: z.strictObject({
    content: fileSchema.describe('CSS file in base64, at most 32 KB; null to remove the stylesheet'),
  }),
  output: z.strictObject({ stylesheet: outcome }),
  errors: [stylesheetRefused],
  event: brandChanged,
  description: 'Set or remove the custom CSS, at most 32 KB.',
  example: { content: 'aDF7fQ==' },
  command: { words: 'branding stylesheet', file: 'content' },
  run: async ({ content }, by: By, { brands }: Services) => {
    await brands.changeFile(null, { stylesheet: bytes(content)?.toString('utf8') ?? null }, by);
    return { stylesheet: outcomeOf(content) };
  },
});

const updateBrandOfClient = operation({
  name: 'branding.clients.update',
  permission: 'branding.manage',
  params: { client_id: z.string() },
  input: z.strictObject({
    change: z
      .record(z.string(), z.unknown())
      .describe('Members to change, such as {"color": "#0a3fb5"}; null for the value of the instance'),
  }),
  output: z.record(z.string(), z.unknown()),
  errors: [choiceInvalid, clientUnknown],
  event: brandChanged,
  description: 'Change the brand of the sign-in pages of one client.',
  example: { change: { color: '#0a3fb5' } },
  command: { words: 'branding client' },
  run: async ({ client_id: clientId, change }, by: By, { brands }: Services) =>
    brands.changeOfClient(clientId, change, by),
});

export const brandingOperations = [updateLogo, updateStylesheet, updateBrandOfClient];
