import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { readConfig } from '#kernel/config.ts';
import type { Database } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { createApp } from '../src/app/app.ts';
import { testSecrets } from './support/app.ts';
import { onServer, openTestDatabase } from './support/database.ts';

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

test('the migrations create the tables that the entities describe', async () => {
  const drift = await database.orm.schema.getUpdateSchemaSQL({ wrap: false, safe: false, dropTables: false });
  expect(drift.trim()).toBe('');
});

test('a second run changes nothing', async () => {
  const before = await database.sql('select name from mikro_orm_migrations order by name');
  await database.migrate();
  expect(await database.sql('select name from mikro_orm_migrations order by name')).toEqual(before);
  expect(before.length).toBeGreaterThan(0);
});

const server = process.env['TEST_DATABASE_URL'];

test.runIf(server)('nodes that start together on an empty database create one schema and one set of keys', async () => {
  const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
  const databaseUrl = Object.assign(new URL(server ?? ''), { pathname: `/${name}` }).href;
  await onServer(server ?? '', `create database ${name}`);
  const config = readConfig({ DATABASE_URL: databaseUrl, LATCHKEY_SECRETS: testSecrets, DATABASE_POOL: '4' });
  const start = () => createApp({ config, log: createLog({ level: 'silent' }), clock: systemClock });
  const apps = await Promise.all([start(), start(), start(), start()]);
  const keys = await apps[0].database.sql<{ family: string; state: string }>('select family, state from signing_key');
  const migrations = await apps[0].database.sql<{ name: string }>('select name from mikro_orm_migrations');
  await Promise.all(apps.map((app) => app.close()));
  await onServer(server ?? '', `drop database ${name} with (force)`);
  expect(new Set(migrations.map((row) => row.name)).size).toBe(migrations.length);
  expect(keys.map(({ family, state }) => `${family} ${state}`).sort()).toEqual(
    ['EC', 'OKP', 'RSA'].flatMap((family) => [`${family} current`, `${family} next`]),
  );
});
