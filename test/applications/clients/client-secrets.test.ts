import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY, HOUR, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { newId } from '#kernel/ids.ts';
import { clientsOn, keyRingSecret, machine, operator } from '../../support/clients.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let node: ReturnType<typeof clientsOn>;
let clientId: string;
let first: string;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.sql('delete from client');
  node = clientsOn(database);
  const { client, secret = '' } = await node.clients.create(machine, operator);
  clientId = client.clientId;
  first = secret;
});

const verify = (secret: string) => node.lookup.verifySecret(clientId, secret);

describe('accepted secrets', () => {
  test.each([
    ['the right one', () => first, true],
    ['none', () => '', false],
    ['one with another last letter', () => `${first.slice(0, -1)}${first.endsWith('A') ? 'B' : 'A'}`, false],
    ['one in upper case', () => first.toUpperCase(), false],
    ['one that is cut off', () => first.slice(0, -1), false],
    ['one with a space behind', () => `${first} `, false],
  ])('%s', async (_title, secret, expected) => {
    expect(await verify(secret())).toBe(expected);
  });

  test('never the secret of another client, or of an unknown client', async () => {
    const { client } = await node.clients.create(machine, operator);
    expect(await node.lookup.verifySecret(client.clientId, first)).toBe(false);
    expect(await node.lookup.verifySecret('nobody', first)).toBe(false);
  });

  test('never the placeholder that the engine sees', async () => {
    expect(await verify(String((await node.lookup.findForEngine(clientId))?.['client_secret']))).toBe(false);
  });
});

describe('rotation', () => {
  test('gives a new secret at once and keeps the old one for the requested time', async () => {
    const { secret } = await node.secrets.rotate(clientId, { overlapSeconds: 3600 }, operator);
    expect([await verify(first), await verify(secret)]).toEqual([true, true]);
    node.clock.advance(HOUR - SECOND);
    expect(await verify(first)).toBe(true);
    node.clock.advance(SECOND);
    expect([await verify(first), await verify(secret)]).toEqual([false, true]);
  });

  test('without overlap ends the old one at once', async () => {
    const { secret } = await node.secrets.rotate(clientId, { overlapSeconds: 0 }, operator);
    expect([await verify(first), await verify(secret)]).toEqual([false, true]);
  });

  test('again keeps the newest two and no more', async () => {
    const { secret: second } = await node.secrets.rotate(clientId, { overlapSeconds: 3600 }, operator);
    const { secret: third } = await node.secrets.rotate(clientId, { overlapSeconds: 3600 }, operator);
    expect([await verify(first), await verify(second), await verify(third)]).toEqual([false, true, true]);
  });

  test('never extends the life of a secret that was to end sooner', async () => {
    await node.secrets.rotate(clientId, { overlapSeconds: 60 }, operator);
    const [newest] = await node.secrets.list(await node.clients.require(clientId));
    await database.sql(
      'update client_secret set expires_at = $1 where id = (select id from client_secret order by created_at desc, id desc limit 1)',
      [new Date(node.clock.now().getTime() + 5 * SECOND)],
    );
    await node.secrets.rotate(clientId, { overlapSeconds: 3600 }, operator);
    const kept = (await node.secrets.list(await node.clients.require(clientId))).find(({ id }) => id === newest?.id);
    expect(kept?.expiresAt).toEqual(new Date(node.clock.now().getTime() + 5 * SECOND));
  });

  test('by many at once leaves at most two valid ones', async () => {
    const made = await Promise.all(
      Array.from({ length: 6 }, () => node.secrets.rotate(clientId, { overlapSeconds: 3600 }, operator)),
    );
    const valid = await Promise.all(made.map(({ secret }) => verify(secret)));
    expect(valid.filter(Boolean)).toHaveLength(2);
  });

  test('is written to the audit log, without the secret', async () => {
    const { id, secret } = await node.secrets.rotate(clientId, { overlapSeconds: 0 }, operator);
    expect(node.audit.events.at(-1)).toMatchObject({
      type: 'client.secret_rotated',
      clientId,
      details: { secret_id: id },
    });
    expect(JSON.stringify(node.audit.events)).not.toContain(secret);
  });
});

