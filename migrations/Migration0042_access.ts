import { Migration } from '@mikro-orm/migrations';

/**
 * Roles, groups, and who has which role where. The functions answer which roles and permissions a user has: a sign-in reads them
 * in the statement that reads the user. The flag `users.is_administrator` mirrors the role SUPER_ADMIN for nodes of the release before.
 */
export class Migration0042_access extends Migration {
  override up(): void {
    for (const statement of [...tables, ...functions, ...triggers, ...builtIn, ...carryOver]) this.addSql(statement);
  }
}

const NO_ORGANIZATION = `'00000000-0000-0000-0000-000000000000'::uuid`;

const foreign = (table: string, column: string, target: string): string =>
  `alter table ${table} add constraint ${table}_${column}_foreign
     foreign key (${column}) references ${target} (id) on delete cascade`;

const tables = [
  `create table role (
     id uuid not null, organization_id uuid null, name text not null, description text not null default '',
     is_built_in boolean not null default false, permissions text[] not null default '{}',
     created_at timestamptz(3) not null, updated_at timestamptz(3) not null,
     constraint role_pkey primary key (id)
   )`,
  foreign('role', 'organization_id', 'organization'),
  `create unique index role_name_unique on role (coalesce(organization_id, ${NO_ORGANIZATION}), name)`,
  'create index role_organization_id_index on role (organization_id)',
  `create table role_parent (
     role_id uuid not null, parent_id uuid not null, constraint role_parent_pkey primary key (role_id, parent_id)
   )`,
  foreign('role_parent', 'role_id', 'role'),
  foreign('role_parent', 'parent_id', 'role'),
  'create index role_parent_parent_id_index on role_parent (parent_id)',
  `create table user_group (
     id uuid not null, organization_id uuid null, name text not null, description text not null default '',
     created_at timestamptz(3) not null, updated_at timestamptz(3) not null,
     constraint user_group_pkey primary key (id)
   )`,
  foreign('user_group', 'organization_id', 'organization'),
  `create unique index user_group_name_unique on user_group (coalesce(organization_id, ${NO_ORGANIZATION}), name)`,
  'create index user_group_organization_id_index on user_group (organization_id)',
  `create table user_group_member (
     group_id uuid not null, user_id uuid not null, created_at timestamptz(3) not null,
     constraint user_group_member_pkey primary key (group_id, user_id)
   )`,
  foreign('user_group_member', 'group_id', 'user_group'),
  foreign('user_group_member', 'user_id', 'users'),
  'create index user_group_member_user_id_index on user_group_member (user_id)',
  `create table user_group_parent (
     group_id uuid not null, parent_id uuid not null,
     constraint user_group_parent_pkey primary key (group_id, parent_id)
   )`,
  foreign('user_group_parent', 'group_id', 'user_group'),
  foreign('user_group_parent', 'parent_id', 'user_group'),
  'create index user_group_parent_parent_id_index on user_group_parent (parent_id)',
  `create table role_assignment (
     id uuid not null, user_id uuid null, group_id uuid null, client_id text null, role_id uuid not null,
     organization_id uuid null, expires_at timestamptz(3) null, created_by text null, created_at timestamptz(3) not null,
     constraint role_assignment_pkey primary key (id)
   )`,
  `alter table role_assignment add constraint role_assignment_subject_check
     check (num_nonnulls(user_id, group_id, client_id) = 1)`,
  foreign('role_assignment', 'user_id', 'users'),
  foreign('role_assignment', 'group_id', 'user_group'),
  foreign('role_assignment', 'role_id', 'role'),
  foreign('role_assignment', 'organization_id', 'organization'),
  ...['user_id', 'group_id', 'client_id'].map(
    (subject) => `create unique index role_assignment_${subject}_unique on role_assignment
      (${subject}, role_id, coalesce(organization_id, ${NO_ORGANIZATION})) where ${subject} is not null`,
  ),
  'create index role_assignment_role_id_index on role_assignment (role_id)',
  'create index role_assignment_organization_id_index on role_assignment (organization_id)',
  'create index role_assignment_expires_at_index on role_assignment (expires_at)',
];

