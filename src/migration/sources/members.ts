/** Members of an untrusted record: a member of the wrong type counts as missing. */
export type Members = Readonly<Record<string, unknown>>;

/** Whether an untrusted value is an object and not an array. */
export const isObject = (value: unknown): value is Members =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
/** The object member `name`; an empty object for another type. */
export const objectIn = (record: Members, name: string): Members => (isObject(record[name]) ? record[name] : {});
/** The objects in the list member `name`; other values are dropped. */
export const objectsIn = (record: Members, name: string): Members[] =>
  Array.isArray(record[name]) ? record[name].filter(isObject) : [];
/** The text member `name`; undefined if it is empty or of another type. */
export const textIn = (record: Members, name: string): string | undefined => {
  const value = record[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** A member that holds JSON as text, or the object itself. */
export function jsonIn(record: Members, name: string): Members {
  const text = record[name];
  if (typeof text !== 'string') return objectIn(record, name);
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** Milliseconds since 1970, as number or text. */
export function instantOf(milliseconds: unknown): string | undefined {
  const date = new Date(Number(milliseconds ?? Number.NaN));
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** A boolean, or its text; another value stays as it is, and is refused later with its reason. */
export function booleanOf(value: unknown): unknown {
  return typeof value === 'string' ? ({ true: true, false: false }[value.trim().toLowerCase()] ?? value) : value;
}
