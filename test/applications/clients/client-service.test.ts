import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { clientsOn, machine, operator, webApp } from '../../support/clients.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let node: ReturnType<typeof clientsOn>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.sql('delete from client');
  node = clientsOn(database);
});

const everythingStored = async () =>
  JSON.stringify([
    await database.sql('select * from client'),
    await database.sql('select id, client, encode(hash, $1) as hash, sealed from client_secret', ['hex']),
    node.audit.events,
  ]);

describe('a new client', () => {
  test('for a server gets an identifier and a secret of at least 256 random bits, shown once', async () => {
    const { client, secret = '' } = await node.clients.create(webApp, operator);
    expect(client.clientId).toMatch(/^client_[0-9a-z]{26}$/);
    expect(Buffer.from(secret.slice('lk_cs_'.length), 'base64url')).toHaveLength(32);
    expect(await everythingStored()).not.toContain(secret);
    expect(await everythingStored()).toContain(sha256(secret).toString('hex'));
  });

  test('that is public gets no secret', async () => {
    const { secret } = await node.clients.create({ ...webApp, type: 'spa' }, operator);
    expect(secret).toBeUndefined();
    expect(await database.sql('select 1 from client_secret')).toEqual([]);
  });

  test('whose secret is a shared key has it encrypted, because a hash could verify nothing', async () => {
    const { client, secret = '' } = await node.clients.create(
      { ...webApp, metadata: { ...webApp.metadata, token_endpoint_auth_method: 'client_secret_jwt' } },
      operator,
    );
    expect(await everythingStored()).not.toContain(secret);
    expect((await node.lookup.findForEngine(client.clientId))?.['client_secret']).toBe(secret);
  });

  test('is written to the audit log, without its secret', async () => {
    const { client } = await node.clients.create({ ...webApp, firstParty: true }, operator);
    expect(node.audit.events).toEqual([
      expect.objectContaining({
        type: 'client.created',
        actor: { type: 'operator' },
        clientId: client.clientId,
        details: { after: expect.objectContaining({ client_name: 'Shop', first_party: true }) },
      }),
    ]);
  });

  test('may have an identifier and a secret from another system', async () => {
    const clientSecret = 'a-secret-from-another-provider-32';
    const { client, secret } = await node.clients.create({ ...webApp, clientId: 'shop', clientSecret }, operator);
    expect({ clientId: client.clientId, secret }).toEqual({ clientId: 'shop', secret: clientSecret });
    expect(await node.lookup.verifySecret('shop', clientSecret)).toBe(true);
  });

  test('may not have the identifier of another client', async () => {
    await node.clients.create({ ...webApp, clientId: 'shop' }, operator);
    await expect(node.clients.create({ ...machine, clientId: 'shop' }, operator)).rejects.toMatchObject({
      code: 'clients.client_id_taken',
      status: 409,
    });
    expect(node.audit.types()).toEqual(['client.created']);
  });

  test.each([
    [{ name: '' }, 'client_name'],
    [{ name: ' \u00a0' }, 'client_name'],
    [{ name: 'line\nbreak' }, 'client_name'],
    [{ name: 'evil\u202Egnp' }, 'client_name'],
    [{ name: 'x'.repeat(129) }, 'client_name'],
    [{ clientId: 'with space' }, 'client_id'],
    [{ clientId: 'with:colon' }, 'client_id'],
    [{ clientId: 'ümlaut' }, 'client_id'],
    [{ clientId: '' }, 'client_id'],
    [{ clientSecret: 'short' }, 'client_secret'],
    [{ clientSecret: `${'x'.repeat(40)} ` }, 'client_secret'],
    [{ apis: { 'https://api.example': [] } }, 'apis'],
    [{ type: 'spa' as const, clientSecret: 'x'.repeat(40) }, 'client_secret'],
  ])('%j is refused with the member %s and stores nothing', async (change, member) => {
    await expect(node.clients.create({ ...webApp, ...change }, operator)).rejects.toMatchObject({
      code: 'clients.metadata_invalid',
      details: { [member]: expect.any(String) },
    });
    expect(await database.sql('select 1 from client')).toEqual([]);
  });

  test('names no API that does not exist, and no scope that an API does not have', async () => {
    const refusalOf = async (apis: Record<string, string[]>, of?: string) => {
      const done = of
        ? node.clients.change(of, { apis }, operator)
        : node.clients.create({ ...webApp, apis }, operator);
      return done.then(
        ({ client }) => client.apis,
        (error: { details: { apis: string } }) => error.details.apis,
      );
    };
    const [books, loans] = ['https://books.example', 'https://loans.example'];
    await node.call('apis.create', { identifier: books, scopes: [{ name: 'read' }] });
    expect(await refusalOf({ [loans]: ['*'] })).toBe(`must name an API that exists: there is no ${loans}`);
    expect(await refusalOf({ [books]: ['read', 'write'] })).toBe(`must name scopes of ${books}: it has no write`);
    const { client } = await node.clients.create({ ...webApp, apis: { [books]: ['read'] } }, operator);
    // An API that is gone does not lock the client, and gives it nothing.
    await node.call('apis.delete', { api_id: books });
    expect(await refusalOf({ [books]: ['read'] }, client.clientId)).toEqual({ [books]: ['read'] });
    expect(await refusalOf({ [books]: ['read', 'write'] }, client.clientId)).toMatch(/there is no/);
    expect(await refusalOf({}, client.clientId)).toEqual({});
  });
});