const functions = [
  // The roles of a user or a machine client, inherited ones included. In an organization also those on the instance, which are not
  // local. A role in an organization counts for its members, and not while it is suspended. `ends_at`: when the next one may end.
  `create function access_roles(of_user uuid, of_client text, in_organization uuid, at_time timestamptz)
   returns table (held_role uuid, held_name text, held_permissions text[], is_local boolean, ends_at timestamptz)
   language plpgsql stable as $$
   declare place uuid := (
     select o.id from organization o where o.id = in_organization and o.status <> 'suspended' and (of_user is null or exists (
       select 1 from organization_member m where m.organization_id = o.id and m.user_id = of_user)));
   begin
     return query
     with recursive held_group (id) as (
       select m.group_id from user_group_member m where m.user_id = of_user
       union select p.parent_id from held_group h join user_group_parent p on p.group_id = h.id
     ), granted (role_id, organization_id, expires_at) as (
       select a.role_id, a.organization_id, a.expires_at from role_assignment a where a.user_id = of_user
       union all
       select a.role_id, a.organization_id, a.expires_at from role_assignment a where a.client_id = of_client
       union all
       select a.role_id, a.organization_id, a.expires_at from held_group h
       join user_group g on g.id = h.id join role_assignment a on a.group_id = h.id
       where g.organization_id is null or g.organization_id = a.organization_id
     ), counting (role_id, in_place, expires_at) as (
       select g.role_id, g.organization_id is not null, g.expires_at from granted g
       where (g.organization_id is null or g.organization_id = place) and (g.expires_at is null or g.expires_at > at_time)
     ), held (role_id, in_place) as (
       select c.role_id, c.in_place from counting c
       union select p.parent_id, h.in_place from held h join role_parent p on p.role_id = h.role_id
     )
     select r.id, r.name, r.permissions, h.in_place, (select min(c.expires_at) from counting c)
     from held h join role r on r.id = h.role_id
     where r.organization_id is null or (h.in_place and r.organization_id = place);
   end $$`,
  // Most users have no role: for them it costs two looks at an index.
  `create function access_instance_permissions(of_user uuid) returns text[] language plpgsql stable as $$
   begin
     if not exists (select 1 from role_assignment a where a.user_id = of_user)
       and not exists (select 1 from user_group_member m where m.user_id = of_user) then return '{}'; end if;
     return coalesce((
       select array_agg(distinct p) from access_roles(of_user, null, null, now()) r cross join unnest(r.held_permissions) p
     ), '{}');
   end $$`,
];

const SUPER_ADMIN = '00000000-0000-7000-8000-000000000001';
const roleId = (number: number): string => `00000000-0000-7000-8000-00000000000${number}`;

/** Every process forgets what it keeps of the users that a change concerns; null: of all. */
const forget = (topics: readonly string[], key: string): string =>
  topics
    .map((topic) => `perform pg_notify('latchkey_invalidation', json_build_array('', '${topic}', ${key})::text);`)
    .join(' ');
const changed = (name: string, body: string): string =>
  `create function ${name}() returns trigger language plpgsql as $$ begin ${body} return null; end $$`;
const row = `(case when tg_op = 'DELETE' then old else new end)`;

