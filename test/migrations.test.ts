import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { openTestDatabase } from './support/database.ts';

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

test('the migrations make the tables that the entities describe', async () => {
  const drift = await database.orm.schema.getUpdateSchemaSQL({ wrap: false, safe: false, dropTables: false });
  expect(drift.trim()).toBe('');
});

test('a second run changes nothing', async () => {
  const before = await database.sql('select name from mikro_orm_migrations order by name');
  await database.migrate();
  expect(await database.sql('select name from mikro_orm_migrations order by name')).toEqual(before);
  expect(before.length).toBeGreaterThan(0);
});
