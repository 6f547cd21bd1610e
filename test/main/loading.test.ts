/** Files that the command line loads before it knows the command: help must not wait for the product. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { expect, test } from 'vitest';

const src = resolve(import.meta.dirname, '../../src');

/** Packages and files that a file loads, directly and indirectly, without dynamic imports. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const { module } = parseSync(file, readFileSync(join(src, file), 'utf8'));
  const values = [
    ...module.staticImports
      .filter(({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType))
      .map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) => (moduleRequest && !isType ? [moduleRequest.value] : [])),
    ),
  ];
  for (const name of values) {
    const path = name.startsWith('#') ? name.slice(1) : relative(src, resolve(src, dirname(file), name));
    if (/^[#.]/.test(name) && existsSync(join(src, path))) loadedBy(path, seen);
    else if (!name.startsWith('node:')) seen.add(name);
  }
  return seen;
}

const loaded = [...loadedBy('main/cli.ts')];

test('is a few packages, and no database driver, engine or web framework among them', () => {
  expect(loaded.filter((name) => !name.endsWith('.ts')).sort()).toEqual(['commander', 'pino', 'typeid-js', 'zod']);
});

test('is no service and no door of a slice', () => {
  expect(loaded.filter((name) => /(-service|(^|\/)module|^app\/(?!operations)[a-z-]+)\.ts$/.test(name))).toEqual([]);
});

test('the protocol library for identity providers is loaded by the first sign-in that needs it', () => {
  expect([...loadedBy('connections/module.ts')]).not.toContain('openid-client');
});
