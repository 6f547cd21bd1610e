import { defineEntity, p } from '@mikro-orm/core';
import type { RegistrationMethod } from '#credentials/module.ts';
import { type Clock, fromNow, HOUR } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { type PersonDetails, User, type UserId } from '#directory/users/module.ts';

export type Method = RegistrationMethod;
/** How a new user wants to sign in: by what the form offers, or by the upstream provider that brought them. */
type Choice = Method | 'federation';

/** A registration before the verification of its address. It has no effect until then. */
export type Application = PersonDetails & {
  email: string;
  method: Choice;
  /** argon2id; null without a password. */
  passwordHash: string | null;
  termsVersion: string | null;
};

type Pending = Application & { emailCanonical: string };

const PendingRegistrationSchema = defineEntity({
  name: 'PendingRegistration',
  tableName: 'pending_registration',
  properties: {
    /** Of the sign-in that it belongs to: another one cannot finish it. */
    uidHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    email: p.text(),
    emailCanonical: p.text(),
    method: p.text().$type<Choice>(),
    details: p.json<Omit<Application, 'email' | 'method'>>(),
    /** The created user; no other is created. */
    userId: () =>
      p
        .manyToOne(User)
        .mapToPk()
        .nullable()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('pending_registration_user_id_index'),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('pending_registration_expires_at_index'),
  },
});
/** Mapped for the drift test alone; it is written by conditional statements. */
export class PendingRegistration extends PendingRegistrationSchema.class {}
PendingRegistrationSchema.setClass(PendingRegistration);

/** Longer than a sign-in may stand open. */
const LIFETIME = HOUR;

type Row = {
  email: string;
  email_canonical: string;
  method: Choice;
  details: Omit<Application, 'email' | 'method'>;
};
const COLUMNS = 'email, email_canonical, method, details';

/** Stores registrations for an hour until the email address is verified. */
export class PendingRegistrations {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql' | 'em'>;

  constructor(clock: Clock, database: Pick<Database, 'sql' | 'em'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Takes the place of what was pending in this sign-in; nothing does once there is an account. */
  async save(em: EntityManager, uid: string, { email, emailCanonical, method, ...details }: Pending): Promise<void> {
    await em.execute(
      `insert into pending_registration as p (uid_hash, email, email_canonical, method, details, user_id, expires_at)
       values (?, ?, ?, ?, ?::jsonb, null, ?)
       on conflict (uid_hash) do update set email = excluded.email, email_canonical = excluded.email_canonical,
         method = excluded.method, details = excluded.details, expires_at = excluded.expires_at
       where p.user_id is null`,
      [sha256(uid), email, emailCanonical, method, JSON.stringify(details), fromNow(this.#clock, LIFETIME)],
    );
  }

  async find(uid: string): Promise<Pending | null> {
    const [row] = await this.#database.sql<Row>(
      `select ${COLUMNS} from pending_registration where uid_hash = $1 and user_id is null and expires_at > $2`,
      [sha256(uid), this.#clock.now()],
    );
    return row ? read(row) : null;
  }

  /** Locks a pending registration for the creation of its account; null if it is consumed or missing. */
  async take(em: EntityManager, uid: string): Promise<Pending | null> {
    const [row] = await em.execute<Row[]>(
      `select ${COLUMNS} from pending_registration where uid_hash = ? and user_id is null and expires_at > ? for update`,
      [sha256(uid), this.#clock.now()],
    );
    return row ? read(row) : null;
  }

  /** From here on it only says how this user wants to sign in. */
  async close(em: EntityManager, uid: string, { userId, email, emailCanonical, method }: Closing): Promise<void> {
    await em.execute(
      `insert into pending_registration (uid_hash, email, email_canonical, method, details, user_id, expires_at)
       values (?, ?, ?, ?, '{}', ?, ?)
       on conflict (uid_hash) do update set details = '{}', user_id = excluded.user_id, method = excluded.method`,
      [sha256(uid), email, emailCanonical, method, toUuid(userId), fromNow(this.#clock, LIFETIME)],
    );
  }

  /** The credential that a new user chose. */
  async findChoice(uid: string, userId: UserId): Promise<Choice | null> {
    const [row] = await this.#database.sql<{ method: Choice }>(
      'select method from pending_registration where uid_hash = $1 and user_id = $2',
      [sha256(uid), toUuid(userId)],
    );
    return row?.method ?? null;
  }

  /** In `em` it is changed with what else is written there. */
  async changeChoice(uid: string, userId: UserId, method: Method, em = this.#database.em()): Promise<void> {
    await em.execute('update pending_registration set method = ? where uid_hash = ? and user_id = ?', [
      method,
      sha256(uid),
      toUuid(userId),
    ]);
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from pending_registration where uid_hash in (select uid_hash from pending_registration where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}

type Closing = Pick<Pending, 'email' | 'emailCanonical' | 'method'> & { userId: UserId };

function read({ email, email_canonical: emailCanonical, method, details }: Row): Pending {
  return { ...details, email, emailCanonical, method };
}
