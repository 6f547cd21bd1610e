import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sections } from '#settings/policies.ts';
import { settingsPage, shownSettings } from '../../docs/write-settings.ts';

test('docs/settings.md shows every setting (npm run docs:settings writes it again)', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/settings.md'), 'utf8');
  expect(page).toBe(settingsPage());
});

/** A certificate is too long for a table. */
const without: readonly string[] = ['passkeys.attestationRoots'];

test.each(shownSettings())(
  '$name has a meaning, and an example that it takes',
  ({ name, section, meaning, example, ...setting }) => {
    expect(meaning).toMatch(/^[A-Z`].{10,}\.$/s);
    const shape: Readonly<Record<string, { safeParse(value: unknown): { error?: unknown } }>> = sections[section].shape;
    expect(shape[name.split('.')[1]!]!.safeParse(example).error).toBeUndefined();
    if (!without.includes(name)) expect(example).not.toEqual(setting.default);
  },
);
