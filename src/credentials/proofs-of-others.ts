import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { UserId } from '#users/module.ts';

/** What a person is recognized by, and when it was put there; null where that is not known, so that it goes always. */
const tables = {
  password: { table: 'password_credential', added: null },
  passkey: { table: 'passkey', added: 'created_at' },
  totp: { table: 'totp_credential', added: 'created_at' },
  'recovery-code': { table: 'recovery_codes', added: 'created_at' },
  identity: { table: 'user_identity', added: 'created_at' },
  enrolment: { table: 'totp_enrolment', added: null },
  'trusted device': { table: 'trusted_device', added: null },
  'known device': { table: 'known_device', added: null },
} as const;

export type ProofKind = keyof typeof tables;

/**
 * Takes away what a person is recognized by, because somebody else may have put it there: what was added since then, or ever
 * (null), but for what they have just proved themselves with. Nobody is asked whether a factor is left.
 */
export async function forgetProofs(
  em: EntityManager,
  userId: UserId,
  { since, keep = [] }: { since: Date | null; keep?: readonly ProofKind[] },
): Promise<void> {
  for (const [kind, { table, added }] of Object.entries(tables)) {
    if (keep.includes(kind as ProofKind)) continue;
    const isRecent = added === null || since === null ? 'true' : `${added} >= ?`;
    await em.execute(`delete from ${table} where user_id = ? and ${isRecent}`, [
      toUuid(userId),
      ...(isRecent === 'true' ? [] : [since]),
    ]);
  }
}
