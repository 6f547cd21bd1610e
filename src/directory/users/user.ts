import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import { fromUuid, type Id, toUuid } from '#kernel/ids.ts';
import type { Profile } from './profile.ts';
import {
  type Role,
  RolesColumn,
  type UserStatus,
  ROLE_COLUMNS,
  type RoleHolder,
  roleHolderOf,
  type RoleRow,
} from './role.ts';
import type { EntityManager } from '#kernel/database.ts';

/** The user as the transaction sees them now. */
export async function readUser(em: EntityManager, id: UserId): Promise<User | null> {
  return em.findOne(User, { id }, { refresh: true });
}

/** The active ones among these users, with their names; `withoutEmail`: without an email address alone. */
export async function activeAmong(
  em: EntityManager,
  ids: readonly UserId[],
  { withoutEmail }: { withoutEmail: boolean },
): Promise<{ id: UserId; name: string }[]> {
  const rows = await em.execute<{ id: string; name: string | null }[]>(
    `select id, coalesce(username, email, profile->>'name') as name from users
     where id = any(?::uuid[]) and status = 'active' and (email is null or not ?) order by id`,
    [`{${ids.map(toUuid).join(',')}}`, withoutEmail],
  );
  return rows.map((row) => {
    const id = fromUuid('usr', row.id);
    return { id, name: row.name ?? id };
  });
}

/** Locks a user until the transaction ends, so that with two acts on one account the second one sees the first. */
export async function lockUser(em: EntityManager, id: UserId): Promise<RoleHolder | null> {
  const [row] = await em.execute<RoleRow[]>(`select ${ROLE_COLUMNS} from users u where u.id = ? for update`, [
    toUuid(id),
  ]);
  return row ? roleHolderOf(row) : null;
}

/** Locks the users among these who can act, so that they can until the transaction ends; answers how many. */
export async function lockActive(em: EntityManager, ids: readonly UserId[]): Promise<number> {
  const rows = await em.execute<unknown[]>(
    `select 1 from users where id = any(?::uuid[]) and status = 'active' and deletes_at is null order by id for share`,
    [`{${ids.map(toUuid).join(',')}}`],
  );
  return rows.length;
}

export type UserId = Id<'usr'>;

const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  /** Tells every process that keeps users in memory (known-users.ts). */
  triggers: [
    {
      name: 'users_changed',
      timing: 'after',
      events: ['update', 'delete'],
      forEach: 'row',
      body: `perform pg_notify('latchkey_invalidation', json_build_array('', 'users', old.id)::text); return null`,
    },
    /** Tells every process that keeps pages of the list of users, once for many who come together. */
    {
      name: 'users_added',
      timing: 'after',
      events: ['insert'],
      forEach: 'statement',
      body: `perform pg_notify('latchkey_invalidation', json_build_array('', 'new-users', 'any')::text); return null`,
    },
    /** The flag is the same as the role SUPER_ADMIN (access): nodes of the release before read the flag. */
    {
      name: 'access_flag_mirrored',
      timing: 'after',
      events: ['insert', 'update'],
      forEach: 'row',
      expression: 'by migration',
    },
  ],
  /** Each user can be named. */
  checks: [
    {
      name: 'users_identifier_check',
      expression:
        '(email is null) = (email_canonical is null) and (email is not null or (username is not null and not email_verified))',
    },
  ],
  /** Of the list of users (user-list.ts). */
  indexes: [
    { name: 'users_created_at_index', properties: ['createdAt', 'id'] },
    ...[
      'users_email_order_index',
      'users_name_order_index',
      'users_family_name_index',
      'users_username_order_index',
      'users_phone_number_index',
      'users_disabled_index',
      'users_administrator_index',
    ].map((name) => ({ name, expression: 'by migration' })),
  ],
  properties: {
    id: p.type(new IdColumn('usr')).primary().$type<UserId>(),
    status: p.text().$type<UserStatus>(),
    /** As typed; mail always goes here. Null only for a user with a username. */
    email: p.text().nullable(),
    /** The canonical form for look-ups, limits and uniqueness (see email.ts). */
    emailCanonical: p.text().nullable().unique('users_email_canonical_unique'),
    emailVerified: p.boolean(),
    /** Whether an unverified address must be verified at sign-in. Imported users with an unverified address have it. */
    emailProofDue: p.boolean().default(true),
    /** Since when the primary email address has been proven on this account; null since the account exists. */
    emailSince: p.datetime(3).columnType('timestamptz(3)').nullable(),
    /** In its canonical form (see username.ts); null where the user has none. */
    username: p.text().nullable().unique('users_username_unique'),
    /** Equal for names that look alike. */
    usernameSkeleton: p.text().nullable().unique('users_username_skeleton_unique'),
    /** The id of an imported user in the system before this one. */
    legacyId: p.text().nullable().unique('users_legacy_id_unique'),
    /** E.164 (OpenID Connect Core §5.1). */
    phoneNumber: p.text().nullable(),
    phoneNumberVerified: p.boolean(),
    /** Since when the first number has been proven on this account; null since the account exists. */
    phoneNumberSince: p.datetime(3).columnType('timestamptz(3)').nullable(),
    profile: p.json<Profile>(),
    /** Custom properties of a user, by the operator's schema. */
    properties: p.json<Record<string, unknown>>(),
    /** How the own pages look; null follows the system. */
    theme: p.text().$type<'light' | 'dark'>().nullable(),
    /** The next sign-in must set a new password. */
    passwordUpdateRequired: p.boolean(),
    termsVersion: p.text().nullable(),
    termsAcceptedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
    /** When the account is erased, unless the user signs in before. */
    deletesAt: p.datetime(3).columnType('timestamptz(3)').nullable().index('users_deletes_at_index'),
    roles: p.type(RolesColumn).fieldName('is_administrator').$type<readonly Role[]>(),
    /** Where the setting `organizations.creation` leaves it to single users. */
    canCreateOrganizations: p.boolean().default(false),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    updatedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** A user with the primary email address and the profile (table `users`). */
export class User extends UserSchema.class {}
UserSchema.setClass(User);

/** A user as services give it: with the permissions on the instance, and no mapper sees what is changed. */
export type ReadUser = User & Pick<RoleHolder, 'permissions'>;