describe('two secrets added by hand', () => {
  test('a second one is added beside the first, a third one is not', async () => {
    const { secret } = await node.secrets.add(clientId, {}, operator);
    expect([await verify(first), await verify(secret)]).toEqual([true, true]);
    await expect(node.secrets.add(clientId, {}, operator)).rejects.toMatchObject({ code: 'clients.too_many_secrets' });
  });

  test('one that has expired makes room', async () => {
    await node.secrets.add(clientId, { expiresInSeconds: 60 }, operator);
    node.clock.advance(60 * SECOND);
    await expect(node.secrets.add(clientId, {}, operator)).resolves.toMatchObject({ expiresAt: null });
  });

  test('one is removed by its id, the last one is not', async () => {
    const { id, secret } = await node.secrets.add(clientId, {}, operator);
    const [, old] = await node.secrets.list(await node.clients.require(clientId));
    await node.secrets.remove(clientId, old?.id ?? newId('csec'), operator);
    expect([await verify(first), await verify(secret)]).toEqual([false, true]);
    await expect(node.secrets.remove(clientId, id, operator)).rejects.toMatchObject({ code: 'clients.last_secret' });
    await expect(node.secrets.remove(clientId, newId('csec'), operator)).rejects.toMatchObject({
      code: 'clients.secret_not_found',
    });
  });

  test.each(['add', 'rotate', 'remove'] as const)('%s is refused for a client that has none', async (verb) => {
    const { client } = await node.clients.create(
      { name: 'App', type: 'native', metadata: { redirect_uris: ['http://127.0.0.1/cb'] } },
      operator,
    );
    const act = {
      add: () => node.secrets.add(client.clientId, {}, operator),
      rotate: () => node.secrets.rotate(client.clientId, { overlapSeconds: 0 }, operator),
      remove: () => node.secrets.remove(client.clientId, newId('csec'), operator),
    };
    await expect(act[verb]()).rejects.toMatchObject({ code: 'clients.secret_not_used' });
  });
});

test('expired secrets are deleted', async () => {
  await node.secrets.rotate(clientId, { overlapSeconds: 60 }, operator);
  expect(await node.secrets.purge()).toBe(0);
  node.clock.advance(DAY);
  expect(await node.secrets.purge()).toBe(1);
  expect(await database.sql('select 1 from client_secret')).toHaveLength(1);
});

describe('rotation of the key ring', () => {
  const newSecret = 'another-secret-of-the-key-ring-32b';

  test('encrypts stored secrets again, after which the old secret of the ring can be removed', async () => {
    const { client, secret } = await node.clients.create(
      { ...machine, metadata: { token_endpoint_auth_method: 'client_secret_jwt' } },
      operator,
    );
    const during = clientsOn(database, { secrets: [newSecret, keyRingSecret] });
    expect(await during.secrets.reencrypt()).toEqual({ checked: 1, changed: 1 });
    expect(await during.secrets.reencrypt()).toEqual({ checked: 1, changed: 0 });
    const after = clientsOn(database, { secrets: [newSecret] });
    expect((await after.lookup.findForEngine(client.clientId))?.['client_secret']).toBe(secret);
  });

  test('a stored secret that was moved to the row of another client cannot be decrypted', async () => {
    const one = await node.clients.create(
      { ...machine, metadata: { token_endpoint_auth_method: 'client_secret_jwt' } },
      operator,
    );
    const other = await node.clients.create(
      { ...machine, metadata: { token_endpoint_auth_method: 'client_secret_jwt' } },
      operator,
    );
    await database.sql(
      'update client_secret s set sealed = (select t.sealed from client_secret t join client c on c.id = t.client where c.client_id = $1) from client d where d.id = s.client and d.client_id = $2',
      [one.client.clientId, other.client.clientId],
    );
    await expect(clientsOn(database).lookup.find(other.client.clientId)).rejects.toThrow('belongs to another place');
  });
});
