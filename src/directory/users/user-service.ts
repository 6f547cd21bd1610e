import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { z } from 'zod';
import type { AccessRevocation } from './access-revocation.ts';
import { claimEmail } from './address-claims.ts';
import { canonicalEmail, newCanonicalEmail } from './email.ts';
import {
  emailInvalid,
  emailTaken,
  identifierMissing,
  legacyIdTaken,
  profileInvalid,
  userNotFound,
  usernameTaken,
} from './errors.ts';
import { phoneNumberSchema, profileSchema, type Profile } from './profile.ts';
import type { KnownUsers } from './known-users.ts';
import type { RoleHolders } from './role-holders.ts';
import type { Role, RoleRow, UserStatus } from './role.ts';
import { type ReadUser, User, type UserId } from './user.ts';
import { USER_COLUMNS, userOf, type UserRow } from './user-row.ts';
import type { Usernames } from './usernames.ts';
import { userCreated, userDisabled, userEnabled } from './events.ts';

type NewUser = {
  /** May be missing where a username is given. */
  email?: string | undefined;
  /** As typed. */
  username?: string;
  /** The id in the system before this one. */
  legacyId?: string;
  emailVerified?: boolean;
  /** The address is unverified: the user must verify it at sign-in. */
  emailProofDue?: boolean;
  phoneNumber?: string;
  phoneNumberVerified?: boolean;
  profile?: Profile;
  properties?: Record<string, unknown>;
  termsVersion?: string;
  roles?: readonly Role[];
};

export type Revocation = AccessRevocation<'user disabled'>;

type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  accessRevocation: Revocation;
  roleHolders: Pick<RoleHolders, 'requireRightsOver' | 'requireAnother'>;
  usernames: Pick<Usernames, 'accept' | 'read'>;
  /** Called after the status of a user changed. */
  known?: Pick<KnownUsers, 'reread' | 'learn' | 'changed'> | undefined;
};

/** Finds, creates, changes and disables users. */
export class UserService {
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #audit: Pick<AuditLog, 'record'>;
  readonly #accessRevocation: Revocation;
  readonly #roleHolders: Dependencies['roleHolders'];
  readonly #usernames: Dependencies['usernames'];
  readonly #known: Pick<KnownUsers, 'reread' | 'learn' | 'changed'> | undefined;

  constructor({ clock, database, audit, accessRevocation, roleHolders, usernames, known }: Dependencies) {
    this.#clock = clock;
    this.#database = database;
    this.#audit = audit;
    this.#accessRevocation = accessRevocation;
    this.#roleHolders = roleHolders;
    this.#usernames = usernames;
    this.#known = known;
  }

