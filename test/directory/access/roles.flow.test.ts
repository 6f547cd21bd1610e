/** Roles: what they carry and inherit, circles, and what stays out of reach. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { runOperation } from '../../support/operations.ts';
import { codeFor as refusalFor, codeOf as refusal, newOrganization, type TestRole } from '../../support/roles.ts';

let latchkey: TestApp;
let organization: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  organization = await newOrganization(latchkey, 'Acme');
});
afterAll(() => latchkey.close());

const create = (members: object) => latchkey.run<TestRole>('roles.create', members);
const answer = (name: string, members: object) => runOperation(latchkey.app.operations, name, members);
const codeOf = (name: string, members: object) => refusal(latchkey, name, members);
let made = 0;
const fresh = (): string => `role${++made}`;

describe('a role', () => {
  test('carries permissions, inherits roles by name or id, and is found by its name', async () => {
    const first = await create({ name: fresh(), permissions: ['users.read', 'users.read'] });
    const second = await create({ name: fresh(), inherits: [first.name, 'TENANT_USER', first.id] });
    expect(first.permissions).toEqual(['users.read']);
    expect(second.inherits).toEqual(['TENANT_USER', first.name]);
    const { roles } = await latchkey.run<{ roles: TestRole[] }>('roles.list');
    expect(roles.map(({ name }) => name)).toEqual(expect.arrayContaining([first.name, second.name, 'SUPER_ADMIN']));
    expect(await latchkey.run('roles.read', { role_id: first.name })).toEqual(first);
    await latchkey.run('roles.update', { role_id: first.name, description: 'First' });
    expect(await latchkey.run('roles.delete', { role_id: first.name })).toEqual({ id: first.id, deleted: true });
    expect(await codeOf('roles.read', { role_id: first.name })).toBe('roles.not_found');
    expect(await latchkey.run('roles.read', { role_id: second.id })).toMatchObject({ inherits: ['TENANT_USER'] });
  });

  test('takes scopes of APIs that exist', async () => {
    await latchkey.run('apis.create', { identifier: 'https://books.example', scopes: [{ name: 'read' }] });
    const permissions = ['https://books.example read'];
    expect(await create({ name: fresh(), permissions })).toMatchObject({ permissions });
    for (const unknown of ['https://books.example write', 'https://none.example read', 'users.fly', 'read', ''])
      expect(await codeOf('roles.create', { name: fresh(), permissions: [unknown] }), unknown).toBe('roles.invalid');
  });

  test.each([
    ['an id', 'rol_01h455vb4pex5vsknk084sn02q'],
    ['a space', 'two words'],
    ['a quote', `x' or 1=1 --`],
    ['markup', '<b>x</b>'],
    ['nothing', ''],
  ])('cannot be named as %s', async (_what, name) => {
    expect(await codeOf('roles.create', { name })).toBe('input.invalid');
  });

  test('has a name of its own', async () => {
    const { name, id } = await create({ name: fresh() });
    expect(await codeOf('roles.create', { name })).toBe('roles.name_taken');
    expect(await codeOf('roles.update', { role_id: id, name: 'SUPER_ADMIN' })).toBe('roles.name_taken');
    expect(await codeOf('roles.update', { role_id: id, name })).toBeNull();
    const both = await Promise.all([1, 2].map(() => codeOf('roles.create', { name: 'twice' })));
    expect(both.filter((code) => code !== null)).toEqual(['roles.name_taken']);
  });

  test('that is built in stays as it is', async () => {
    const { roles } = await latchkey.run<{ roles: (TestRole & { built_in: boolean })[] }>('roles.list');
    const builtIn = roles.filter((role) => role.built_in);
    expect(builtIn).toHaveLength(6);
    for (const { id } of builtIn) {
      expect(await codeOf('roles.delete', { role_id: id })).toBe('roles.built_in');
      expect(await codeOf('roles.update', { role_id: id, permissions: [] })).toBe('roles.built_in');
    }
  });
});

describe('a circle', () => {
  test('is refused, and shown', async () => {
    const [a, b, c] = [await create({ name: 'a' }), await create({ name: 'b' }), await create({ name: 'c' })];
    await latchkey.run('roles.update', { role_id: a.id, inherits: ['b'] });
    await latchkey.run('roles.update', { role_id: b.id, inherits: ['c'] });
    expect(await answer('roles.update', { role_id: c.id, inherits: ['a'] })).toMatchObject({
      code: 'roles.cycle',
      message: 'The role would inherit itself: c → a → b → c.',
      details: { cycle: ['c', 'a', 'b', 'c'] },
    });
    expect(await answer('roles.update', { role_id: a.id, inherits: ['a'] })).toMatchObject({
      details: { cycle: ['a', 'a'] },
    });
  });

  test('is refused also when requests make it together', async () => {
    for (let round = 0; round < 5; round += 1) {
      const ring = await Promise.all([1, 2, 3, 4].map(() => create({ name: fresh() })));
      const codes = await Promise.all(
        ring.map((role, at) => codeOf('roles.update', { role_id: role.id, inherits: [ring[(at + 1) % 4]!.id] })),
      );
      expect(codes.filter((code) => code !== null)).toEqual(['roles.cycle']);
    }
  });

  test('is none where two ways lead to one role, however many', async () => {
    let layer = [await create({ name: fresh() }), await create({ name: fresh() })];
    for (let depth = 0; depth < 12; depth += 1) {
      const inherits = layer.map(({ id }) => id);
      layer = [await create({ name: fresh(), inherits }), await create({ name: fresh(), inherits })];
    }
    const top = layer[0]!;
    expect(await codeOf('roles.update', { role_id: top.id, inherits: top.inherits })).toBeNull();
  });
});

describe('a role of an organization', () => {
  test('is used there alone, next to the roles of the instance', async () => {
    const other = await newOrganization(latchkey, 'Other');
    const shared = await create({ name: fresh(), permissions: ['organization.read'] });
    const own = await latchkey.run<TestRole>('organizations.roles.create', {
      organization_id: organization,
      name: 'reviewer',
      inherits: [shared.name],
    });
    expect(own).toMatchObject({ organization_id: organization, inherits: [shared.name] });
    const names = async (id: string) =>
      (await latchkey.run<{ roles: TestRole[] }>('organizations.roles.list', { organization_id: id })).roles.map(
        ({ name }) => name,
      );
    expect(await names(organization)).toEqual(expect.arrayContaining(['reviewer', shared.name, 'TENANT_OWNER']));
    expect(await names(other)).not.toContain('reviewer');
    const foreign = { organization_id: other, role_id: own.id };
    for (const [name, members] of [
      ['organizations.roles.read', {}],
      ['organizations.roles.update', { description: 'mine' }],
      ['organizations.roles.delete', {}],
    ] as const)
      expect(await codeOf(name, { ...foreign, ...members }), name).toBe('roles.not_found');
    expect(await codeOf('roles.update', { role_id: own.id, description: 'mine' })).toBe('roles.not_found');
    expect(await codeOf('organizations.roles.create', { organization_id: other, name: 'x', inherits: [own.id] })).toBe(
      'roles.not_found',
    );
    expect(await codeOf('roles.create', { name: fresh(), inherits: [own.id] })).toBe('roles.not_found');
  });

  test('cannot change roles of the instance, take their names or carry their permissions', async () => {
    const shared = await create({ name: fresh() });
    const within = { organization_id: organization };
    expect(await codeOf('organizations.roles.update', { ...within, role_id: shared.id, permissions: [] })).toBe(
      'roles.not_found',
    );
    expect(await codeOf('organizations.roles.create', { ...within, name: 'TENANT_OWNER' })).toBe('roles.name_taken');
    expect(
      await codeOf('organizations.roles.create', { ...within, name: fresh(), permissions: ['users.manage'] }),
    ).toBe('roles.invalid');
  });

  test('needs an organization that exists', async () => {
    const within = { organization_id: 'org_01h455vb4pex5vsknk084sn02q' };
    expect(await codeOf('organizations.roles.create', { ...within, name: 'x' })).toBe('organizations.not_found');
  });
});

describe('an actor', () => {
  const codeFor = (held: string[], name: string, members: object) => refusalFor(latchkey, held, name, members);

  test('puts into a role only permissions that the actor holds, directly or by inheritance', async () => {
    const reader = await create({ name: fresh(), permissions: ['users.read'] });
    const held = ['access.manage', 'audit.read'];
    const refused = 'access.permissions_not_held';
    expect(await codeFor(held, 'roles.create', { name: fresh(), permissions: ['audit.read'] })).toBeNull();
    expect(await codeFor(held, 'roles.create', { name: fresh(), permissions: ['users.read'] })).toBe(refused);
    expect(await codeFor(held, 'roles.create', { name: fresh(), inherits: [reader.id] })).toBe(refused);
    const own = await create({ name: fresh(), permissions: ['audit.read'] });
    expect(await codeFor(held, 'roles.update', { role_id: own.id, permissions: ['users.read'] })).toBe(refused);
    expect(await codeFor(held, 'roles.update', { role_id: own.id, inherits: [reader.id] })).toBe(refused);
    expect(await codeFor(held, 'roles.update', { role_id: reader.id, permissions: [] })).toBe(refused);
    expect(await codeFor(held, 'roles.delete', { role_id: reader.id })).toBe(refused);
    expect(await codeFor(held, 'roles.delete', { role_id: own.id })).toBeNull();
  });
});
