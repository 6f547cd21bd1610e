/** Rules for every operation of every slice. */
import { describe, expect, test } from 'vitest';
import { apiScopes } from '#directory/access/module.ts';
import { operations } from '../src/app/operations.ts';
import { eventTypes } from '../src/app/event-types.ts';

const named = operations.map((operation) => ({ name: operation.name, operation }));
const readingVerbs = ['list', 'read', 'verify', 'checkpoint', 'preview_claims', 'check', 'check_batch', 'explain'];
/** Operations that change nothing that an event would tell of. */
const unrecorded = ['database.migrate', 'keys.reencrypt', 'branding.client_logos.fetch'];

test('names are unique', () => {
  const names = operations.map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

describe.each(named)('$name', ({ name, operation }) => {
  test('has a name of an object and a verb', () => {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)+$/);
  });

  test('requires an existing permission', () => {
    expect(Object.keys(apiScopes)).toContain(operation.permission);
  });

  test('has a description, and so has each of its members', () => {
    expect(operation.description).toMatch(/^[A-Z][^]*[\w)]\.$/);
    for (const [member, schema] of Object.entries(operation.input.shape))
      expect(schema.description, member).toMatch(/^[A-Z“"].*[^.]$/);
  });

  test('lists errors with different codes', () => {
    const codes = operation.errors.map(({ code }) => code);
    expect(codes).toEqual([...new Set(codes)]);
    for (const { code, status } of operation.errors) expect(code, String(status)).toMatch(/^[a-z]+\.[a-z_]+$/);
  });

  test('has a valid example if it takes members', () => {
    if (Object.keys(operation.input.shape).length > 0) expect(operation.example).toEqual(expect.any(Object));
    expect(operation.input.safeParse(operation.example ?? {}).error).toBeUndefined();
  });

  test('has no member in both the path and the body', () => {
    const inPath = Object.keys(operation.params.shape);
    expect(Object.keys(operation.input.shape).filter((member) => inPath.includes(member))).toEqual([]);
  });

  test('records an event of the catalogue if it changes something, else none', () => {
    const reads = readingVerbs.includes(name.split('.').at(-1)!) || unrecorded.includes(name);
    expect(operation.event !== null).toBe(!reads);
    if (operation.event !== null) expect(eventTypes).toContain(operation.event);
  });

  test('needs a manage permission if it changes something, else a read permission', () => {
    const reads = readingVerbs.includes(name.split('.').at(-1)!);
    expect(operation.permission).toMatch(reads ? /\.(read|check)$/ : /\.(manage|create|close|export|migrate)$/);
  });
});