  /**
   * Adds a user in the caller's transaction. Throws users.email_taken, users.email_invalid, users.profile_invalid,
   * users.legacy_id_taken, users.username_taken, users.username_invalid, users.usernames_off, users.identifier_missing.
   */
  async create(em: EntityManager, input: NewUser, by: By): Promise<User> {
    const email = input.email?.trim() ?? null;
    const emailCanonical = email === null ? null : newCanonicalEmail(email);
    if (email !== null && emailCanonical === null) throw emailInvalid();
    const name = input.username === undefined ? null : this.#usernames.accept(input.username);
    if (email === null && name === null) throw identifierMissing();
    if (emailCanonical !== null && !(await claimEmail(em, this.#clock, emailCanonical, null))) throw emailTaken();
    const now = this.#clock.now();
    const user = em.create(User, {
      id: newId('usr'),
      status: 'active',
      email,
      emailCanonical,
      emailVerified: email !== null && (input.emailVerified ?? false),
      emailProofDue: input.emailProofDue ?? false,
      emailSince: null,
      username: name?.username ?? null,
      usernameSkeleton: name?.skeleton ?? null,
      legacyId: input.legacyId ?? null,
      phoneNumber:
        input.phoneNumber === undefined ? null : checked('phone_number', phoneNumberSchema, input.phoneNumber),
      phoneNumberVerified: input.phoneNumberVerified ?? false,
      phoneNumberSince: null,
      profile: checked('profile', profileSchema, input.profile ?? {}),
      properties: input.properties ?? {},
      theme: null,
      passwordUpdateRequired: false,
      termsVersion: input.termsVersion ?? null,
      termsAcceptedAt: input.termsVersion === undefined ? null : now,
      deletesAt: null,
      roles: input.roles ?? [],
      canCreateOrganizations: false,
      createdAt: now,
      updatedAt: now,
    });
    try {
      await em.flush();
    } catch (error) {
      if (!(error instanceof UniqueConstraintViolationException)) throw error;
      throw takenBy(error);
    }
    await this.#audit.record(
      em,
      userCreated({
        ...by,
        subject: { type: 'user', id: user.id },
        details: { email_verified: user.emailVerified },
      }),
    );
    return user;
  }

  /** As data, that changes nothing when it is changed: no mapper, for every step of a sign-in asks it. */
  async findById(id: UserId): Promise<ReadUser | null> {
    const read = () => this.#read(id);
    return this.#known ? this.#known.reread(id, read) : read();
  }

  async #read(id: UserId): Promise<ReadUser | null> {
    return this.#readWhere('u.id = $1', toUuid(id));
  }

  async #readWhere(condition: string, value: string): Promise<ReadUser | null> {
    const [row] = await this.#database.sql<UserRow & RoleRow>(
      `select ${USER_COLUMNS}, access_instance_permissions(u.id) as permissions from users u where ${condition}`,
      [value],
    );
    return row ? userOf(row) : null;
  }

  /** As a condition of an act: the user may sign in, and is neither disabled nor erased at this moment. */
  active(id: UserId): Part {
    return {
      name: 'active_user',
      values: [toUuid(id)],
      text: (at, only) => `
        active_user as (select 1 from users where id = ${at(0)}::uuid and status = 'active' and ${only} for key share skip locked)`,
    };
  }

  /**
   * Finds a user by a typed email address, primary or additional and verified, or by a typed username where usernames are on; null also
   * for an invalid one. Mail goes to `email`, the address as stored; a user who was found by an address has one. A sign-in calls this, so it does not use the object mapper.
   */
  async findByIdentifier(typed: string): Promise<Pick<User, 'id' | 'status' | 'email' | 'emailVerified'> | null> {
    const emailCanonical = canonicalEmail(typed);
    const username = emailCanonical === null ? this.#usernames.read(typed) : null;
    if (emailCanonical === null && username === null) return null;
    const [row] = await this.#database.sql<{
      id: string;
      status: UserStatus;
      email: string | null;
      emailVerified: boolean;
    }>(
      username !== null
        ? `select id, status, email, email_verified as "emailVerified" from users where username = $1`
        : `select id, status, email, email_verified as "emailVerified" from users where email_canonical = $1
       union all
       select u.id, u.status, c.value, true from contact c join users u on u.id = c.user_id
       where c.kind = 'email' and c.canonical = $1 and c.verified_at is not null and c.reserved_until is null`,
      [username ?? emailCanonical],
    );
    return row ? { ...row, id: fromUuid('usr', row.id) } : null;
  }

  /** The whole user with a typed email address or username, as `findByIdentifier` finds them, for a sign-in that goes on with them. */
  async findWhole(typed: string): Promise<ReadUser | null> {
    const emailCanonical = canonicalEmail(typed);
    const username = emailCanonical === null ? this.#usernames.read(typed) : null;
    const read = async () => {
      if (username !== null) return this.#readWhere('u.username = $1', username);
      if (emailCanonical === null) return null;
      return this.#readWhere(
        `u.id = coalesce((select id from users where email_canonical = $1),
           (select c.user_id from contact c
            where c.kind = 'email' and c.canonical = $1 and c.verified_at is not null and c.reserved_until is null limit 1))`,
        emailCanonical,
      );
    };
    return this.#known ? this.#known.learn(read) : read();
  }

  /**
   * A disabled user can neither sign in nor use what was issued before. `isForced` disables also the last owner of an organization.
   * Throws users.not_found, users.rights_missing, users.last_administrator, users.last_owner.
   */
  async changeStatus(id: UserId, status: UserStatus, by: By, options: { isForced?: boolean } = {}): Promise<User> {
    await this.#roleHolders.requireRightsOver(id, by);
    const changed = await this.#database.transaction(async (em) => {
      const left = status === 'disabled' ? await this.#roleHolders.requireAnother(em, id, options) : [];
      const user = await em.findOne(User, { id });
      if (!user) throw userNotFound();
      Object.assign(user, { status, updatedAt: this.#clock.now() });
      await em.flush();
      const of = { ...by, subject: { type: 'user', id } };
      const details = left.length === 0 ? {} : { organizations_without_owner: left.map((each) => each.id) };
      await this.#audit.record(em, status === 'disabled' ? userDisabled({ ...of, details }) : userEnabled(of));
      if (status === 'disabled') await this.#accessRevocation.revoke(em, 'user disabled', id, by);
      return user;
    });
    await this.#known?.changed(id);
    return changed;
  }
}

/** The error for the constraint that another user's data stand against. */
function takenBy({ message }: UniqueConstraintViolationException): Error {
  if (message.includes('users_username')) return usernameTaken();
  return message.includes('users_legacy_id') ? legacyIdTaken() : emailTaken();
}

function checked<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw profileInvalid(
    Object.fromEntries(parsed.error.issues.map((issue) => [issue.path.join('.') || name, issue.message])),
  );
}