describe('a change', () => {
  test('changes the named members, resets null members, and logs both before and after', async () => {
    const { client } = await node.clients.create(
      { ...webApp, metadata: { ...webApp.metadata, default_max_age: 60, tos_uri: 'https://shop.example/terms' } },
      operator,
    );
    const changed = await node.clients.change(
      client.clientId,
      { name: 'Store', metadata: { default_max_age: null, redirect_uris: ['https://store.example/cb'] } },
      operator,
    );
    expect(changed.client.metadata).toMatchObject({
      redirect_uris: ['https://store.example/cb'],
      tos_uri: 'https://shop.example/terms',
    });
    expect(changed.client.metadata.default_max_age).toBeUndefined();
    expect(changed.secret).toBeUndefined();
    expect(node.audit.events.at(-1)?.details).toEqual({
      before: { client_name: 'Shop', default_max_age: 60, redirect_uris: ['https://shop.example/cb'] },
      after: { client_name: 'Store', redirect_uris: ['https://store.example/cb'] },
    });
  });

  test('that would make the client invalid as a whole changes nothing', async () => {
    const { client } = await node.clients.create(webApp, operator);
    await expect(
      node.clients.change(
        client.clientId,
        { name: 'Store', metadata: { redirect_uris: ['https://evil.example/#'] } },
        operator,
      ),
    ).rejects.toMatchObject({ code: 'clients.metadata_invalid' });
    expect(await node.clients.require(client.clientId)).toMatchObject({ name: 'Shop', metadata: webApp.metadata });
    expect(node.audit.types()).toEqual(['client.created']);
  });

  test('to a method that uses the secret as a key creates a new secret, because only the hash of the old one is stored', async () => {
    const { client, secret: old = '' } = await node.clients.create(webApp, operator);
    const { secret = '' } = await node.clients.change(
      client.clientId,
      { metadata: { token_endpoint_auth_method: 'client_secret_jwt' } },
      operator,
    );
    expect(secret).not.toBe('');
    expect(await node.lookup.verifySecret(client.clientId, old)).toBe(false);
    expect((await node.lookup.findForEngine(client.clientId))?.['client_secret']).toBe(secret);
  });

  test('back to a method that only sends the secret deletes the plain one and keeps the secret', async () => {
    const { client, secret = '' } = await node.clients.create(
      { ...webApp, metadata: { ...webApp.metadata, token_endpoint_auth_method: 'client_secret_jwt' } },
      operator,
    );
    expect(
      (
        await node.clients.change(
          client.clientId,
          { metadata: { token_endpoint_auth_method: 'client_secret_post' } },
          operator,
        )
      ).secret,
    ).toBeUndefined();
    expect(await database.sql('select sealed from client_secret')).toEqual([{ sealed: null }]);
    expect(await node.lookup.verifySecret(client.clientId, secret)).toBe(true);
  });

  test('to a method without a secret ends the secrets', async () => {
    const { client, secret = '' } = await node.clients.create(webApp, operator);
    await node.clients.change(
      client.clientId,
      { metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://shop.example/jwks' } },
      operator,
    );
    expect(await node.lookup.verifySecret(client.clientId, secret)).toBe(false);
    expect(await database.sql('select 1 from client_secret')).toEqual([]);
  });

  test('of the profile applies all its demands', async () => {
    const { client } = await node.clients.create(webApp, operator);
    await expect(node.clients.change(client.clientId, { profile: 'fapi2_security' }, operator)).rejects.toMatchObject({
      details: { token_endpoint_auth_method: expect.any(String) },
    });
    const given = {
      token_endpoint_auth_method: 'private_key_jwt' as const,
      jwks_uri: 'https://shop.example/jwks',
      token_endpoint_auth_signing_alg: 'ES256' as const,
    };
    const changed = await node.clients.change(
      client.clientId,
      { profile: 'fapi2_security', metadata: given },
      operator,
    );
    expect(changed.client.metadata).toMatchObject({
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
    });
  });

  test('two at once lose neither', async () => {
    const { client } = await node.clients.create(webApp, operator);
    await Promise.all([
      node.clients.change(client.clientId, { metadata: { tos_uri: 'https://shop.example/terms' } }, operator),
      node.clients.change(client.clientId, { metadata: { policy_uri: 'https://shop.example/privacy' } }, operator),
    ]);
    expect((await node.clients.require(client.clientId)).metadata).toMatchObject({
      tos_uri: 'https://shop.example/terms',
      policy_uri: 'https://shop.example/privacy',
    });
  });

  test('of an unknown client is refused', async () => {
    await expect(node.clients.change('nobody', { name: 'X' }, operator)).rejects.toMatchObject({
      code: 'clients.not_found',
      status: 404,
    });
  });
});

describe('the deletion of a client', () => {
  test('deletes its secrets', async () => {
    const { client, secret = '' } = await node.clients.create(webApp, operator);
    await node.clients.delete(client.clientId, operator);
    expect(await node.clients.find(client.clientId)).toBeNull();
    expect(await node.lookup.verifySecret(client.clientId, secret)).toBe(false);
    expect(await database.sql('select 1 from client_secret')).toEqual([]);
    expect(node.audit.types()).toEqual(['client.created', 'client.deleted']);
  });

  test('reserves a chosen client id for ever, since old tokens may name it', async () => {
    await node.clients.create({ ...webApp, clientId: 'ended' }, operator);
    await node.clients.delete('ended', operator);
    const again = node.clients.create({ ...machine, clientId: 'ended' }, operator);
    await expect(again).rejects.toMatchObject({ code: 'clients.client_id_retired', status: 409 });
    expect(await node.clients.find('ended')).toBeNull();
  });

  test('does not reserve a generated client id, because it never comes again', async () => {
    const { client } = await node.clients.create(webApp, operator);
    await node.clients.delete(client.clientId, operator);
    expect(await database.sql('select 1 from retired_client_id where client_id = $1', [client.clientId])).toEqual([]);
  });

  test('that does not exist is refused', async () => {
    await expect(node.clients.delete('nobody', operator)).rejects.toMatchObject({ code: 'clients.not_found' });
  });
});

test('the list continues after the previous page, oldest first', async () => {
  const names = ['one', 'two', 'three'];
  for (const name of names) await node.clients.create({ ...machine, name }, operator);
  const page = { limit: 2, sort: 'created_at', isDescending: false, wantsTotal: true } as const;
  const first = await node.clients.page({}, { ...page, after: null });
  const second = await node.clients.page({}, { ...page, after: first.next });
  expect([...first.items, ...second.items].map(({ name }) => name)).toEqual(names);
  expect([first.total, second.total, second.next]).toEqual([3, 3, null]);
});
