import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { UserId } from '#users/module.ts';

/** Keeps the passkeys of somebody else from standing where the owner has come back; each has the time at which it was added. */
const TIMED = ['passkey', 'totp_credential', 'recovery_codes', 'user_identity'] as const;
/** Small conveniences that are made again, and what was begun. */
const ALWAYS = ['totp_enrolment', 'trusted_device', 'known_device'] as const;

/**
 * Takes away what a person is recognized by, when somebody else may have put it there: everything that was added since then,
 * or ever (null). The password goes always, because the other one may know it. Nobody is asked whether a factor is left.
 */
export async function forgetProofs(em: EntityManager, userId: UserId, since: Date | null): Promise<void> {
  const uuid = toUuid(userId);
  for (const table of ['password_credential', ...ALWAYS])
    await em.execute(`delete from ${table} where user_id = ?`, [uuid]);
  for (const table of TIMED)
    await em.execute(`delete from ${table} where user_id = ? and created_at >= ?`, [uuid, since ?? new Date(0)]);
}
