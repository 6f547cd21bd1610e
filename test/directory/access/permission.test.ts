import { describe, expect, test } from 'vitest';
import { access, type Permission, permissions } from '#directory/access/module.ts';
import type { Role, RoleHolder } from '#directory/users/module.ts';

const user = (status: RoleHolder['status'], ...roles: string[]): RoleHolder => ({ status, roles: roles as Role[] });

describe('permissions of a user on the instance', () => {
  test.each((Object.keys(permissions) as Permission[]).map((permission) => ({ permission })))(
    '$permission',
    ({ permission }) => {
      expect(access.can(user('active', 'administrator'), permission, 'instance')).toBe(true);
      expect(access.can(user('active'), permission, 'instance')).toBe(false);
      expect(access.can(user('disabled', 'administrator'), permission, 'instance')).toBe(false);
      expect(access.can(user('active', 'administrators'), permission, 'instance')).toBe(false);
    },
  );

  test.each<[what: string, subject: RoleHolder, permission: string, scope: string]>([
    ['a permission that is not known', user('active', 'administrator'), 'users.erase_all', 'instance'],
    ['an empty permission', user('active', 'administrator'), '', 'instance'],
    ['a name of every object', user('active', 'administrator'), 'constructor', 'instance'],
    ['a role of that name', user('active', 'constructor', '__proto__'), 'instance.administer', 'instance'],
    ['a scope that is not known', user('active', 'administrator'), 'instance.administer', 'org_1'],
    ['an empty scope', user('active', 'administrator'), 'instance.administer', ''],
    ['a status that is not known', user('locked' as never, 'administrator'), 'instance.administer', 'instance'],
  ])('denies access to %s', (_what, subject, permission, scope) => {
    expect(access.can(subject, permission as Permission, scope as 'instance')).toBe(false);
  });

  test('one matching role is enough', () => {
    expect(access.can(user('active', 'guest', 'administrator'), 'branding.preview', 'instance')).toBe(true);
  });
});
