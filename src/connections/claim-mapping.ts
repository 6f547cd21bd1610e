import type { ProvidedValue } from '#directory/users/module.ts';
import { LONGEST_PROPERTY } from './limits.ts';
import { type ClaimMapping, type Claims, membersOf } from './providers/provider.ts';

/** Claims under their standard names, where a connection reads them from others. */
export function mapped(claims: Claims, mapping: ClaimMapping = {}): Claims {
  const renamed = Object.entries(mapping).map(([member, name]) => [member, valueAt(claims, name)]);
  return { ...claims, ...Object.fromEntries(renamed) };
}

/** The claim of this name, which may be a URL with dots; else the member along a path such as `data.user.id`. */
export function valueAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name as keyof Claims];
  let value: unknown = claims;
  for (const member of name.split('.')) {
    const members = membersOf(value);
    if (!Object.hasOwn(members, member)) return undefined;
    value = members[member];
  }
  return value;
}

/**
 * Custom properties, where the connection reads some. A list of one value counts as the value; what is nested, too long or several values
 * is null, and a claim that is not there is left out.
 */
export function propertiesOf(
  mapping: Readonly<Record<string, string>> = {},
  valueOf: (name: string) => unknown,
): Record<string, ProvidedValue> {
  return Object.fromEntries(
    Object.entries(mapping)
      .map(([property, name]) => [property, valueOf(name)] as const)
      .filter(([, value]) => value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0))
      .map(([property, value]) => [property, bounded(value)]),
  );
}

function bounded(value: unknown): ProvidedValue {
  const single: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof single === 'number' || typeof single === 'boolean') return single;
  return typeof single === 'string' && single.length <= LONGEST_PROPERTY ? single : null;
}

/** Claims as texts, for the test of a connection. */
export const written = (claims: Claims): { name: string; values: string[] }[] =>
  Object.entries(claims).map(([name, value]) => ({
    name,
    values: [typeof value === 'string' ? value : (JSON.stringify(value) ?? '')],
  }));

/** Without the members that are undefined. */
export const definedOf = <Value>(members: Readonly<Record<string, Value | undefined>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(members).filter((entry): entry is [string, Value] => entry[1] !== undefined));
