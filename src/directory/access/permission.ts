import type { Role, RoleHolder } from '#directory/users/module.ts';

/** Everything that a user may be allowed to do on the instance, and what it is. */
const onInstance = {
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
  'connections.read': 'Read connections to identity providers, without their secrets',
  'connections.manage': 'Create, change and delete connections to identity providers',
  'identities.tokens.export': 'Fetch tokens of users at identity providers, and act there for them',
  'apis.read': 'Read APIs and their scopes',
  'apis.manage': 'Create, change and delete APIs',
  'keys.read': 'Read signing keys, without their private part',
  'keys.manage': 'Rotate signing keys and encrypt stored secrets again',
  'settings.read': 'Read the settings of the instance',
  'settings.manage': 'Change the settings of the instance',
  'branding.manage': 'Change logos, the stylesheet and the brands of clients',
  'audit.read': 'Read and verify the audit log',
  'audit.manage': 'Remove old months from the audit log',
  'jobs.read': 'Read waiting, running and failed jobs, and schedules',
  'jobs.manage': 'Run, repeat and cancel jobs',
  'database.migrate': 'Bring the database up to date',
  'organizations.read': 'Read all organizations, their members and their roles',
  'organizations.create': 'Create organizations',
  'organizations.manage': 'Suspend and resume all organizations, and do everything in them',
  'access.read': 'Read roles, groups and assignments, and explain permissions',
  'access.manage': 'Create, change and delete roles and groups of the instance, and assign roles on it',
  'access.check': 'Ask what a user or a machine client may do',
} as const satisfies Readonly<Record<string, string>>;

/** Everything that a member may be allowed to do in one organization. */
const inOrganization = {
  'organization.read': 'Read the organization',
  'organization.manage': 'Change name, slug, brand and metadata of the organization',
  'organization.close': 'Close the organization, and call that off',
  'organization.members.read': 'Read the members of the organization and their roles',
  'organization.members.manage': 'Add and remove members of the organization, and change their roles',
  'organization.invitations.manage': 'Invite people to the organization',
  'organization.domains.manage': 'Add, prove and remove domains of the organization',
  'organization.connections.read': 'Read connections of the organization to identity providers, without their secrets',
  'organization.connections.manage': 'Create, change and delete connections of the organization to identity providers',
  'organization.policy.manage': 'Tighten the policies for members of the organization',
  'organization.roles.manage': 'Create, change and delete roles and groups of the organization',
  'organization.audit.read': 'Read the audit log of the organization',
  'organization.clients.manage': 'Let machine clients act for the organization',
} as const satisfies Readonly<Record<string, string>>;

export const permissions = { ...onInstance, ...inOrganization } as const;

/** Everything that each active user may do with their own data, through a client whose token has the scope. No role carries it. */
const ownPermissions = {
  'own_profile.read': 'Read your profile, your email address and your phone number',
  'own_profile.manage': 'Change your profile',
  'own_organizations.read': 'Read to which organizations you belong, and what you may do there',
  'own_sessions.read': 'Read in which browsers you are signed in',
  'own_sessions.manage': 'Sign you out in a browser',
  'own_factors.read': 'Read with which credentials you sign in, without their secrets',
  'own_data.export': 'Download everything that is stored about you, shortly after you signed in',
  'own_identities.tokens.export': 'Fetch your access tokens at identity providers, and act there for you',
} as const satisfies Readonly<Record<string, string>>;

export type Permission = keyof typeof permissions;
export type OwnPermission = keyof typeof ownPermissions;

/** The scopes of the management API. */
export const apiScopes = { ...permissions, ...ownPermissions } as const;

/** Whether it is about the caller's own data. */
export const isOwn = (name: string): name is OwnPermission => Object.hasOwn(ownPermissions, name);

/** Where it is allowed: on the instance, or in the organization with this id. */
export type Scope = 'instance' | { organization: string };

/** A permission that brings others: in every organization, what its holders may do to all of them. */
const implied: Readonly<Record<string, readonly string[]>> = {
  'organizations.read': ['organization.read', 'organization.members.read'],
  'organizations.manage': ['organizations.read', ...Object.keys(inOrganization)],
};

/** These permissions with those that they bring. */
export function expanded(names: Iterable<string>): Set<string> {
  const all = new Set(names);
  for (const name of all) for (const other of Object.hasOwn(implied, name) ? implied[name]! : []) all.add(other);
  return all;
}

/** Whether it counts within one organization: what belongs to the instance never does, scopes of APIs do. */
export const isOfOrganizations = (name: string): boolean =>
  Object.hasOwn(inOrganization, name) || !(Object.hasOwn(onInstance, name) || isOwn(name));

/** The permissions on the instance that do not ask their holders for more proof than other users. */
const ordinary: ReadonlySet<string> = new Set(['branding.preview', 'access.check', 'organizations.create']);
const administrative = Object.keys(onInstance).filter((name) => !ordinary.has(name));

/** Deny by default: a user who is disabled, a permission that is not known and a scope that is not known get a no. */
export const access = {
  /** By what was read with the user. In an organization `EffectivePermissions` answers. */
  can(subject: RoleHolder, permission: Permission, scope: 'instance'): boolean {
    if (subject.status !== 'active' || scope !== 'instance' || !Object.hasOwn(permissions, permission)) return false;
    return expanded(subject.permissions).has(permission);
  },

  /** Whether the user has an administrative permission on the instance: such users are asked for more proof. */
  isAdministrative({ status, permissions: held }: RoleHolder): boolean {
    return status === 'active' && administrative.some((name) => held.includes(name));
  },

  /** The role that the first administrator has brings every permission. */
  broughtBy(roles: readonly Role[]): readonly string[] {
    return roles.includes('administrator') ? Object.keys(permissions) : [];
  },

  expanded,
} as const;
