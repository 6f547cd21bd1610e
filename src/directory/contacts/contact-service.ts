import { type Clock, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import { claimEmail } from '#directory/users/address-claims.ts';
import { Contact, type ContactId, type ContactKind } from './contact.ts';
import {
  canonicalEmail,
  newCanonicalEmail,
  heldEmails,
  type HeldEmail,
  User,
  type UserId,
  lockUser,
  MOST_CONTACTS,
  UNDO_WINDOW,
} from '#directory/users/module.ts';
import { emailInvalid } from '#directory/users/errors.ts';
import { dropFirstPhone } from './first-phone.ts';

/** An address or number as its owner sees it. The primary one is the claim for relying parties; it has no id. */
export type ShownContact = { id: ContactId | null; value: string; isFirst: boolean; isVerified: boolean };

/** An address before another one replaced it. */
type FormerEmail = HeldEmail & { isVerified: boolean };
/** Additions from `since`, null means the beginning, and before `until`, null means now. */
type Period = { since: Date | null; until?: Date | null };

/** The end of a period that is not over. */
const FOREVER = new Date('9999-12-31T00:00:00Z');

/** Email addresses and phone numbers of users. Each verb is one rule in the caller's transaction; events and mails are the caller's. */
export class ContactService {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'em' | 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'em' | 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** The first one in front, then as they were added. */
  async list(userId: UserId, kind: ContactKind): Promise<ShownContact[]> {
    const em = this.#database.em();
    const user = await em.findOneOrFail(User, { id: userId });
    const further = await em.find(Contact, { userId, kind, reservedUntil: null }, { orderBy: { createdAt: 'asc' } });
    const [value, isVerified] =
      kind === 'email' ? [user.email, user.emailVerified] : [user.phoneNumber, user.phoneNumberVerified];
    return [
      ...(value ? [{ id: null, value, isFirst: true, isVerified }] : []),
      ...further.map(({ id, value, verifiedAt }) => ({ id, value, isFirst: false, isVerified: verifiedAt !== null })),
    ];
  }

  async find(userId: UserId, kind: ContactKind, id: ContactId): Promise<ShownContact | null> {
    const found = await this.#database.em().findOne(Contact, { id, userId, kind, reservedUntil: null });
    return found && { id, value: found.value, isFirst: false, isVerified: found.verifiedAt !== null };
  }

  /** Adds an unverified one, which has no effect yet, even if another user has it. */
  async add(
    em: EntityManager,
    userId: UserId,
    { kind, value }: { kind: ContactKind; value: string },
  ): Promise<'added' | 'verified_already' | 'too_many'> {
    const canonical = kind === 'email' ? newCanonicalEmail(value) : value;
    if (canonical === null) throw emailInvalid();
    const user = await em.findOneOrFail(User, { id: userId });
    const first = kind === 'email' ? user.emailCanonical : user.phoneNumber;
    const isFirstVerified = kind === 'email' ? user.emailVerified : user.phoneNumberVerified;
    if (canonical === first) return isFirstVerified ? 'verified_already' : 'added';
    const [row] = await em.execute<{ verified_at: Date | null; reserved_until: Date | null }[]>(
      'select verified_at, reserved_until from contact where user_id = ? and kind = ? and canonical = ?',
      [toUuid(userId), kind, canonical],
    );
    if (row?.verified_at && !row.reserved_until) return 'verified_already';
    // An address that was given up stays kept from others, and comes back with its proof.
    if (row) return 'added';
    if ((await em.count(Contact, { userId, kind })) >= MOST_CONTACTS - 1) return 'too_many';
    await em.execute(
      `insert into contact (id, user_id, kind, value, canonical, verified_at, reserved_until, created_at)
       values (?, ?, ?, ?, ?, null, null, ?) on conflict (user_id, kind, canonical) do nothing`,
      [toUuid(newId('cnt')), toUuid(userId), kind, value, canonical, this.#clock.now()],
    );
    return 'added';
  }

  /** After a verification. `first_proof`: the primary address was verified for the first time. */
  async confirmEmail(
    em: EntityManager,
    userId: UserId,
    address: string,
  ): Promise<'confirmed' | 'first_proof' | 'taken' | 'gone'> {
    const canonical = canonicalOf('email', address);
    await lockUser(em, userId);
    if (!(await claimEmail(em, this.#clock, canonical, userId))) return 'taken';
    const now = this.#clock.now();
    const first = await em.execute(
      `update users set email_verified = true, email_proof_due = false, updated_at = ?
       where id = ? and email_canonical = ? and not email_verified returning 1`,
      [now, toUuid(userId), canonical],
    );
    if (first.length > 0) return 'first_proof';
    if (!(await this.#verify(em, userId, 'email', canonical))) return 'gone';
    await this.#makeFirstOfNone(em, userId, canonical);
    return 'confirmed';
  }

  /** The first address that a user without one has proved takes the first place. */
  async #makeFirstOfNone(em: EntityManager, userId: UserId, canonical: string): Promise<void> {
    const now = this.#clock.now();
    const promoted = await em.execute(
      `update users u set email = c.value, email_canonical = c.canonical, email_verified = true, email_proof_due = false,
         email_since = ?, updated_at = ?
       from contact c where u.id = ? and u.email is null and c.user_id = u.id and c.kind = 'email' and c.canonical = ? returning 1`,
      [now, now, toUuid(userId), canonical],
    );
    if (promoted.length > 0)
      await em.execute(`delete from contact where user_id = ? and kind = 'email' and canonical = ?`, [
        toUuid(userId),
        canonical,
      ]);
  }

  /** After a verification. The first verified number of a user becomes the claim for relying parties. */
  async confirmPhone(em: EntityManager, userId: UserId, number: string): Promise<'confirmed' | 'gone'> {
    const now = this.#clock.now();
    const uuid = toUuid(userId);
    const first = await em.execute(
      `update users set phone_number_verified = true, updated_at = ? where id = ? and phone_number = ? returning 1`,
      [now, uuid, number],
    );
    if (first.length > 0) return 'confirmed';
    if (!(await this.#verify(em, userId, 'phone', number))) return 'gone';
    const promoted = await em.execute(
      `update users set phone_number = ?, phone_number_verified = true, phone_number_since = ?, updated_at = ?
       where id = ? and phone_number is null returning 1`,
      [number, now, now, uuid],
    );
    if (promoted.length > 0)
      await em.execute(`delete from contact where user_id = ? and kind = 'phone' and canonical = ?`, [uuid, number]);
    return 'confirmed';
  }

  /**
   * Puts a proven address in the first place. The old one stays with the user, or is kept from others for a while. Each keeps
   * the time since when it has been proven here.
   */
  async replaceEmail(
    em: EntityManager,
    userId: UserId,
    { value, old }: { value: string; old: 'keep' | 'reserve' },
  ): Promise<FormerEmail | 'taken'> {
    const canonical = canonicalOf('email', value);
    const [first] = await heldEmails(em, userId);
    if (!first || !(await claimEmail(em, this.#clock, canonical, userId))) return 'taken';
    const uuid = toUuid(userId);
    const [user] = await em.execute<{ email_verified: boolean }[]>('select email_verified from users where id = ?', [
      uuid,
    ]);
    const former = { ...first, isVerified: user?.email_verified === true };
    const taken = await em.execute<{ canonical: string; verified_at: Date | null }[]>(
      `delete from contact where user_id = ? and kind = 'email' and canonical in (?, ?) returning canonical, verified_at`,
      [uuid, canonical, former.canonical],
    );
    const now = this.#clock.now();
    const since = canonical === former.canonical ? former.since : (provenAt(taken, canonical) ?? now);
    await em.execute(
      `update users set email = ?, email_canonical = ?, email_verified = true, email_proof_due = false, email_since = ?, updated_at = ?
       where id = ?`,
      [value, canonical, since, now, uuid],
    );
    if (former.canonical !== canonical && former.isVerified)
      await em.execute(
        `insert into contact (id, user_id, kind, value, canonical, verified_at, reserved_until, created_at) values (?, ?, 'email', ?, ?, ?, ?, ?)`,
        [
          toUuid(newId('cnt')),
          uuid,
          former.value,
          former.canonical,
          former.since,
          old === 'keep' ? null : fromNow(this.#clock, UNDO_WINDOW),
          former.since,
        ],
      );
    return former;
  }

  /** Puts a proven number in the first place; the old one stays with the user. Each keeps the time of its proof. */
  async replacePhone(em: EntityManager, userId: UserId, id: ContactId): Promise<string | null> {
    const uuid = toUuid(userId);
    const [taken] = await em.execute<{ value: string; verified_at: Date }[]>(
      `delete from contact where id = ? and user_id = ? and kind = 'phone' and verified_at is not null
       returning value, verified_at`,
      [toUuid(id), uuid],
    );
    if (!taken) return null;
    await em.execute(
      `insert into contact (id, user_id, kind, value, canonical, verified_at, reserved_until, created_at)
       select ?, id, 'phone', phone_number, phone_number,
         case when phone_number_verified then coalesce(phone_number_since, created_at) end, null, coalesce(phone_number_since, created_at)
       from users where id = ? and phone_number is not null on conflict do nothing`,
      [toUuid(newId('cnt')), uuid],
    );
    await em.execute(
      `update users set phone_number = ?, phone_number_verified = true, phone_number_since = ?, updated_at = ? where id = ?`,
      [taken.value, taken.verified_at, this.#clock.now(), uuid],
    );
    return taken.value;
  }

  /** The primary email address cannot be removed, only replaced. `reserveUntil` says of an address until when others do not get it. */
  async remove(
    em: EntityManager,
    userId: UserId,
    kind: ContactKind,
    id: ContactId,
    reserveUntil: Date | null = null,
  ): Promise<{ value: string; isVerified: boolean } | null> {
    await lockUser(em, userId);
    const [row] = await em.execute<{ value: string; verified_at: Date | null }[]>(
      reserveUntil === null
        ? `delete from contact where id = ? and user_id = ? and kind = ? and reserved_until is null returning value, verified_at`
        : `update contact set reserved_until = ? where id = ? and user_id = ? and kind = ? and reserved_until is null
           returning value, verified_at`,
      [...(reserveUntil === null ? [] : [reserveUntil]), toUuid(id), toUuid(userId), kind],
    );
    return row ? { value: row.value, isVerified: row.verified_at !== null } : null;
  }

  /** The first number goes only when there is no other that could take its place. */
  async removeFirstPhone(em: EntityManager, userId: UserId): Promise<string | null> {
    const [before] = await em.execute<{ phone_number: string | null }[]>(
      `select phone_number from users where id = ? and not exists
         (select 1 from contact where user_id = users.id and kind = 'phone' and verified_at is not null) for update`,
      [toUuid(userId)],
    );
    if (!before?.phone_number) return null;
    await em.execute(
      `update users set phone_number = null, phone_number_verified = false, phone_number_since = null, updated_at = ?
       where id = ?`,
      [this.#clock.now(), toUuid(userId)],
    );
    return before.phone_number;
  }

  /**
   * Drops what was added in a period, because an intruder may have added it. An address that was given up before
   * `changedAt` stays reserved: it is of an owner before.
   */
  async removeSince(
    em: EntityManager,
    userId: UserId,
    { since, until }: Period,
    changedAt: Date | null = since,
  ): Promise<void> {
    const begin = since ?? new Date(0);
    const end = until ?? FOREVER;
    const reservedSince = new Date((changedAt ?? begin).getTime() + UNDO_WINDOW);
    await em.execute(
      `delete from contact where user_id = ? and case when reserved_until is null
         then tstzrange(?::timestamptz, ?::timestamptz) @> created_at or coalesce(tstzrange(?::timestamptz, ?::timestamptz) @> verified_at, false)
         else tstzrange(?::timestamptz, ?::timestamptz) @> verified_at and reserved_until >= ?::timestamptz end`,
      [toUuid(userId), begin, end, begin, end, begin, end, reservedSince],
    );
    await dropFirstPhone(em, userId, { begin, end, now: this.#clock.now() });
  }

  /** Forgets reservations that are over. */
  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from contact where id in (select id from contact where reserved_until <= $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }

  async #verify(em: EntityManager, userId: UserId, kind: ContactKind, canonical: string): Promise<boolean> {
    const rows = await em.execute(
      `update contact set verified_at = coalesce(verified_at, ?), reserved_until = null
       where user_id = ? and kind = ? and canonical = ? and (verified_at is null or reserved_until is not null) returning 1`,
      [this.#clock.now(), toUuid(userId), kind, canonical],
    );
    return rows.length > 0;
  }
}

function provenAt(rows: readonly { canonical: string; verified_at: Date | null }[], canonical: string): Date | null {
  const at = rows.find((row) => row.canonical === canonical)?.verified_at;
  return at ?? null;
}

function canonicalOf(kind: ContactKind, value: string): string {
  const canonical = kind === 'email' ? canonicalEmail(value) : value;
  if (canonical === null) throw new Error('an address was to be kept that is none');
  return canonical;
}
