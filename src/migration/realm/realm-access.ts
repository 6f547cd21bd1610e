/** Roles and groups of a realm of Keycloak, as they are named here. */
import { isObject, type Members, objectIn, objectsIn, textIn } from '../sources/members.ts';
import type { AccessNames } from '../sources/keycloak.ts';
import { LONGEST_DESCRIPTION, LONGEST_NAME_OF_ACCESS, LONGEST_ROLE } from '../limits.ts';

type RealmRole = { name: string; description: string; inherits: string[]; warnings: string[] };
/** `parent`: the name of the group above it. */
type RealmGroup = { name: string; parent: string | null; roles: string[]; warnings: string[] };
type RealmAccess = {
  /** Each after those that it inherits. */
  roles: RealmRole[];
  /** Each after the one above it. */
  groups: RealmGroup[];
  accessOf: AccessNames;
};

/** Clients that every realm has, for Keycloak itself. */
const OWN_CLIENTS = new Set([
  'account',
  'account-console',
  'admin-cli',
  'broker',
  'realm-management',
  'security-admin-console',
]);
/** Roles that every realm has; in the realm `master` the roles of administrators too. */
const OWN_ROLES = new Set(['offline_access', 'uma_authorization', 'admin', 'create-realm']);

/** Whether a client belongs to Keycloak; in the realm `master` each realm has one for its administrators. */
export function isOwnClient(clientId: string, realm: Members): boolean {
  return OWN_CLIENTS.has(clientId) || (realm['realm'] === 'master' && clientId.endsWith('-realm'));
}

/**
 * The roles and groups of a realm. A role of a client is called `client:role`, a group by its path. No role gets a name in `taken`: it
 * would be one that rules here.
 */
export function readAccess(realm: Members, taken: ReadonlySet<string>): RealmAccess {
  const given = givenRoles(realm);
  const names = namesFor(given, taken);
  const described = new Map(given.map((role) => [role.key, { ...role, name: names.get(role.key) ?? '' }]));
  const groups = givenGroups(realm);
  const rolesOf = (holder: Members): string[] => keysOf(holder).flatMap((key) => names.get(key) ?? []);
  const groupNames = new Map(groups.map(({ path, name }) => [path, name]));
  return {
    roles: inOrder(described),
    groups: groups.map(({ group, name, parent, warnings }) => ({ name, parent, roles: rolesOf(group), warnings })),
    accessOf: (user) => ({
      roles: rolesOf(user),
      groups: textsIn(user, 'groups').flatMap((path) => groupNames.get(path) ?? []),
    }),
  };
}

type GivenRole = { key: string; wanted: string; description: string; parents: string[] };

/** Keycloak's own roles are left out, and what holds nothing but them. */
function givenRoles(realm: Members): GivenRole[] {
  const roles = objectIn(realm, 'roles');
  const inRealm = objectsIn(roles, 'realm').map((role) => roleOf(role, null));
  const inClients = Object.keys(objectIn(roles, 'client'))
    .filter((client) => !isOwnClient(client, realm))
    .flatMap((client) => objectsIn(objectIn(roles, 'client'), client).map((role) => roleOf(role, client)));
  const all = [...inRealm, ...inClients].flatMap((role) => role ?? []);
  const known = new Set(all.map(({ key }) => key));
  return all
    .map((role) => ({ ...role, parents: role.parents.filter((parent) => known.has(parent)) }))
    .filter(({ wanted, parents }) => !wanted.startsWith('default-roles-') || parents.length > 0);
}

function roleOf(role: Members, client: string | null): GivenRole | null {
  const name = textIn(role, 'name');
  if (name === undefined || (client === null ? OWN_ROLES.has(name) : name === 'uma_protection')) return null;
  const composites = objectIn(role, 'composites');
  return {
    key: keyOf(client, name),
    wanted: client === null ? name : `${client}:${name}`,
    description: descriptionOf(role),
    parents: keysOf({ realmRoles: composites['realm'], clientRoles: composites['client'] }),
  };
}

