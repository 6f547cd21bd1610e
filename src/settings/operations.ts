import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { settingInvalid } from './errors.ts';
import { instance } from './policies.ts';
import type { SettingsService } from './settings-service.ts';
import { settingChanged } from './events.ts';

type Services = { settings: Pick<SettingsService, 'for' | 'set'> };

const sectionsSchema = z.record(z.string(), z.record(z.string(), z.unknown()));

const listSettings = operation({
  name: 'settings.list',
  permission: 'settings.read',
  output: sectionsSchema,
  description: 'Show all settings by section.',
  command: { words: 'settings list' },
  run: async (_given, _by: By, { settings }: Services) => settings.for(instance),
});

const updateSetting = operation({
  name: 'settings.update',
  permission: 'settings.manage',
  params: { name: z.string().describe('Section and member, such as oidc.registration') },
  input: z.strictObject({ value: z.unknown().describe('Value, as JSON or as a plain word; null for the default') }),
  output: sectionsSchema,
  errors: [settingInvalid],
  event: settingChanged,
  description: 'Change one setting, which is named by its section and member, such as oidc.registration.',
  example: { value: 'open' },
  command: {
    words: 'settings set',
    arguments: { name: { flags: '<name>' }, value: { flags: '<value>', read: jsonOrWord } },
  },
  run: async ({ name, value }, by: By, { settings }: Services) => settings.set(name, value, by),
});

/** A value on the command line: JSON, or else a plain word. */
export function jsonOrWord(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const settingsOperations = [listSettings, updateSetting];
