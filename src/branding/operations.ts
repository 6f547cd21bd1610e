import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import type { SettingsService } from '#settings/module.ts';
import { instance } from '#settings/policies.ts';
import type { BrandService } from './brand-service.ts';
import { clientUnknown, logoRefused, stylesheetRefused } from './errors.ts';
import { brandChanged } from './events.ts';
import { kindOf } from './logo.ts';

type Services = {
  brands: Pick<BrandService, 'changeFile' | 'changeOfClient' | 'stored'>;
  settings: Pick<SettingsService, 'for'>;
};

const fileSchema = z.base64('must be a file in base64, or null').nullable();
const outcome = z.enum(['changed', 'removed']);
const outcomeOf = (content: string | null): z.output<typeof outcome> => (content === null ? 'removed' : 'changed');
const bytes = (content: string | null): Buffer | null => (content === null ? null : Buffer.from(content, 'base64'));

const fileKind = z.enum(['png', 'jpg', 'webp', 'svg']);
const fileInfo = z.strictObject({ type: fileKind, size: z.int().describe('In bytes') }).nullable();
const choice = z.record(z.string(), z.unknown()).describe('Members such as color, named as in the settings');
const dark = z.boolean().default(false).describe('The logo for dark pages');
const ofClient = z.string().max(255).optional().describe('Client of the logo; by default the instance');

const infoOf = (file: Buffer | null): z.output<typeof fileInfo> => {
  const type = file && kindOf(file);
  return file && type ? { type, size: file.length } : null;
};

const readBranding = operation({
  name: 'branding.read',
  permission: 'settings.read',
  output: z.strictObject({
    choice,
    logo: fileInfo,
    dark_logo: fileInfo,
    stylesheet: z.strictObject({ size: z.int().describe('In bytes') }).nullable(),
  }),
  description: 'Show the brand of the instance: its choices, which are settings, and which files it has.',
  run: async (_given, _by: By, { brands, settings }: Services) => {
    const { logo, darkLogo, stylesheet } = await brands.stored(null);
    return {
      choice: settings.for(instance).branding,
      logo: infoOf(logo),
      dark_logo: infoOf(darkLogo),
      stylesheet: stylesheet === null ? null : { size: Buffer.byteLength(stylesheet) },
    };
  },
});

const readLogoFile = operation({
  name: 'branding.logo.read',
  permission: 'settings.read',
  input: z.strictObject({ dark, client_id: ofClient }),
  output: z.strictObject({
    type: fileKind.nullable().describe('Null where there is no logo'),
    content: z.string().nullable().describe('The file in base64'),
  }),
  errors: [clientUnknown],
  description: 'Show the logo of the instance or of a client.',
  example: { dark: true },
  command: { words: 'branding show-logo' },
  run: async ({ dark: isDark, client_id: owner = null }, _by: By, { brands }: Services) => {
    const { logo, darkLogo } = await brands.stored(owner);
    const file = isDark ? darkLogo : logo;
    return { type: file && kindOf(file), content: file && file.toString('base64') };
  },
});

const updateLogo = operation({
  name: 'branding.logo.update',
  permission: 'branding.manage',
  input: z.strictObject({
    content: fileSchema.describe('PNG, JPEG, WebP or SVG file in base64, at most 256 KB; null to remove the logo'),
    dark,
    client_id: ofClient,
  }),
  output: z.strictObject({ logo: outcome }),
  errors: [logoRefused, clientUnknown],
  event: brandChanged,
  description: 'Set or remove the logo: a PNG, JPEG, WebP or SVG file of at most 256 KB.',
  example: { content: 'PHN2Zy8+' },
  command: { words: 'branding logo', file: 'content' },
  run: async ({ content, dark: isDark, client_id: owner }, by: By, { brands }: Services) => {
    const logo = bytes(content);
    await brands.changeFile(owner ?? null, isDark ? { darkLogo: logo } : { logo }, by);
    return { logo: outcomeOf(content) };
  },
});

const deleteLogo = operation({
  name: 'branding.logo.delete',
  permission: 'branding.manage',
  input: z.strictObject({ dark, client_id: ofClient }),
  output: z.strictObject({ logo: z.literal('removed') }),
  errors: [clientUnknown],
  event: brandChanged,
  description: 'Remove the logo of the instance or of a client.',
  example: { dark: true },
  command: { words: 'branding remove-logo' },
  run: async ({ dark: isDark, client_id: owner }, by: By, { brands }: Services) => {
    await brands.changeFile(owner ?? null, isDark ? { darkLogo: null } : { logo: null }, by);
    return { logo: 'removed' as const };
  },
});

const readStylesheetFile = operation({
  name: 'branding.stylesheet.read',
  permission: 'settings.read',
  output: z.strictObject({ content: z.string().nullable().describe('The file in base64; null where there is none') }),
  description: 'Show the custom CSS.',
  command: { words: 'branding show-stylesheet' },
  run: async (_given, _by: By, { brands }: Services) => {
    const { stylesheet } = await brands.stored(null);
    return { content: stylesheet === null ? null : Buffer.from(stylesheet).toString('base64') };
  },
});

const deleteStylesheet = operation({
  name: 'branding.stylesheet.delete',
  permission: 'branding.manage',
  output: z.strictObject({ stylesheet: z.literal('removed') }),
  event: brandChanged,
  description: 'Remove the custom CSS.',
  command: { words: 'branding remove-stylesheet' },
  run: async (_given, by: By, { brands }: Services) => {
    await brands.changeFile(null, { stylesheet: null }, by);
    return { stylesheet: 'removed' as const };
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

export const brandingOperations = [
  readBranding,
  readLogoFile,
  updateLogo,
  deleteLogo,
  readStylesheetFile,
  updateStylesheet,
  deleteStylesheet,
];
