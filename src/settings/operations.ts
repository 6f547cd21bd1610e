import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { settingInvalid, settingNotFound } from './errors.ts';
import { instance, type Section, sections } from './policies.ts';
import { settingSchema, settingsOnWire } from './setting-wire.ts';
import type { SettingsService } from './settings-service.ts';
import { settingChanged } from './events.ts';

type Services = { settings: Pick<SettingsService, 'for' | 'set'> };

const params = { name: z.string().max(128).describe('Section and member, such as oidc.registration') };
const sectionNames = Object.keys(sections) as [Section, ...Section[]];

const listSettings = listOperation({
  name: 'settings.list',
  permission: 'settings.read',
  filters: {
    section: z.enum(sectionNames).optional().describe('Only settings of this section'),
    changed: z
      .boolean()
      .optional()
      .describe('Only settings whose value is another than the default, or is the default'),
  },
  sorts: ['name'],
  items: 'settings',
  item: settingSchema,
  description: 'List all settings by name, each with its value, its default and its meaning.',
  example: { section: 'oidc' },
  command: { words: 'settings list' },
  run: async ({ section, changed }, page, _by: By, { settings }: Services) => {
    const found = settingsOnWire(settings.for(instance)).filter(
      (setting) =>
        (section === undefined || setting.section === section) &&
        (changed === undefined || setting.is_default === !changed),
    );
    return pageOfAll(found, page, ({ name }) => name);
  },
});

const readSetting = operation({
  name: 'settings.read',
  permission: 'settings.read',
  params,
  output: settingSchema,
  errors: [settingNotFound],
  description: 'Show one setting with its value, its default and its meaning.',
  command: { words: 'settings show' },
  run: async ({ name }, _by: By, { settings }: Services) => shown(name, settings),
});

const updateSetting = operation({
  name: 'settings.update',
  permission: 'settings.manage',
  params,
  input: z.strictObject({ value: z.unknown().describe('Value, as JSON or as a plain word; null for the default') }),
  output: settingSchema,
  errors: [settingNotFound, settingInvalid],
  event: settingChanged,
  description: 'Change one setting, which is named by its section and member, such as oidc.registration.',
  example: { value: 'open' },
  command: {
    words: 'settings set',
    arguments: { name: { flags: '<name>' }, value: { flags: '<value>', read: jsonOrWord } },
  },
  run: async ({ name, value }, by: By, { settings }: Services) => {
    await settings.set(name, value, by);
    return shown(name, settings);
  },
});

const resetSetting = operation({
  name: 'settings.reset',
  permission: 'settings.manage',
  params,
  output: settingSchema,
  errors: [settingNotFound, settingInvalid],
  event: settingChanged,
  description: 'Set one setting back to its default.',
  command: { words: 'settings reset' },
  run: async ({ name }, by: By, { settings }: Services) => {
    await settings.set(name, null, by);
    return shown(name, settings);
  },
});

function shown(name: string, settings: Services['settings']): z.output<typeof settingSchema> {
  const found = settingsOnWire(settings.for(instance)).find((setting) => setting.name === name);
  if (!found) throw settingNotFound(name);
  return found;
}

/** A value on the command line: JSON, or else a plain word. */
export function jsonOrWord(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const settingsOperations = [listSettings, readSetting, updateSetting, resetSetting];
