import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byClient, operator } from '#audit/module.ts';
import type { Database } from '#kernel/database.ts';
import { clientsOn } from '../../support/clients.ts';
import { openTestDatabase } from '../../support/database.ts';

const API = 'urn:latchkey:api';
const without = { ...byClient('robot'), may: (permission: string) => permission === 'clients.manage' };
const withScope = { ...byClient('robot'), may: () => true };
const refusal = { code: 'clients.rights_missing' };

let database: Database;
let world: ReturnType<typeof clientsOn>;
beforeAll(async () => {
  database = await openTestDatabase();
  world = clientsOn(database);
});
afterAll(() => database.close());

const machine = (apis: Record<string, string[]>) => ({ name: 'Robot', type: 'machine' as const, apis });

describe.each([[['*']], [['users.read']]])('a machine client with the scopes %j of the management API', (scopes) => {
  test('is made only by an actor who has them', async () => {
    await expect(world.clients.create(machine({ [API]: scopes }), without)).rejects.toMatchObject(refusal);
    await world.clients.create(machine({ [API]: scopes }), withScope);
    await world.clients.create(machine({}), without);
  });

  test('is changed, given a secret and deleted only by an actor who has them', async () => {
    const { client } = await world.clients.create(machine({ [API]: scopes }), operator);
    const id = client.clientId;
    const acts = [
      () => world.clients.change(id, { name: 'Other' }, without),
      () => world.clients.change(id, { apis: {} }, without),
      () => world.secrets.rotate(id, { overlapSeconds: 0 }, without),
      () => world.secrets.add(id, {}, without),
      () => world.clients.delete(id, without),
    ];
    for (const act of acts) await expect(act()).rejects.toMatchObject(refusal);
    await world.clients.change(id, { name: 'Other' }, withScope);
  });

  test('cannot become one by a change', async () => {
    const { client } = await world.clients.create(machine({}), without);
    const change = world.clients.change(client.clientId, { apis: { [API]: scopes } }, without);
    await expect(change).rejects.toMatchObject(refusal);
  });
});

test('a client that acts for its users alone needs no more: the rights of the user limit its tokens', async () => {
  const uris = { redirect_uris: ['https://shop.example.com/callback'] };
  await world.clients.create({ name: 'Shop', type: 'web', metadata: uris, apis: { [API]: ['*'] } }, without);
});
