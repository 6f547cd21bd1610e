import type { Pool } from 'pg';

/** `timestamptz` and its array, as pg_type numbers them. */
const TIMESTAMPTZ = 1184;
const TIMESTAMPTZ_ARRAY = 1185;

type Parser = (text: string) => unknown;
type Types = { getTypeParser(oid: number, format?: string): Parser; setTypeParser(oid: number, parser: Parser): void };

/**
 * Rows of plain SQL hold dates, as they do on the embedded database: the mapper has the driver leave them as text. JSON is a
 * value on both.
 */
export function readTimes(pool: Pool): void {
  const { types } = pool.options as unknown as { types: Types };
  const elements = types.getTypeParser(TIMESTAMPTZ_ARRAY);
  types.setTypeParser(TIMESTAMPTZ, (text) => new Date(text));
  types.setTypeParser(TIMESTAMPTZ_ARRAY, (text) =>
    (elements(text) as (string | null)[]).map((element) => (element === null ? null : new Date(element))),
  );
}
