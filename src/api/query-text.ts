import { z } from 'zod';

type Reader = (text: string) => unknown;

const readers: Readonly<Record<string, Reader>> = {
  integer: (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : text),
  number: (text) => (/^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : text),
  boolean: (text) => (text === 'true' || text === 'false' ? text === 'true' : text),
};

/**
 * Converts the text of query members to the types of the schema: numbers and booleans. Other text stays text,
 * for the schema to refuse.
 */
export function queryReader(
  schema: z.ZodObject,
): (query: Readonly<Record<string, unknown>>) => Record<string, unknown> {
  /** Made for the first query: to describe all operations takes a sixth of the start. */
  let typed: ReadonlyMap<string, unknown> | undefined;
  return (query) =>
    Object.fromEntries(
      Object.entries(query).map(([name, text]) => {
        const read = readers[String((typed ??= typesOf(schema)).get(name))];
        return [name, read && typeof text === 'string' ? read(text) : text];
      }),
    );
}

/** The kind of value of each member, as JSON Schema names it. */
function typesOf(schema: z.ZodObject): ReadonlyMap<string, unknown> {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return new Map(
    Object.entries(properties).map(([name, property]) => [
      name,
      typeof property === 'object' ? property.type : undefined,
    ]),
  );
}
