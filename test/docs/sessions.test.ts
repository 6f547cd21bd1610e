import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sessionsPage } from '../../docs/write-sessions.ts';

test('docs/sessions.md matches the table of access revocation (npm run docs:sessions writes it again)', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/sessions.md'), 'utf8');
  expect(page).toBe(sessionsPage());
});
