import type { Clock } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { fromUuid } from '#kernel/ids.ts';
import type { UserId } from './user.ts';

/** Classes of advisory locks: one address, and all of them. */
const ADDRESS = 0x6c6b_6164;
const EVERY_ADDRESS = 0x6c6b_6561;

/** SQL, true of an additional address that its user holds: proven, and not given up so long ago that others may have it. */
export const HELD = `verified_at is not null and (reserved_until is null or reserved_until > ?)`;

/**
 * Whether a user, or for null a new one, may have an address. It locks the address and checks both tables in which another
 * user may hold it; a parallel check waits until this transaction has ended.
 */
export async function claimEmail(
  em: EntityManager,
  clock: Clock,
  canonical: string,
  userId: UserId | null,
): Promise<boolean> {
  await em.execute('select pg_advisory_xact_lock_shared(?, 0)', [EVERY_ADDRESS]);
  await em.execute('select pg_advisory_xact_lock(?, hashtext(?))', [ADDRESS, canonical]);
  await em.execute(`delete from contact where kind = 'email' and canonical = ? and reserved_until <= ?`, [
    canonical,
    clock.now(),
  ]);
  const holders = await em.execute<{ id: string }[]>(
    `select id from users where email_canonical = ?
     union all select user_id from contact where kind = 'email' and canonical = ? and verified_at is not null`,
    [canonical, canonical],
  );
  return holders.every(({ id }) => fromUuid('usr', id) === userId);
}

/** For bulk writes that check both tables: no address can be claimed until this transaction has ended. */
export async function claimEveryEmail(em: EntityManager): Promise<void> {
  await em.execute('select pg_advisory_xact_lock(?, 0)', [EVERY_ADDRESS]);
}
