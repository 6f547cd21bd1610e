import type { Role, RoleHolder } from '#directory/users/module.ts';

/** Everything that a user may be allowed to do on the instance, and what it is. */
export const permissions = {
  'instance.administer': 'Administer the instance: users who may are asked for more proof than others',
  'branding.preview': 'See a preview of every page',
  'users.read': 'Read users, and which credentials they have',
  'users.manage': 'Create, change, disable, enable, import and invite users, and reset their credentials',
  'users.export': 'Export users, with password hashes on request',
  'sessions.read': 'Read in which browsers users are signed in',
  'sessions.manage': 'Sign users out',
  'consents.read': 'Read what users allowed to clients',
  'consents.manage': 'Take back what users allowed to clients',
  'waitlist.read': 'Read the waitlist',
  'waitlist.manage': 'Invite from the waitlist and remove from it',
  'clients.read': 'Read clients',
  'clients.manage': 'Create, change and delete clients and their secrets, and make registration tokens',
  'apis.read': 'Read APIs and their scopes',
  'apis.manage': 'Create, change and delete APIs',
  'keys.read': 'Read signing keys, without their private part',
  'keys.manage': 'Rotate signing keys and encrypt stored secrets again',
  'settings.read': 'Read the settings of the instance',
  'settings.manage': 'Change the settings of the instance',
  'branding.manage': 'Change logos, the stylesheet and the brands of clients',
  'organizations.read': 'List organizations',
  'organizations.create': 'Create organizations',
  'organizations.manage': 'Suspend organizations and make them active again',
  'organization.read': 'Read an organization',
  'organization.manage': 'Change name, slug, brand and metadata of an organization',
  'organization.close': 'Close an organization, and call that off',
  'organization.members.read': 'Read the members of an organization',
  'organization.members.manage': 'Add and remove members of an organization, and change their roles',
  'audit.read': 'Read and verify the audit log',
  'audit.manage': 'Remove old months from the audit log',
  'database.migrate': 'Bring the database up to date',
} as const satisfies Readonly<Record<string, string>>;
export type Permission = keyof typeof permissions;

/** Where it is allowed. */
export type Scope = 'instance';

const brings: Readonly<Record<Role, ReadonlySet<string>>> = { administrator: new Set(Object.keys(permissions)) };

/** Deny by default: a user who is disabled, a permission that is not known and a scope that is not known get a no. */
export const access = {
  can(subject: RoleHolder, permission: Permission, scope: Scope): boolean {
    if (subject.status !== 'active' || scope !== 'instance') return false;
    return subject.roles.some((role) => Object.hasOwn(brings, role) && brings[role].has(permission));
  },

  /** Every permission that one of these roles brings. */
  broughtBy(roles: readonly Role[]): readonly string[] {
    return [...new Set(roles.flatMap((role) => (Object.hasOwn(brings, role) ? [...brings[role]] : [])))];
  },
} as const;
