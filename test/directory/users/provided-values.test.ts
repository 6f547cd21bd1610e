/** Values of an identity provider for custom properties: a value that fits its type, or nothing. */
import { describe, expect, test } from 'vitest';
import { fitted, type ProvidedValue } from '../../../src/directory/users/property-fields.ts';
import type { Property } from '#settings/module.ts';

const property = (type: Property['type'], more: Partial<Property> = {}): Property => ({
  name: 'it',
  label: 'It',
  type,
  required: false,
  visibility: 'user',
  editable: 'user',
  registration: false,
  ...more,
});
const plan = property('choice', { choices: [{ value: 'pro', label: 'Pro' }] });

const rows: readonly [Property, ProvidedValue, string | number | boolean | undefined][] = [
  [property('text'), ' Research & Development ', 'Research & Development'],
  [property('text'), 7, '7'],
  [property('text'), true, 'true'],
  [property('text'), '', undefined],
  [property('text'), null, undefined],
  [property('text'), 'a'.repeat(256), 'a'.repeat(256)],
  [property('text'), 'a'.repeat(257), undefined],
  [property('text', { maxLength: 4 }), 'Sales', undefined],
  [property('text'), '<script>alert(1)</script>', undefined],
  [property('text'), 'x<!-- -->', undefined],
  [property('text'), '1 < 2', '1 < 2'],
  [property('text'), 'a\u0000b\u202e', 'ab'],
  [property('number'), 42, 42],
  [property('number'), '4.5', 4.5],
  [property('number'), Number.NaN, undefined],
  [property('number'), Number.POSITIVE_INFINITY, undefined],
  [property('number'), 'many', undefined],
  [property('number'), true, undefined],
  [property('boolean'), false, false],
  [property('boolean'), 'true', true],
  [property('boolean'), '0', false],
  [property('boolean'), 1, true],
  [property('boolean'), 'yes', undefined],
  [property('boolean'), 'constructor', undefined],
  [property('date'), '2026-03-04', '2026-03-04'],
  [property('date'), '2026-02-30', undefined],
  [property('date'), '4 March', undefined],
  [plan, 'pro', 'pro'],
  [plan, 'free', undefined],
  [property('url'), 'https://acme.example/a', 'https://acme.example/a'],
  [property('url'), 'javascript:alert(1)', undefined],
];

describe('a provided value', () => {
  test.each(rows)('%j: %j becomes %j', (of, value, expected) => {
    expect(fitted(of, value)).toBe(expected);
  });
});
