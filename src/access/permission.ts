import type { Role, RoleHolder } from '#users/module.ts';

/** Everything that a user may be allowed to do. */
export const permissions = [
  /** The instance is in the user's hands, so they prove more of themselves than others do. */
  'instance.administer',
  'branding.preview',
] as const;
export type Permission = (typeof permissions)[number];

/** Where it is allowed. */
export type Scope = 'instance';

const brings: Readonly<Record<Role, ReadonlySet<string>>> = { administrator: new Set(permissions) };

/** Deny by default: a user who is disabled, a permission that is not known and a scope that is not known get a no. */
export const access = {
  can(subject: RoleHolder, permission: Permission, scope: Scope): boolean {
    if (subject.status !== 'active' || scope !== 'instance') return false;
    return subject.roles.some((role) => Object.hasOwn(brings, role) && brings[role].has(permission));
  },
} as const;