const triggers = [
  changed('access_rules_changed', forget(['access', 'users'], 'null')),
  ...['role', 'role_parent', 'user_group', 'user_group_parent'].map(
    (table) => `create trigger access_changed after insert or update or delete on ${table}
      for each statement execute function access_rules_changed()`,
  ),
  changed('access_of_user_changed', forget(['access', 'users'], `${row}.user_id`)),
  `create trigger access_changed after insert or update or delete on user_group_member
     for each row execute function access_of_user_changed()`,
  `create trigger access_changed after insert or delete on organization_member
     for each row execute function access_of_user_changed()`,
  // The key is a user or a machine client; a group stands for all users.
  changed(
    'access_assignment_changed',
    `${forget(['access'], `coalesce(${row}.user_id::text, ${row}.client_id)`)}
     ${forget(['users'], `${row}.user_id`)}`,
  ),
  `create trigger access_changed after insert or update or delete on role_assignment
     for each row execute function access_assignment_changed()`,
  `create trigger access_changed after update of status on organization
     for each statement execute function access_rules_changed()`,
  // The flag and the role are the same both ways, whichever release writes one of them.
  `create function access_flag_mirrored() returns trigger language plpgsql as $$
   begin
     if tg_op = 'UPDATE' and old.status <> new.status then ${forget(['access'], 'new.id')} end if;
     if new.is_administrator and (tg_op = 'INSERT' or not old.is_administrator) then
       insert into role_assignment (id, user_id, role_id, created_at)
       values (gen_random_uuid(), new.id, '${SUPER_ADMIN}', now())
       on conflict (user_id, role_id, coalesce(organization_id, ${NO_ORGANIZATION})) where user_id is not null
       do update set expires_at = null where role_assignment.expires_at is not null;
     elsif tg_op = 'UPDATE' and old.is_administrator and not new.is_administrator then
       delete from role_assignment where user_id = new.id and role_id = '${SUPER_ADMIN}' and organization_id is null
         and expires_at is null;
     end if;
     return null;
   end $$`,
  `create trigger access_flag_mirrored after insert or update of is_administrator, status on users
     for each row execute function access_flag_mirrored()`,
  `create function access_role_mirrored() returns trigger language plpgsql as $$
   begin
     if tg_op <> 'INSERT' and old.role_id = '${SUPER_ADMIN}' and old.user_id is not null then
       update users u set is_administrator = false where u.id = old.user_id and u.is_administrator and not exists (
         select 1 from role_assignment a where a.user_id = u.id and a.role_id = '${SUPER_ADMIN}'
         and a.organization_id is null and a.expires_at is null);
     end if;
     if tg_op <> 'DELETE' and new.role_id = '${SUPER_ADMIN}' and new.user_id is not null and new.organization_id is null
       and new.expires_at is null then
       update users u set is_administrator = true where u.id = new.user_id and not u.is_administrator;
     end if;
     return null;
   end $$`,
  `create trigger access_role_mirrored after insert or update or delete on role_assignment
     for each row execute function access_role_mirrored()`,
];

const platform = `access.check access.manage access.read apis.manage apis.read audit.read branding.manage branding.preview
  clients.manage clients.read consents.manage consents.read instance.administer keys.read organizations.create organizations.manage
  organizations.read sessions.manage sessions.read settings.read users.manage users.read waitlist.manage waitlist.read
  organization.clients.manage organization.close organization.domains.manage organization.invitations.manage organization.manage
  organization.members.manage organization.members.read organization.policy.manage organization.read organization.roles.manage`;
const owned = `audit.manage database.migrate keys.manage settings.manage users.export`;

const builtInRoles: readonly [name: string, description: string, permissions: string, parent: number | null][] = [
  ['SUPER_ADMIN', 'May do everything on the instance and in every organization', `${platform} ${owned}`, null],
  ['PLATFORM_ADMIN', 'Administers the instance without settings, keys, exports and the audit log', platform, null],
  ['TENANT_OWNER', 'Owns the organization: administers it, and may close it', 'organization.close', 4],
  [
    'TENANT_ADMIN',
    'Administers the organization',
    'organization.manage organization.domains.manage organization.policy.manage organization.roles.manage organization.clients.manage',
    5,
  ],
  [
    'TENANT_MANAGER',
    'Manages the members of the organization',
    'organization.members.read organization.members.manage organization.invitations.manage',
    6,
  ],
  ['TENANT_USER', 'Uses the organization', 'organization.read', null],
];

const builtIn = [
  ...builtInRoles.map(
    ([name, description, permissions], at) => `insert into role
      (id, name, description, is_built_in, permissions, created_at, updated_at)
      values ('${roleId(at + 1)}', '${name}', '${description}', true,
        '{${permissions.split(/\s+/).toSorted().join(',')}}', now(), now())`,
  ),
  ...builtInRoles.flatMap(([, , , parent], at) =>
    parent === null
      ? []
      : [`insert into role_parent (role_id, parent_id) values ('${roleId(at + 1)}', '${roleId(parent)}')`],
  ),
];

const carryOver = [
  `insert into role_assignment (id, user_id, role_id, created_at)
   select gen_random_uuid(), id, '${SUPER_ADMIN}', now() from users where is_administrator`,
];
