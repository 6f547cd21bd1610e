import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownMembers } from '#applications/clients/module.ts';
import { presetNames } from '#applications/clients/client-presets.ts';
import { sections } from '#settings/module.ts';

const page = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/clients.md'), 'utf8');
const [, section = ''] = page.split("\n## Members of Latchkey's own\n");
const rowsOf = (text: string) =>
  text
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
const rows = rowsOf(section);

describe("the table of Latchkey's own members of clients (docs/clients.md)", () => {
  test('has one row for each member, in order of the alphabet', () => {
    expect(rows.map(([, member]) => member)).toEqual(ownMembers.map((member) => `\`${member}\``).toSorted());
  });

  test.each(rows)('%s%s has a default, who needs it, and what it gives up', (...cells) => {
    expect(cells).toHaveLength(6);
    expect(cells.slice(2, 5).filter((cell) => cell.length < 4)).toEqual([]);
  });

  test('the setting oidc.registrationMembers names members that exist', () => {
    const { element } = sections.oidc.shape.registrationMembers.unwrap();
    expect(element.options.filter((name) => !ownMembers.includes(name))).toEqual([]);
  });
});

test('the table of presets names each preset (docs/clients.md)', () => {
  const presets = rowsOf(page.split('\n## Presets\n')[1] ?? '').map(([, preset]) => preset);
  expect(presets).toEqual(presetNames.map((name) => `\`${name}\``));
});
