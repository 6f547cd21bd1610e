import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { z } from 'zod';
import type { AccessRevocation } from './access-revocation.ts';
import type { ActivePeople } from './active-people.ts';
import type { ClaimSource } from './claims.ts';
import { claimEmail } from './address-claims.ts';
import { canonicalEmail, newCanonicalEmail } from './email.ts';
import { emailInvalid, emailTaken, profileInvalid, userNotFound } from './errors.ts';
import { phoneNumberSchema, profileSchema, type Profile } from './profile.ts';
import type { Role } from './role.ts';
import { User, type UserId } from './user.ts';
import type { UserStatus } from './user-status.ts';

type NewUser = {
  email: string;
  emailVerified?: boolean;
  /** Nobody vouches for the address: it must be proved when the person signs in. */
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
  access: Revocation;
  /** Told after the status of a user changed. */
  active?: Pick<ActivePeople, 'changed'> | undefined;
};

export class UserService {
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #audit: Pick<AuditLog, 'record'>;
  readonly #access: Revocation;
  readonly #active: Pick<ActivePeople, 'changed'> | undefined;

  constructor({ clock, database, audit, access, active }: Dependencies) {
    this.#clock = clock;
    this.#database = database;
    this.#audit = audit;
    this.#access = access;
    this.#active = active;
  }

  /** Adds a person in the caller's transaction. Throws users.email_taken, users.email_invalid, users.profile_invalid. */
  async create(em: EntityManager, input: NewUser, by: By): Promise<User> {
    const emailCanonical = newCanonicalEmail(input.email);
    if (!emailCanonical) throw emailInvalid();
    if (!(await claimEmail(em, this.#clock, emailCanonical, null))) throw emailTaken();
    const now = this.#clock.now();
    const user = em.create(User, {
      id: newId('usr'),
      status: 'active',
      email: input.email.trim(),
      emailCanonical,
      emailVerified: input.emailVerified ?? false,
      emailProofDue: input.emailProofDue ?? false,
      emailSince: null,
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
      createdAt: now,
      updatedAt: now,
    });
    try {
      await em.flush();
    } catch (error) {
      if (error instanceof UniqueConstraintViolationException) throw emailTaken();
      throw error;
    }
    await this.#audit.record(em, {
      type: 'user.created',
      ...by,
      subject: { type: 'user', id: user.id },
      details: { email_verified: user.emailVerified },
    });
    return user;
  }

  async findById(id: UserId): Promise<User | null> {
    return this.#database.em().findOne(User, { id });
  }

  /** The hot path: one prepared statement without the mapper. */
  async findForClaims(id: UserId): Promise<ClaimSource | null> {
    const [row] = await this.#database.sql<ClaimSource>(
      `select status, email, email_verified as "emailVerified", phone_number as "phoneNumber",
         phone_number_verified as "phoneNumberVerified", profile, properties, updated_at as "updatedAt"
       from users where id = $1`,
      [toUuid(id)],
    );
    return row ?? null;
  }

  /**
   * By the address that somebody typed, the first one of a person or another that they proved; null also when it is none. What
   * is sent goes to `email`, which is the address as it is stored. What a sign-in asks about: no mapper here either.
   */
  async findByIdentifier(typed: string): Promise<Pick<User, 'id' | 'status' | 'email' | 'emailVerified'> | null> {
    const emailCanonical = canonicalEmail(typed);
    if (!emailCanonical) return null;
    const [row] = await this.#database.sql<{ id: string; status: UserStatus; email: string; emailVerified: boolean }>(
      `select id, status, email, email_verified as "emailVerified" from users where email_canonical = $1
       union all
       select u.id, u.status, c.value, true from contact c join users u on u.id = c.user_id
       where c.kind = 'email' and c.canonical = $1 and c.verified_at is not null and c.reserved_until is null`,
      [emailCanonical],
    );
    return row ? { ...row, id: fromUuid('usr', row.id) } : null;
  }

  async list({ limit, after }: { limit: number; after?: UserId }): Promise<User[]> {
    return this.#database.em().find(User, after ? { id: { $gt: after } } : {}, { orderBy: { id: 'asc' }, limit });
  }

  /** A disabled person can neither sign in nor use what was issued before. */
  async changeStatus(id: UserId, status: UserStatus, by: By): Promise<void> {
    await this.#database.transaction(async (em) => {
      const user = await em.findOne(User, { id });
      if (!user) throw userNotFound();
      const before = user.status;
      Object.assign(user, { status, updatedAt: this.#clock.now() });
      await em.flush();
      await this.#audit.record(em, {
        type: 'user.status_changed',
        ...by,
        subject: { type: 'user', id },
        details: { before, after: status },
      });
      if (status === 'disabled') await this.#access.revoke(em, 'user disabled', id, by);
    });
    await this.#active?.changed(id);
  }
}

function checked<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw profileInvalid(
    Object.fromEntries(parsed.error.issues.map((issue) => [issue.path.join('.') || name, issue.message])),
  );
}
