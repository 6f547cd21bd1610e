/** Connections as operators manage them: what is stored, shown and refused, and what a change does to the secret. */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import { keyRingSecret } from '../support/clients.ts';
import { connectionsOn, signInAt } from '../support/connections.ts';
import { openTestDatabase } from '../support/database.ts';
import { startUpstream } from '../support/upstream.ts';

let database: Database;
let node: ReturnType<typeof connectionsOn>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(async () => {
  await node.close();
  await database.close();
});
beforeEach(async () => {
  await database.sql('delete from connection');
  await database.sql('delete from organization');
  await node?.close();
  node = connectionsOn(database);
});

const google = { slug: 'google', provider: 'google', client_id: 'latchkey', client_secret: 'the secret' };
const generic = {
  slug: 'acme',
  provider: 'oauth2',
  client_id: 'latchkey',
  client_secret: 'the secret',
  authorization_endpoint: 'https://acme.example/authorize',
  token_endpoint: 'https://acme.example/token',
  userinfo_endpoint: 'https://acme.example/me',
};
const pem = (type: 'ec' | 'rsa', options: object): string =>
  generateKeyPairSync(type as 'ec', options as { namedCurve: string }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
const apple = { ...google, slug: 'apple', provider: 'apple', team_id: 'TEAM', key_id: 'KEY' };

async function organization(status = 'active') {
  const id = newId('org');
  await database.sql(
    `insert into organization (id, slug, name, status, metadata, public_metadata, created_at, updated_at)
     values ($1, $2, 'Acme', $3, '{}', '{}', now(), now())`,
    [toUuid(id), id.replace('_', '-'), status],
  );
  return id;
}

describe('a connection', () => {
  test('is shown with its callback address and without its secret', async () => {
    const created = await node.call('connections.create', google);
    expect(created).toEqual({
      id: expect.stringMatching(/^con_/),
      slug: 'google',
      provider: 'google',
      name: 'Google',
      client_id: 'latchkey',
      has_client_secret: true,
      from_environment: false,
      callback_url: 'https://id.example/federation/google/callback',
      trusts_email: true,
      creates_users: true,
      links_by_email: true,
      trusts_factors: false,
      stores_tokens: false,
      position: 1,
      enabled: true,
      status: 'offered',
      created_at: node.clock.now().toISOString(),
      updated_at: node.clock.now().toISOString(),
    });
    expect(await node.call('connections.read', { connection: 'google' })).toEqual(created);
    expect(await node.call('connections.read', { connection: created.id })).toEqual(created);
    expect(await node.call('connections.list')).toEqual({ connections: [created], next_cursor: null });
    expect(JSON.stringify([node.audit.events, await node.call('connections.list')])).not.toContain('the secret');
  });

  test.each<[string, object, boolean]>([
    ['of a known provider', google, true],
    ['of a server of the company', { ...google, provider: 'gitlab', issuer: 'https://gitlab.acme.example' }, false],
    ['of any provider', generic, false],
  ])('%s trusts email addresses only where the table says which: %o %s', async (_, given, trusts) => {
    const switches = { trusts_email: trusts, links_by_email: trusts, trusts_factors: false };
    expect(await node.call('connections.create', given)).toMatchObject(switches);
  });

  test('keeps its secret encrypted for its own row', async () => {
    await node.call('connections.create', google);
    await node.call('connections.create', { ...google, slug: 'other' });
    const sealed = await database.sql<{ sealed_secret: string }>('select sealed_secret from connection');
    for (const row of sealed) expect(row.sealed_secret).toMatch(/^lk1\./);
    await database.sql(
      `update connection set sealed_secret = (select c.sealed_secret from connection c where c.slug = 'other')
       where slug = 'google'`,
    );
    await expect(node.upstream.begin({ connection: 'google', purpose: 'sign-in' })).rejects.toMatchObject({
      code: 'connections.unreachable',
    });
  });

  test('has its secret encrypted again under a new first secret of the ring', async () => {
    await node.call('connections.create', google);
    const next = connectionsOn(database, { secrets: ['a-newer-secret-of-the-key-ring-32b', keyRingSecret] });
    expect(await next.connections.reencrypt()).toEqual({ checked: 1, changed: 1 });
    expect(await next.connections.reencrypt()).toEqual({ checked: 1, changed: 0 });
    const alone = connectionsOn(database, { secrets: ['a-newer-secret-of-the-key-ring-32b'] });
    expect(await alone.connections.reencrypt()).toEqual({ checked: 1, changed: 0 });
    await next.close();
    await alone.close();
  });

  test('has a slug that no other connection has', async () => {
    await node.call('connections.create', google);
    await expect(node.call('connections.create', google)).rejects.toMatchObject({ code: 'connections.slug_taken' });
    const organization_id = await organization();
    await expect(node.call('connections.create', { ...google, organization_id })).rejects.toMatchObject({
      code: 'connections.slug_taken',
    });
  });

  test.each(['Google', 'goo gle', '../google', 'google/', '', '-google', 'goo--gle', 'g'.repeat(64)])(
    'cannot have the slug %j',
    async (slug) => {
      await expect(node.call('connections.create', { ...google, slug })).rejects.toMatchObject({
        code: 'input.invalid',
      });
    },
  );

  test('is changed, disabled and deleted, each with an event', async () => {
    const { id } = await node.call('connections.create', google);
    const changed = await node.call('connections.update', { connection: 'google', name: 'Work', enabled: false });
    expect(changed).toMatchObject({ name: 'Work', enabled: false, status: 'disabled', has_client_secret: true });
    expect(await node.call('connections.delete', { connection: 'google' })).toEqual({ id, deleted: true });
    const gone = { code: 'connections.not_found' };
    for (const name of ['read', 'update', 'delete'])
      await expect(node.call(`connections.${name}`, { connection: 'google' })).rejects.toMatchObject(gone);
    const about = { connection: 'google', connection_id: id, provider: 'google' };
    expect(node.audit.events.map(({ type, details }) => [type, details])).toEqual([
      ['connection.created', about],
      ['connection.changed', { ...about, members: ['enabled', 'name'], secret: 'kept', enabled: false }],
      ['connection.deleted', about],
    ]);
  });

  test('that is not there cannot be found by the id of something else', async () => {
    await expect(node.call('connections.read', { connection: newId('con') })).rejects.toMatchObject({
      code: 'connections.not_found',
    });
    await expect(node.call('connections.read', { connection: newId('org') })).rejects.toMatchObject({
      code: 'connections.not_found',
    });
  });

  test('is one of fifty at most', async () => {
    const { id } = await node.call('connections.create', google);
    await database.sql(
      `insert into connection select gen_random_uuid(), 'c' || n, organization_id, name, provider, client_id, sealed_secret, settings,
         trusts_email, creates_users, links_by_email, trusts_factors, position, enabled, version, created_at, updated_at
       from connection, generate_series(1, 49) n where id = $1`,
      [toUuid(id as `con_${string}`)],
    );
    await expect(node.call('connections.create', { ...google, slug: 'more' })).rejects.toMatchObject({
      code: 'connections.too_many',
    });
  });
});

describe('a connection that cannot work is refused', () => {
  test.each<[string, object]>([
    ['Google has one issuer', { ...google, issuer: 'https://accounts.google.com' }],
    ['Google takes no private key', { ...google, client_authentication: 'private_key_jwt' }],
    ['claims of Google have their names', { ...google, claims: { name: 'nick' } }],
    ['Google has no endpoints of a connection', { ...google, token_endpoint: 'https://other.example' }],
    ['GitHub has no issuer', { ...google, provider: 'github', issuer: 'https://github.com' }],
    ['GitHub signs no ID tokens', { ...google, provider: 'github', id_token_algorithms: ['RS256'] }],
    ['GitHub has no endpoints of a connection', { ...google, provider: 'github', token_endpoint: 'https://a.example' }],
    ['openid is a scope of every ID token', { ...google, scopes: ['email'] }],
    ['oidc has an issuer', { ...google, provider: 'oidc' }],
    ['the subject is sub', { ...google, provider: 'oidc', issuer: 'https://a.example', claims: { sub: 'email' } }],
    ['oauth2 has a token endpoint', { ...generic, token_endpoint: undefined }],
    ['oauth2 has a user endpoint', { ...generic, userinfo_endpoint: undefined }],
    ['an address is https', { ...generic, token_endpoint: 'http://acme.example/token' }],
    ['an address has no user', { ...generic, token_endpoint: 'https://user@acme.example/token' }],
    ['an address has no fragment', { ...generic, authorization_endpoint: 'https://acme.example/#x' }],
    ['an address is no script', { ...generic, authorization_endpoint: 'javascript:alert(1)' }],
    ['an issuer is an address', { ...google, provider: 'oidc', issuer: 'acme' }],
    ['a public client has no secret', { ...generic, client_authentication: 'none' }],
    ['a team is for Apple', { ...google, team_id: 'TEAM' }],
    ['a key is for private_key_jwt', { ...google, key_id: 'KEY' }],
    ['Apple has a team', { ...apple, team_id: undefined, client_secret: pem('ec', { namedCurve: 'P-256' }) }],
    ['Apple has a key', { ...apple, key_id: undefined, client_secret: pem('ec', { namedCurve: 'P-256' }) }],
    ['the secret of Apple is a key', apple],
    ['the secret of Apple is a key on P-256', { ...apple, client_secret: pem('ec', { namedCurve: 'P-384' }) }],
    [
      'a key of RSA has 2048 bits',
      {
        ...google,
        provider: 'oidc',
        issuer: 'https://a.example',
        client_authentication: 'private_key_jwt',
        client_secret: pem('rsa', { modulusLength: 1024 }),
      },
    ],
  ])('%s', async (_, given) => {
    await expect(node.call('connections.create', given)).rejects.toMatchObject({
      code: 'connections.invalid',
    });
    expect(node.audit.events).toEqual([]);
  });

  test.each<[string, object]>([
    ['a provider that is not in the table', { ...google, provider: 'myspace' }],
    ['an algorithm with a shared secret', { ...google, id_token_algorithms: ['HS256'] }],
    ['no signature', { ...google, id_token_algorithms: ['none'] }],
    ['a scope with a space', { ...google, scopes: ['openid email'] }],
    ['a claim that is not mapped', { ...generic, claims: { website: 'homepage' } }],
    ['a client without an identifier', { ...google, client_id: '' }],
    ['a name of spaces', { ...google, name: '  ' }],
  ])('%s', async (_, given) => {
    await expect(node.call('connections.create', given)).rejects.toMatchObject({ code: 'input.invalid' });
  });

  test.each([{ default_roles: ['TENANT_USER'] }, { group_roles: { ops: ['TENANT_ADMIN'] } }])(
    '%j without an organization',
    async (members) => {
      const given = { ...generic, ...members };
      await expect(node.call('connections.create', given)).rejects.toMatchObject({ code: 'connections.invalid' });
    },
  );

  test('by a change as well', async () => {
    await node.call('connections.create', generic);
    const change = { connection: 'acme', token_endpoint: null };
    await expect(node.call('connections.update', change)).rejects.toMatchObject({ code: 'connections.invalid' });
    expect(await node.call('connections.read', { connection: 'acme' })).toMatchObject({
      token_endpoint: generic.token_endpoint,
    });
  });
});

describe('a change of where the secret goes', () => {
  test.each(['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint'])(
    '(%s) removes the secret and says so',
    async (member) => {
      await node.call('connections.create', generic);
      const changed = await node.call('connections.update', { connection: 'acme', [member]: 'https://evil.example/' });
      expect(changed).toMatchObject({
        client_secret_removed: true,
        has_client_secret: false,
        status: 'not_configured',
        [member]: 'https://evil.example/',
      });
      expect(node.audit.events.at(-1)!.details).toMatchObject({ secret: 'removed', members: [member] });
      expect(await node.upstream.offered({ organizationId: null })).toEqual([]);
    },
  );

  test('(issuer) removes it too, and sends it nowhere', async () => {
    const upstream = await startUpstream();
    upstream.openid(upstream.url, () => ({}));
    const at = { ...google, provider: 'oidc', issuer: 'https://good.example' };
    await node.call('connections.create', at);
    await node.call('connections.update', { connection: 'google', issuer: upstream.url });
    await expect(signInAt(node, 'google')).rejects.toMatchObject({ code: 'connections.not_offered' });
    expect(upstream.asked).toEqual([]);
    await upstream.close();
  });

  test('to a client that has none removes it', async () => {
    await node.call('connections.create', generic);
    const changed = await node.call('connections.update', { connection: 'acme', client_authentication: 'none' });
    expect(changed).toMatchObject({ client_secret_removed: true, has_client_secret: false, status: 'offered' });
  });

  test('to a key needs a key', async () => {
    await node.call('connections.create', { ...google, provider: 'oidc', issuer: 'https://acme.example' });
    const change = { connection: 'google', client_authentication: 'private_key_jwt' };
    await expect(node.call('connections.update', change)).rejects.toMatchObject({ code: 'connections.invalid' });
    const key = pem('ec', { namedCurve: 'P-256' });
    expect(await node.call('connections.update', { ...change, client_secret: key })).toMatchObject({
      client_authentication: 'private_key_jwt',
      status: 'offered',
    });
  });

  test('with the secret keeps the connection', async () => {
    await node.call('connections.create', generic);
    const moved = { connection: 'acme', token_endpoint: 'https://new.example/token', client_secret: 'another' };
    const changed = await node.call('connections.update', moved);
    expect(changed).toMatchObject({ has_client_secret: true, status: 'offered' });
    expect(changed).not.toHaveProperty('client_secret_removed');
    expect(node.audit.events.at(-1)!.details).toMatchObject({ secret: 'replaced' });
  });

  test('to the same address changes nothing about it', async () => {
    await node.call('connections.create', generic);
    const { token_endpoint } = generic;
    const changed = await node.call('connections.update', { connection: 'acme', token_endpoint });
    expect(changed).toMatchObject({ has_client_secret: true });
  });
});

describe('the connections that pages offer', () => {
  const slugs = async (organizationId: `org_${string}` | null = null) =>
    (await node.upstream.offered({ organizationId })).map(({ slug }) => slug);

  test('stand in their order, without a secret', async () => {
    await node.call('connections.create', google);
    await node.call('connections.create', { ...google, slug: 'github', provider: 'github' });
    await node.call('connections.create', { ...google, slug: 'first', position: 0 });
    expect(await slugs()).toEqual(['first', 'google', 'github']);
    expect(Object.keys((await node.upstream.offered({ organizationId: null }))[0]!).sort()).toEqual([
      'id',
      'name',
      'provider',
      'slug',
    ]);
  });

  test('follow each change at once', async () => {
    await node.call('connections.create', google);
    expect(await slugs()).toEqual(['google']);
    await node.call('connections.update', { connection: 'google', enabled: false });
    expect(await slugs()).toEqual([]);
    await node.call('connections.update', { connection: 'google', enabled: true });
    expect(await slugs()).toEqual(['google']);
    await node.call('connections.delete', { connection: 'google' });
    expect(await slugs()).toEqual([]);
  });

  test('are the organization’s own ahead of the instance’s, and never another organization’s', async () => {
    const [mine, theirs] = [await organization(), await organization()];
    await node.call('connections.create', google);
    await node.call('connections.create', { ...google, slug: 'mine', organization_id: mine });
    await node.call('connections.create', { ...google, slug: 'theirs', organization_id: theirs });
    expect(await slugs()).toEqual(['google']);
    expect(await slugs(mine)).toEqual(['mine', 'google']);
    expect(await node.call('connections.list', { organization_id: theirs })).toMatchObject({
      connections: [{ slug: 'theirs', organization_id: theirs }],
    });
    expect(await node.call('connections.list')).toMatchObject({ connections: [{ slug: 'google' }] });
  });

  test('are none of an organization that is suspended', async () => {
    const organization_id = await organization('suspended');
    await node.call('connections.create', { ...google, slug: 'mine', organization_id });
    expect(await slugs(organization_id)).toEqual([]);
    await expect(signInAt(node, 'mine')).rejects.toMatchObject({ code: 'connections.not_offered' });
  });

  test('belong to an organization that there is, and go with it', async () => {
    const gone = node.call('connections.create', { ...google, organization_id: newId('org') });
    await expect(gone).rejects.toMatchObject({ code: 'organizations.not_found' });
    const organization_id = await organization();
    const { id } = await node.call('connections.create', { ...google, organization_id });
    await database.sql('delete from organization');
    await expect(node.call('connections.read', { connection: id })).rejects.toMatchObject({
      code: 'connections.not_found',
    });
  });

  test('are described in whatever state they are', async () => {
    const { id } = await node.call('connections.create', { ...google, enabled: false });
    const described = await node.upstream.describe([id as `con_${string}`, newId('con')]);
    expect([...described]).toEqual([
      [id, { id, slug: 'google', name: 'Google', provider: 'google', isOffered: false }],
    ]);
    expect(await node.upstream.describe([])).toEqual(new Map());
  });
});

test('used answers are forgotten after their time', async () => {
  expect(await node.states.use('state')).toBe(true);
  expect(await node.states.use('state')).toBe(false);
  expect(await node.states.purge()).toBe(0);
  node.clock.advance(21 * 60_000);
  expect(await node.states.purge()).toBe(1);
});