/** A text between `${` and `}` is a name of a translation. */
function descriptionOf(role: Members): string {
  const text = (textIn(role, 'description') ?? '').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return text.startsWith('${') ? '' : text.slice(0, LONGEST_DESCRIPTION).trim();
}

const keyOf = (client: string | null, role: string): string => JSON.stringify([client, role]);

function keysOf(holder: Members): string[] {
  const clients = objectIn(holder, 'clientRoles');
  return [
    ...textsIn(holder, 'realmRoles').map((name) => keyOf(null, name)),
    ...Object.keys(clients).flatMap((client) => textsIn(clients, client).map((name) => keyOf(client, name))),
  ];
}

function namesFor(roles: readonly GivenRole[], taken: ReadonlySet<string>): Map<string, string> {
  const used = new Set(taken);
  const names = new Map<string, string>();
  for (const { key, wanted } of roles) {
    const plain = wanted
      .normalize('NFKD')
      .replaceAll(/\p{M}+/gu, '')
      .replaceAll(/[^A-Za-z0-9_.:-]+/g, '-');
    const begins = /^(?!rol_)[A-Za-z]/.test(plain) ? plain : `role-${plain}`;
    const name = uniqueName(begins, LONGEST_ROLE, used);
    used.add(name);
    names.set(key, name);
  }
  return names;
}

function uniqueName(wanted: string, longest: number, used: ReadonlySet<string>): string {
  const cut = wanted.slice(0, longest);
  if (!used.has(cut)) return cut;
  for (let number = 2; ; number += 1) {
    const end = `-${number}`;
    const name = `${wanted.slice(0, longest - end.length)}${end}`;
    if (!used.has(name)) return name;
  }
}

/** A role that would inherit itself does not. */
function inOrder(roles: ReadonlyMap<string, GivenRole & { name: string }>): RealmRole[] {
  const done = new Map<string, RealmRole>();
  const open = new Set<string>();
  const visit = (key: string): void => {
    const role = roles.get(key);
    if (!role || done.has(key)) return;
    open.add(key);
    for (const parent of role.parents) if (!open.has(parent)) visit(parent);
    const inherits = role.parents.filter((parent) => done.has(parent));
    done.set(key, {
      name: role.name,
      description: role.description,
      inherits: inherits.flatMap((parent) => done.get(parent)?.name ?? []),
      warnings: [
        ...(role.name === role.wanted ? [] : [`name: the role ${role.wanted} is called ${role.name} here`]),
        ...(inherits.length === role.parents.length
          ? []
          : ['composites: a role that would inherit itself is left out']),
      ],
    });
    open.delete(key);
  };
  for (const key of roles.keys()) visit(key);
  return [...done.values()];
}

type GivenGroup = { group: Members; path: string; name: string; parent: string | null; warnings: string[] };

function givenGroups(realm: Members): GivenGroup[] {
  const used = new Set<string>();
  const visit = (group: Members, above: { path: string; name: string } | null): GivenGroup[] => {
    const own = textIn(group, 'name');
    if (own === undefined) return [];
    const path = textIn(group, 'path') ?? `${above?.path ?? ''}/${own}`;
    const wanted = path
      .replace(/^\//, '')
      .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
      .trim();
    const name = uniqueName(wanted === '' ? 'group' : wanted, LONGEST_NAME_OF_ACCESS, used);
    used.add(name);
    const attributes = Object.keys(objectIn(group, 'attributes'));
    const warnings = [
      ...(name === wanted ? [] : [`name: the group ${path} is called ${name} here`]),
      ...(attributes.length === 0 ? [] : ['attributes: left out: a group has none here']),
    ];
    const below = objectsIn(group, 'subGroups').flatMap((each) => visit(each, { path, name }));
    return [{ group, path, name, parent: above?.name ?? null, warnings }, ...below];
  };
  return objectsIn(realm, 'groups').flatMap((group) => visit(group, null));
}

function textsIn(record: Members, name: string): string[] {
  const value = isObject(record) ? record[name] : undefined;
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
