import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Factor, methods } from './methods.ts';

type Credential = NonNullable<(typeof methods)[Factor]['credential']>;

/** A credential or contact of a user with its time of addition; null if unknown, so that it is always removed. */
const tables = {
  password: { table: 'password_credential', added: null, used: null },
  passkey: { table: 'passkey', added: 'created_at', used: 'last_used_at' },
  totp: { table: 'totp_credential', added: 'created_at', used: 'used_at' },
  'recovery-code': { table: 'recovery_codes', added: 'created_at', used: null },
  identity: { table: 'user_identity', added: 'created_at', used: 'last_used_at' },
  enrolment: { table: 'totp_enrolment', added: null, used: null },
} as const satisfies Record<Credential, object> & Record<string, object>;

type ProofKind = keyof typeof tables;

/**
 * Takes away what a user is recognized by, because another user may have put it there: what was added from `since` on, null from
 * the beginning, and before `until`, null to this day, but for what they have just proved themselves with. It is never checked whether
 * a factor is left.
 */
export async function forgetProofs(
  em: EntityManager,
  userId: UserId,
  { since, until = null, keep = [] }: { since: Date | null; until?: Date | null; keep?: readonly ProofKind[] },
): Promise<void> {
  for (const [kind, { table, added }] of Object.entries(tables)) {
    if (keep.includes(kind as ProofKind)) continue;
    const bounds = added === null ? [] : [since, until];
    await em.execute(
      `delete from ${table} where user_id = ? ${bounds[0] ? `and ${added} >= ?` : ''} ${bounds[1] ? `and ${added} < ?` : ''}`,
      [toUuid(userId), ...bounds.filter((bound) => bound !== null)],
    );
  }
}

/** Whether a factor that was added in this period was used after it. */
export async function hasUsedProofs(
  em: EntityManager,
  userId: UserId,
  { since, until }: { since: Date; until: Date },
): Promise<boolean> {
  for (const { table, added, used } of Object.values(tables)) {
    if (used === null) continue;
    const found = await em.execute<unknown[]>(
      `select 1 from ${table} where user_id = ? and ${added} >= ? and ${added} < ? and ${used} >= ? limit 1`,
      [toUuid(userId), since, until, until],
    );
    if (found.length > 0) return true;
  }
  return false;
}
