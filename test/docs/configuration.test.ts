import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configSchema } from '#kernel/config.ts';
import { configurationPage } from '../../docs/write-configuration.ts';

test('docs/configuration.md matches the schema (npm run docs:configuration writes it again)', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
  expect(page).toBe(configurationPage());
});

test.each(Object.entries(configSchema.shape))('%s has a description', (_name, schema) => {
  expect(schema.description).toMatch(/^[A-Z].{10,}\.$/s);
});
