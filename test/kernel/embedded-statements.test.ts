import type { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { prepareStatements } from '#kernel/embedded-statements.ts';
import { openPglite } from '../support/database.ts';

let pglite: PGlite;
beforeEach(async () => {
  pglite = await openPglite();
  prepareStatements(pglite);
  await pglite.exec(
    `create table thing (id int primary key, name text); insert into thing values (1, 'one'), (2, 'two')`,
  );
});
afterEach(() => pglite.close());

const byId = async (id: unknown) => (await pglite.query('select * from thing where id = $1', [id])).rows;
const prepared = async () =>
  (await pglite.query<{ many: number }>('select count(*)::int as many from pg_prepared_statements')).rows[0]!.many;

describe('statements of the embedded engine', () => {
  test('are prepared once and answer as before', async () => {
    await byId(1);
    const before = await prepared();
    expect(await byId(2)).toEqual([{ id: 2, name: 'two' }]);
    expect(await byId(3)).toEqual([]);
    expect(await byId(null)).toEqual([]);
    expect(await pglite.query(`update thing set name = $1 where id > $2`, ['all', 0])).toMatchObject({
      affectedRows: 2,
      rows: [],
    });
    expect(await prepared()).toBe(before + 1);
  });

  test.each([
    ['a column is added', `alter table thing add column more int default 7`, 1, { id: 1, name: 'one', more: 7 }],
    ['a column has another type', `alter table thing alter column id type text`, '1', { id: '1', name: 'one' }],
    ['the table is another one', `drop table thing; create table thing (id date)`, new Date(0), undefined],
    ['they are forgotten', 'deallocate all', 1, { id: 1, name: 'one' }],
    ['they are forgotten with the session', 'discard all', 1, { id: 1, name: 'one' }],
  ])('are prepared again when %s', async (_what, change, id, row) => {
    for (let i = 0; i < 10; i += 1) await byId(1);
    await pglite.exec(change);
    expect(await byId(id)).toEqual(row ? [row] : []);
  });

  test('are prepared again when a change of the schema is rolled back', async () => {
    await expect(
      pglite.transaction(async (tx) => {
        await tx.query(`alter table thing alter column id type text`);
        expect((await tx.query('select * from thing where id = $1', ['1'])).rows).toEqual([{ id: '1', name: 'one' }]);
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await byId(1)).toEqual([{ id: 1, name: 'one' }]);
  });

  test.each([
    ['syntax', 'selekt $1', [1], '42601'],
    ['a name', 'select missing from thing where id = $1', [1], '42703'],
    ['a value that does not fit', 'select * from thing where id = $1', ['x'], '22P02'],
    ['a row that is there', 'insert into thing values ($1)', [1], '23505'],
  ])('that fail for %s say so, each time, and leave the next ones alone', async (_what, text, values, code) => {
    for (let i = 0; i < 3; i += 1) {
      await expect(pglite.query(text, values)).rejects.toMatchObject({ code, query: text, params: values });
      expect(await byId(1)).toHaveLength(1);
    }
  });

  test('that fail in a transaction spoil it until its end, and nothing after it', async () => {
    await byId(1);
    await expect(
      pglite.transaction(async (tx) => {
        await tx.query('insert into thing values ($1, $2)', [3, 'three']);
        await expect(tx.query('insert into thing values ($1, $2)', [3, 'three'])).rejects.toMatchObject({
          code: '23505',
        });
        await tx.query('select * from thing where id = $1', [1]);
      }),
    ).rejects.toMatchObject({ code: '25P02' });
    expect(await byId(3)).toEqual([]);
    expect(await byId(1)).toHaveLength(1);
  });

  test('go on after a savepoint', async () => {
    await pglite.transaction(async (tx) => {
      await tx.query('savepoint here');
      await expect(tx.query('insert into thing values ($1)', [1])).rejects.toMatchObject({ code: '23505' });
      await tx.query('rollback to savepoint here');
      await tx.query('insert into thing values ($1)', [4]);
    });
    expect(await byId(4)).toHaveLength(1);
  });

  test('are closed when there are many', async () => {
    for (let i = 0; i < 320; i += 1) await pglite.query(`select $1::int + ${i} as sum`, [i]);
    expect(await prepared()).toBeLessThanOrEqual(300);
    expect((await pglite.query('select $1::int + 0 as sum', [5])).rows).toEqual([{ sum: 5 }]);
  });

  test('without parameters are not kept', async () => {
    const before = await prepared();
    for (let i = 0; i < 3; i += 1)
      expect((await pglite.query(`select * from thing where id = ${i}`)).rows).toHaveLength(i > 0 ? 1 : 0);
    expect(await prepared()).toBe(before);
    await expect(pglite.query('select missing from thing')).rejects.toMatchObject({ code: '42703' });
    const { resultFields } = await pglite.describeQuery('select * from thing');
    expect(resultFields.map((field) => field.name)).toEqual(['id', 'name']);
    await expect(pglite.describeQuery('select missing from thing')).rejects.toMatchObject({ code: '42703' });
    expect(await byId(1)).toHaveLength(1);
  });

  test('may be described, and stand beside several at once', async () => {
    const described = await pglite.describeQuery('select * from thing where id = $1');
    expect(described.queryParams).toMatchObject([{ dataTypeID: 23 }]);
    expect(described.resultFields.map(({ name }) => name)).toEqual(['id', 'name']);
    const answers = await pglite.exec('select 1 as one; select 2 as two');
    expect(answers.map(({ rows }) => rows)).toEqual([[{ one: 1 }], [{ two: 2 }]]);
    await expect(pglite.exec('select 1; selekt')).rejects.toMatchObject({ code: '42601' });
    expect(await byId(1)).toHaveLength(1);
  });
});
