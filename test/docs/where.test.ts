import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/where.md'), 'utf8');
const rows = [...page.matchAll(/^\| ([^|]+\?) \| `([^`|]+)` \|$/gm)].map(([, question, file]) => ({
  question,
  file: file!,
}));

test('docs/where.md answers sixty questions, each once', () => {
  expect(new Set(rows.map(({ question }) => question)).size).toBe(60);
  expect(rows).toHaveLength(60);
});

test('each answer is a file of src, and no file answers two questions', () => {
  expect(rows.filter(({ file }) => !file.startsWith('src/') || !existsSync(join(root, file)))).toEqual([]);
  expect(new Set(rows.map(({ file }) => file)).size).toBe(60);
});
