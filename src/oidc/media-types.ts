/**
 * Whether `typ` in the header of a JWT names one of the media types. They compare without case, and `application/` may stand before a name
 * without a slash (RFC 7515 §4.1.9, RFC 2045 §5.1). An absent `typ` is given as undefined.
 */
export function isOfType(typ: unknown, ...types: readonly (string | undefined)[]): boolean {
  if (typ === undefined) return types.includes(undefined);
  return typeof typ === 'string' && types.some((type) => type !== undefined && fullNameOf(type) === fullNameOf(typ));
}

function fullNameOf(type: string): string {
  const name = type.toLowerCase();
  return name.includes('/') ? name : `application/${name}`;
}
