import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import type { BrandService } from './brand-service.ts';
import type { ClientLogos } from './client-logos.ts';
import { choiceInvalid, clientUnknown, logoRefused, stylesheetRefused } from './errors.ts';
import { brandChanged } from './events.ts';

type Services = {
  brands: Pick<BrandService, 'changeFile' | 'changeOfClient'>;
  logos: Pick<ClientLogos, 'fetchNow'>;
};

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

const fetchClientLogo = operation({
  name: 'branding.client_logos.fetch',
  permission: 'branding.manage',
  params: { client_id: z.string() },
  output: z.strictObject({
    client_id: z.string(),
    logo_uri: z.string().nullable().describe('Null if the client has none, or registered itself and may not show one'),
    shown: z.boolean(),
    fetched_at: timeSchema.nullable(),
    next_fetch_at: timeSchema.nullable(),
    failures: z.number().int(),
    problem: z.string().nullable(),
  }),
  errors: [clientUnknown],
  description: 'Fetch the logo of a client from its logo_uri now, and show the result.',
  command: { words: 'branding client-logo' },
  run: async ({ client_id: clientId }, _by: unknown, { logos }: Services) => {
    const { uri, isShown, stored } = await logos.fetchNow(clientId);
    return {
      client_id: clientId,
      logo_uri: uri,
      shown: isShown,
      fetched_at: stored?.fetched_at?.toISOString() ?? null,
      next_fetch_at: stored?.due_at.toISOString() ?? null,
      failures: stored?.failures ?? 0,
      problem: stored?.problem ?? null,
    };
  },
});

export const brandingOperations = [updateLogo, updateStylesheet, updateBrandOfClient, fetchClientLogo];
