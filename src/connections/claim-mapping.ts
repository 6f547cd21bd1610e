import { type ClaimMapping, type Claims, membersOf } from './providers/provider.ts';

/** Claims under their standard names, where a connection reads them from others. */
export function mapped(claims: Claims, mapping: ClaimMapping = {}): Claims {
  const renamed = Object.entries(mapping).map(([member, name]) => [member, valueAt(claims, name)]);
  return { ...claims, ...Object.fromEntries(renamed) };
}

/** The claim of this name, which may be a URL with dots; else the member along a path such as `data.user.id`. */
function valueAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name as keyof Claims];
  let value: unknown = claims;
  for (const member of name.split('.')) {
    const members = membersOf(value);
    if (!Object.hasOwn(members, member)) return undefined;
    value = members[member];
  }
  return value;
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
