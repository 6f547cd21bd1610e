import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { UserId } from './user.ts';

/** An email address of an account, and since when it has been there. */
export type HeldEmail = {
  /** As its user typed it. */
  value: string;
  canonical: string;
  /** Since when it has been proven on this account. */
  since: Date;
  /** `given_up`: another address took its place, and it is kept from other accounts for a while. */
  place: 'first' | 'further' | 'given_up';
  /** Whether it has been there as long as the account. */
  isOriginal: boolean;
};

type UserRow = { email: string | null; email_canonical: string | null; since: Date; created_at: Date };
type ContactRow = { value: string; canonical: string; verified_at: Date; reserved_until: Date | null };

/** The primary email address, and every other one that was proven. Locks the user. Empty for no such user, and without any. */
export async function heldEmails(em: EntityManager, userId: UserId): Promise<HeldEmail[]> {
  const [user] = await em.execute<UserRow[]>(
    `select email, email_canonical, coalesce(email_since, created_at) as since, created_at from users
     where id = ? for update`,
    [toUuid(userId)],
  );
  if (!user) return [];
  const contacts = await em.execute<ContactRow[]>(
    `select value, canonical, verified_at, reserved_until from contact
     where user_id = ? and kind = 'email' and verified_at is not null and canonical is distinct from ?`,
    [toUuid(userId), user.email_canonical],
  );
  const createdAt = user.created_at;
  const held = (row: Pick<HeldEmail, 'value' | 'canonical' | 'place'>, since: Date): HeldEmail => {
    return { ...row, since, isOriginal: since <= createdAt };
  };
  return [
    ...(user.email === null || user.email_canonical === null
      ? []
      : [held({ value: user.email, canonical: user.email_canonical, place: 'first' }, user.since)]),
    ...contacts.map(({ value, canonical, verified_at: since, reserved_until: until }) =>
      held({ value, canonical, place: until === null ? 'further' : 'given_up' }, since),
    ),
  ];
}
