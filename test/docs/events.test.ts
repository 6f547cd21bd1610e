import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventsPage } from '../../docs/write-events.ts';

test('docs/events.md shows the catalogue of event types (npm run docs:events writes it again)', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/events.md'), 'utf8');
  expect(page).toBe(eventsPage());
});
