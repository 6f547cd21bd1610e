import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SECOND } from '#kernel/clock.ts';
import { ClientOrigins } from '#applications/clients/client-origins.ts';
import type { Database } from '#kernel/database.ts';
import { testClock } from '../../support/clock.ts';
import { clientsOn, operator } from '../../support/clients.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let clients: ReturnType<typeof clientsOn>;
let clock: ReturnType<typeof testClock>;
let asked: number;
let origins: ClientOrigins;

beforeAll(async () => {
  database = await openTestDatabase();
  clients = clientsOn(database);
  const create = (type: 'spa' | 'web' | 'native', ...uris: string[]) =>
    clients.clients.create({ name: type, type, metadata: { redirect_uris: uris } }, operator);
  await create('spa', 'https://spa.test/cb', 'https://spa.test:8443/cb?x=1', 'http://localhost:5173/cb');
  await create('web', 'https://web.test/cb');
  await create('native', 'com.example.app:/cb');
  await clients.clients.create(
    {
      name: 'listed',
      type: 'native',
      metadata: { redirect_uris: ['com.example.listed:/cb'], allowed_origins: ['capacitor://listed.test'] },
    },
    operator,
  );
});
afterAll(() => database.close());

beforeEach(() => {
  asked = 0;
  clock = testClock();
  const sql: Database['sql'] = (...args) => {
    asked += 1;
    return database.sql(...args);
  };
  origins = new ClientOrigins(clock, { sql });
});

describe('a known origin', () => {
  test.each(['https://spa.test', 'https://spa.test:8443', 'http://localhost:5173', 'capacitor://listed.test'])(
    'is the origin of a public client’s redirect URI, or listed for a client: %s',
    async (origin) => {
      expect(await origins.has(origin)).toBe(true);
    },
  );

  test.each([
    'https://web.test',
    'null',
    'http://spa.test',
    'https://sub.spa.test',
    'https://spa.test.evil.test',
    'https://spa.tes',
    'https://spa.test/',
    'https://spa.test:443',
    'http://localhost:5174',
    'com.example.app:',
    '',
  ])('is no other origin: %j', async (origin) => {
    expect(await origins.has(origin)).toBe(false);
  });
});

test('unknown origins cause one statement a second, not one each', async () => {
  await Promise.all(Array.from({ length: 50 }, (_, i) => origins.has(`https://evil${i}.test`)));
  for (let i = 0; i < 50; i += 1) await origins.has(`https://mallory${i}.test`);
  expect(asked).toBe(1);
  clock.advance(1.5 * SECOND);
  await Promise.all(Array.from({ length: 50 }, (_, i) => origins.has(`https://eve${i}.test`)));
  expect(asked).toBe(2);
});

test('a known origin is cached for ten seconds', async () => {
  await origins.has('https://spa.test');
  clock.advance(9 * SECOND);
  expect(await origins.has('https://spa.test')).toBe(true);
  expect(asked).toBe(1);
  clock.advance(2 * SECOND);
  expect(await origins.has('https://spa.test')).toBe(true);
  expect(asked).toBe(2);
});

test('a new client is known after a second', async () => {
  expect(await origins.has('https://late.test')).toBe(false);
  await clients.clients.create(
    { name: 'late', type: 'spa', metadata: { redirect_uris: ['https://late.test/cb'] } },
    operator,
  );
  expect(await origins.has('https://late.test')).toBe(false);
  clock.advance(1.5 * SECOND);
  expect(await origins.has('https://late.test')).toBe(true);
});

test('the origin of a client that was deleted on this node is unknown at once', async () => {
  const { client } = await clients.clients.create(
    { name: 'quick', type: 'spa', metadata: { redirect_uris: ['https://quick.test/cb'] } },
    operator,
  );
  expect(await clients.origins.has('https://quick.test')).toBe(true);
  await clients.clients.delete(client.clientId, operator);
  expect(await clients.origins.has('https://quick.test')).toBe(false);
});
