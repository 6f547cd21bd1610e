import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/where.md'), 'utf8');
const rows = [...page.matchAll(/^\| ([^|]+\?) \| `([^`|]+)` \|$/gm)].map(([, question, file]) => ({
  question,
  file: file!,
}));

/** About two screens: a longer group is one that nobody reads to its end. */
const MOST_IN_GROUP = 20;

test('docs/where.md answers questions, each once, in groups that can be read at a glance', () => {
  const asked = rows.map(({ question }) => question);
  expect(asked.filter((question, at) => asked.indexOf(question) !== at)).toEqual([]);
  expect([...page.matchAll(/^\| [^|]+\? \|/gm)]).toHaveLength(rows.length);
  const long = page.split(/^## /m).filter((group) => [...group.matchAll(/\? \| `/g)].length > MOST_IN_GROUP);
  expect(long.map((group) => group.split('\n')[0])).toEqual([]);
});

test('each answer is a file of src, and no file answers two questions', () => {
  const files = rows.map(({ file }) => file);
  expect(files.filter((file) => !file.startsWith('src/') || !existsSync(join(root, file)))).toEqual([]);
  expect(files.filter((file, at) => files.indexOf(file) !== at)).toEqual([]);
});
