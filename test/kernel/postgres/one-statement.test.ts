import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { oneStatement, type Part } from '#kernel/postgres/one-statement.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
  await database.sql('create table act (name text primary key, times int not null)');
});
afterAll(() => database.close());
beforeEach(() => database.sql(`truncate act`));

const row = (name: string): Part => ({
  name,
  values: [name],
  text: (at, only) => `${name} as (insert into act select ${at(0)}::text, 1 where ${only} returning name)`,
});
const found = (name: string, wanted: string): Part => ({
  name,
  values: [wanted],
  text: (at, only) => `${name} as (select 1 from act where name = ${at(0)}::text and ${only} for share skip locked)`,
});
const run = async (act: Parameters<typeof oneStatement>[0]): Promise<unknown[]> => {
  const { text, values } = oneStatement(act);
  return database.sql(text, values);
};
const written = async (): Promise<string[]> =>
  (await database.sql<{ name: string }>('select name from act order by name')).map(({ name }) => name);

test('all parts are written, and the deciding one returns its rows', async () => {
  expect(await run({ conditions: [], decision: row('decided'), others: [row('one'), row('two')] })).toEqual([
    { name: 'decided' },
  ]);
  expect(await written()).toEqual(['decided', 'one', 'two']);
});

test('nothing is written when a condition is false', async () => {
  const act = { conditions: [found('there', 'lock')], decision: row('decided'), others: [row('one')] };
  expect(await run(act)).toEqual([]);
  expect(await written()).toEqual([]);
  await database.sql(`insert into act values ('lock', 1)`);
  expect(await run({ ...act, lock: found('locked', 'lock') })).toEqual([{ name: 'decided' }]);
});

test('a lock without a row blocks nothing', async () => {
  expect(await run({ lock: found('locked', 'nothing'), conditions: [], decision: row('decided'), others: [] })).toEqual(
    [{ name: 'decided' }],
  );
});

test('nothing is written when one part fails', async () => {
  await database.sql(`insert into act values ('one', 1)`);
  await expect(run({ conditions: [], decision: row('decided'), others: [row('one')] })).rejects.toThrow();
  expect(await written()).toEqual(['one']);
});
