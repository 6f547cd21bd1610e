/** The values of SQL rows: the same on both databases, by `sql` and inside a transaction. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const text = `select '{"a":[1,"2026-01-02T03:04:05Z"]}'::jsonb as object, '"x"'::jsonb as text, '[1]'::json as list, 'null'::jsonb as json_null,
  timestamptz '2026-01-02 05:04:05.678+02' as moment, null::timestamptz as never,
  array[timestamptz '2026-01-02T03:04:05.678Z', null] as moments`;
const moment = new Date('2026-01-02T03:04:05.678Z');
const row = {
  object: { a: [1, '2026-01-02T03:04:05Z'] },
  text: 'x',
  list: [1],
  json_null: null,
  moment,
  never: null,
  moments: [moment, null],
};

test('JSON is a value and a timestamp is a date', async () => {
  expect(await database.sql(text)).toEqual([row]);
  expect(await database.transaction((em) => em.execute(text))).toEqual([row]);
  expect(await database.em().execute(text)).toEqual([row]);
});
