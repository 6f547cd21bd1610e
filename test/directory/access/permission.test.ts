import { describe, expect, test } from 'vitest';
import { access, type Permission, permissions } from '#directory/access/module.ts';
import type { RoleHolder } from '#directory/users/module.ts';

const user = (status: RoleHolder['status'], ...held: string[]): RoleHolder => ({
  status,
  roles: ['administrator'],
  permissions: held,
});
const all = Object.keys(permissions) as Permission[];

describe('permissions of a user on the instance', () => {
  test.each(all.map((permission) => ({ permission })))('$permission', ({ permission }) => {
    expect(access.can(user('active', permission), permission, 'instance')).toBe(true);
    expect(access.can(user('active'), permission, 'instance')).toBe(false);
    expect(access.can(user('disabled', permission), permission, 'instance')).toBe(false);
    const others = all.filter((other) => other !== permission && !other.startsWith('organizations.'));
    expect(access.can(user('active', ...others), permission, 'instance')).toBe(false);
  });

  test.each<[what: string, subject: RoleHolder, permission: string, scope: string]>([
    ['a permission that is not known', user('active', 'users.erase_all'), 'users.erase_all', 'instance'],
    ['an empty permission', user('active', '', ...all), '', 'instance'],
    ['a name of every object', user('active', 'constructor'), 'constructor', 'instance'],
    ['what a name of every object would bring', user('active', '__proto__', 'constructor'), 'users.read', 'instance'],
    ['a scope that is not known', user('active', ...all), 'instance.administer', 'org_1'],
    ['an empty scope', user('active', ...all), 'instance.administer', ''],
    ['a status that is not known', user('locked' as never, ...all), 'instance.administer', 'instance'],
  ])('denies access to %s', (_what, subject, permission, scope) => {
    expect(access.can(subject, permission as Permission, scope as 'instance')).toBe(false);
  });

  test('a permission on all organizations brings those on each', () => {
    const reader = user('active', 'organizations.read');
    expect(access.can(reader, 'organization.members.read', 'instance')).toBe(true);
    expect(access.can(reader, 'organization.members.manage', 'instance')).toBe(false);
    const manager = user('active', 'organizations.manage');
    expect(access.can(manager, 'organization.close', 'instance')).toBe(true);
    expect(access.can(manager, 'organizations.read', 'instance')).toBe(true);
  });
});

test.each<[held: string, expected: boolean]>([
  ['instance.administer', true],
  ['users.read', true],
  ['settings.manage', true],
  ['organizations.manage', true],
  ['access.manage', true],
  ['branding.preview', false],
  ['access.check', false],
  ['organizations.create', false],
  ['organization.close', false],
  ['https://api.example.com read', false],
])('whether %s asks for more proof: %s', (held, expected) => {
  expect(access.isAdministrative(user('active', held))).toBe(expected);
  expect(access.isAdministrative(user('disabled', held))).toBe(false);
});
