import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandsPage } from '../../docs/write-commands.ts';

test('docs/commands.md shows every command as its help does (npm run docs:commands writes it again)', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/commands.md'), 'utf8');
  expect(page).toBe(commandsPage());
});
