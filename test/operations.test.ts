/** Rules for every operation of every slice. */
import { describe, expect, test } from 'vitest';
import { permissions } from '#access/module.ts';
import { operations } from '../src/app/operations.ts';

const named = operations.map((operation) => ({ name: operation.name, operation }));
const readingVerbs = ['list', 'read', 'verify'];

test('names are unique', () => {
  const names = operations.map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

describe.each(named)('$name', ({ name, operation }) => {
  test('is named by its object and a verb', () => {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)+$/);
  });

  test('asks for a permission that exists', () => {
    expect(Object.keys(permissions)).toContain(operation.permission);
  });

  test('is described in sentences, and so is each of its members', () => {
    expect(operation.description).toMatch(/^[A-Z][^]*[\w)]\.$/);
    for (const [member, schema] of Object.entries(operation.input.shape))
      expect(schema.description, member).toMatch(/^[A-Z“"].*[^.]$/);
  });

  test('names errors of different codes', () => {
    const codes = operation.errors.map(({ code }) => code);
    expect(codes).toEqual([...new Set(codes)]);
    for (const { code, status } of operation.errors) expect(code, String(status)).toMatch(/^[a-z]+\.[a-z_]+$/);
  });

  test('has an example where it takes members, which its schema takes', () => {
    if (Object.keys(operation.input.shape).length > 0) expect(operation.example).toBeDefined();
    expect(operation.input.safeParse(operation.example ?? {}).error).toBeUndefined();
  });

  test('has no member both in the path and in the body', () => {
    const inPath = Object.keys(operation.params.shape);
    expect(Object.keys(operation.input.shape).filter((member) => inPath.includes(member))).toEqual([]);
  });

  test('manages when it changes something, and reads when it does not', () => {
    const reads = readingVerbs.includes(name.split('.').at(-1)!);
    expect(operation.permission).toMatch(reads ? /\.read$/ : /\.(manage|export|migrate)$/);
  });
});
