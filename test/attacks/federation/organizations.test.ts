/** Attacks of one organization on another, on the instance and on its own ranks, by a connection that it controls. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { type Federation, identitiesOf, someone, startFederation } from '../../support/federation.ts';
import { demand, realmOf, type TestRealm } from '../../support/realms.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import { codeFor, codeOf } from '../../support/roles.ts';
import type { Page, Visitor } from '../../support/visitor.ts';

let it: Federation;
let evil: TestRealm;
let acme: TestRealm;
beforeAll(async () => {
  it = await startFederation();
  evil = await realmOf(it, 'any', { trusts_email: true });
  acme = await realmOf(it);
});
afterAll(() => it.close());

const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
async function leave({ connection }: TestRealm, person: Record<string, unknown>, visitor: Visitor = newcomer()) {
  it.tell(person);
  const away = await it.begin(visitor, { connection });
  return { visitor, callback: it.callback(away, connection) };
}
async function arrive(realm: TestRealm, person: Record<string, unknown>) {
  const { visitor, callback } = await leave(realm, person);
  return visitor.open(callback);
}
const noTrace = async (email: string) => {
  expect(await identitiesOf(it.latchkey, email)).toEqual([]);
};
async function idOf(email: string) {
  const [row] = await it.latchkey.app.database.sql<{ id: string }>('select id from users where email_canonical = $1', [
    email,
  ]);
  return fromUuid('usr', row?.id ?? '');
}

describe('a connection asserts', () => {
  test('the address of a user of another organization, of no domain, and of the operator: nothing', async () => {
    const alice = await it.latchkey.user({ email: `alice@${acme.domain}`, email_verified: true });
    const bob = await it.latchkey.user({ email_verified: true });
    const root = await it.latchkey.user({ email: `root@${evil.domain}`, email_verified: true });
    await it.latchkey.run('assignments.create', { user_id: root.id, role: 'SUPER_ADMIN' });
    await it.latchkey.run('organizations.members.create', { organization_id: evil.id, user_id: bob.id });
    for (const email of [alice.email, bob.email, root.email]) {
      const page = await arrive(evil, someone({ email }));
      expect([page.status, isDone(page)]).toEqual([403, false]);
      await noTrace(email);
    }
  });

  test.each(['new@{acme}', 'new@{evil}.example', 'new@sub.{evil}', 'new@gmail.com'])(
    'a new user with the address %s: no account',
    async (form) => {
      const email = form.replace('{acme}', acme.domain).replace('{evil}', evil.domain);
      const page = await arrive(evil, someone({ email }));
      expect([page.status, page.text.includes('isn’t at one of the organization’s domains')]).toEqual([403, true]);
      expect(await findUser(it.latchkey, email)).toBeUndefined();
    },
  );

  test('the address of a user of its domain who belongs to another organization: that user must sign in first', async () => {
    const user = await it.latchkey.user({ email: `contractor@${evil.domain}`, email_verified: true });
    await it.latchkey.run('organizations.members.create', { organization_id: acme.id, user_id: user.id });
    expect(pathOf(await arrive(evil, someone({ email: user.email })))).toBe('/federation/confirm');
    await noTrace(user.email);
  });

  test('a subject that another connection knows: another identity', async () => {
    const person = { ...someone(), email: `known@${acme.domain}` };
    expect(isDone(await arrive(acme, person))).toBe(true);
    expect(isDone(await arrive(evil, person))).toBe(false);
    expect(await identitiesOf(it.latchkey, person.email)).toMatchObject([{ connection: acme.connection }]);
  });

  test('a user it linked before, with rights on the instance now: nothing', async () => {
    const person = { ...someone(), email: `climber@${evil.domain}` };
    expect(isDone(await arrive(evil, person))).toBe(true);
    await it.latchkey.run('assignments.create', { user_id: await idOf(person.email), role: 'PLATFORM_ADMIN' });
    expect((await arrive(evil, person)).status).toBe(403);
  });
});

describe('a change while a user is at the provider', () => {
  const changes: readonly (readonly [string, (realm: TestRealm) => Promise<unknown>])[] = [
    [
      'the domain is removed',
      ({ id, domainId }) =>
        it.latchkey.run('organizations.domains.delete', { organization_id: id, domain_id: domainId }),
    ],
    [
      'the connection is disabled',
      ({ connection }) => it.latchkey.run('connections.update', { connection, enabled: false }),
    ],
    ['the connection is deleted', ({ connection }) => it.latchkey.run('connections.delete', { connection })],
    ['the organization is suspended', ({ id }) => it.latchkey.run('organizations.suspend', { organization_id: id })],
    [
      'it makes no users any more',
      ({ connection }) => it.latchkey.run('connections.update', { connection, creates_users: false }),
    ],
  ];
  test.each(changes)('%s: nobody is signed in, and no account made', async (_title, act) => {
    const realm = await realmOf(it);
    const person = { ...someone(), email: `late@${realm.domain}` };
    const { visitor, callback } = await leave(realm, person);
    await act(realm);
    expect(isDone(await visitor.open(callback))).toBe(false);
    expect(await findUser(it.latchkey, person.email)).toBeUndefined();
  });

  test('the domain demands the connection: a session by another one ends its use', async () => {
    const realm = await realmOf(it);
    const person = { ...someone(), email: `both@${realm.domain}` };
    const visitor = newcomer();
    it.tell(person);
    expect(isDone(await it.pass(visitor, await it.begin(visitor)))).toBe(true);
    await demand(it, realm, 'connection');
    expect(pathOf(await it.begin(visitor))).toBe('/restriction');
  });
});

describe('the slug of an erased organization', () => {
  test('signs in none of its users at a connection that takes it later', async () => {
    const gone = await realmOf(it);
    const person = { ...someone(), email: `heir@${gone.domain}` };
    expect(isDone(await arrive(gone, person))).toBe(true);
    await it.latchkey.app.database.sql('delete from organization where id = $1', [toUuid(gone.id as `org_${string}`)]);
    expect(await identitiesOf(it.latchkey, person.email)).toEqual([]);
    await it.connect(gone.connection, { organization_id: evil.id });
    expect(isDone(await arrive({ ...evil, connection: gone.connection }, person))).toBe(false);
  });
});

describe('the operations of an organization', () => {
  test('see and change no connection of another one, nor of the instance', async () => {
    for (const connection of [acme.connection, 'acme'])
      for (const verb of ['read', 'update', 'delete', 'test', 'refresh_metadata']) {
        const members = { organization_id: evil.id, connection, ...(verb === 'update' ? { name: 'Mine' } : {}) };
        expect(await codeOf(it.latchkey, `organizations.connections.${verb}`, members)).toBe('connections.not_found');
      }
    const { connections } = await it.latchkey.run<{ connections: { slug: string }[] }>(
      'organizations.connections.list',
      {
        organization_id: acme.id,
      },
    );
    expect(connections.map(({ slug }) => slug)).toEqual([acme.connection]);
  });

  test('manage its own', async () => {
    const [of, slug] = [{ organization_id: evil.id }, `own-${evil.slug}`];
    const given = { ...of, slug, provider: 'oidc', issuer: it.upstream.url, client_id: 'x', client_secret: 'y' };
    expect(await it.latchkey.run('organizations.connections.create', given)).toMatchObject({
      organization_id: evil.id,
    });
    const own = { ...of, connection: slug };
    expect(await it.latchkey.run('organizations.connections.update', { ...own, name: 'Ours' })).toMatchObject({
      name: 'Ours',
    });
    expect(await it.latchkey.run('organizations.connections.delete', own)).toMatchObject({ deleted: true });
  });
});

describe('ranks', () => {
  const admin = [
    'organization.read',
    'organization.domains.manage',
    'organization.connections.manage',
    'organization.roles.manage',
  ];

  test('nobody maps a group to a role that they could not give', async () => {
    const members = { connection: acme.connection, group_roles: { all: ['TENANT_OWNER'] } };
    expect(await codeFor(it.latchkey, ['connections.manage'], 'connections.update', members)).toBe(
      'access.permissions_not_held',
    );
    expect(
      await codeFor(it.latchkey, ['connections.manage', ...admin], 'connections.update', {
        ...members,
        group_roles: { all: ['TENANT_MANAGER'] },
      }),
    ).toBe('access.permissions_not_held');
    expect(
      await codeOf(it.latchkey, 'connections.update', { ...members, group_roles: { all: ['NO_SUCH_ROLE'] } }),
    ).toBe('roles.not_found');
    expect(
      await codeOf(it.latchkey, 'connections.update', { ...members, group_roles: { all: ['TENANT_MANAGER'] } }),
    ).toBeNull();
    const own = { organization_id: acme.id, connection: acme.connection, name: 'Ours' };
    expect(await codeFor(it.latchkey, admin, 'organizations.connections.update', own)).toBe(
      'access.permissions_not_held',
    );
    // Nor does anybody point a mapping that others made at a provider of their own.
    expect(
      await codeFor(it.latchkey, ['connections.manage'], 'connections.update', {
        connection: acme.connection,
        issuer: 'https://evil.example',
      }),
    ).toBe('access.permissions_not_held');
  });
});
