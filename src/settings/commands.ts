import { operator } from '#audit/module.ts';
import { settingInvalid } from './errors.ts';
import { sections, type Section } from './policies.ts';
import { instance } from './policy-subject.ts';
import type { SettingsService } from './settings-service.ts';

/** `settings list` and `settings set SECTION.NAME VALUE`; the value is JSON, or a plain word. */
export function settingsCommands(settings: SettingsService) {
  return {
    'settings.list': async () => settings.for(instance),
    async 'settings.set'({ name, value }: { name: string; value: string }) {
      const [section = '', member = '', ...rest] = name.split('.');
      if (!Object.hasOwn(sections, section) || member === '' || rest.length > 0)
        throw settingInvalid(`There is no setting ${name}. settings list shows them all.`);
      return { [section]: await settings.change(section as Section, { [member]: parsed(value) }, operator) };
    },
  };
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
