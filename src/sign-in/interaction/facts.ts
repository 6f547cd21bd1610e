import type { Factor } from '#credentials/module.ts';
import { type EngineInteraction, FRESH_PROOF, type Level } from '#oidc/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Assessment, Progress } from './progress.ts';
import { amrOfProofs, factorOfAmr, levelOfProofs, type Proof } from './proof.ts';

/** The user whose session the browser brought, if that user may still sign in. */
export type SessionUser = { id: UserId; identifier: string };

/**
 * The proofs of a sign-in: by which user, from which session. Computed here and nowhere else; every step reads them.
 * A session adds to a sign-in only when the request asks to make this very session stronger, and only for its own user.
 */
export type Facts = {
  /** The user of the sign-in: the user who proved something in it, or the user of the session that steps up. */
  userId: UserId | null;
  /** The proofs of `userId` in this sign-in. */
  proofs: readonly Proof[];
  /** The session of `userId` that is made stronger; null where the sign-in starts from nothing. */
  session: { level: Level; amr: readonly string[] } | null;
  /** The session of `userId` in this browser, whether or not it proves something here: it goes on when the others end. */
  ownSessionId: string | null;
  /** Whether `userId` proved something in this sign-in, or their session was proved lately: only then factors are added. */
  isFresh: boolean;
  /** The factors of `session` and `proofs`. */
  proved: readonly Factor[];
  /** The level of `proved`: what demands are held against. 0 for nothing. */
  reached: Level | 0;
  /** The level for the relying party; 0 while nothing is proved. */
  level: Level | 0;
  amr: readonly string[];
  /** The slug of the connection by which `userId` came, in this sign-in or to the session; null for other ways. */
  connection: string | null;
  /** How unlike `userId` this sign-in is; null until that was asked. */
  assessment: Assessment | null;
};

/** The facts of a sign-in that need no database: its user, proofs and level. */
export function factsOf(
  { isStepUp, session }: Pick<EngineInteraction, 'isStepUp' | 'session'>,
  progress: Pick<Progress, 'userId' | 'proofs' | 'chosen' | 'assessment' | 'upstream'>,
  sessionUser: Pick<SessionUser, 'id'> | null,
  now: number,
): Facts {
  const isStrengthened = isStepUp && session !== null && sessionUser !== null && progress.chosen !== 'another';
  const userId = progress.userId ?? (isStrengthened ? sessionUser.id : null);
  const isOwn = userId !== null && session !== null && sessionUser?.id === userId;
  const base = isStrengthened && isOwn ? session : null;
  const first = base === null ? null : factorOfAmr(base.amr);
  const proofs = progress.userId === null ? [] : progress.proofs;
  const all = [...(first === null ? [] : [{ factor: first, amr: [] }]), ...proofs];
  const reached = levelOfProofs(all);
  return {
    userId,
    proofs,
    session: base === null ? null : { level: base.level, amr: base.amr },
    ownSessionId: isOwn ? session.id : null,
    isFresh: proofs.length > 0 || (base?.authTime ?? 0) > now - FRESH_PROOF,
    proved: all.map(({ factor }) => factor),
    reached,
    level: Math.max(reached, base?.level ?? 0) as Level | 0,
    amr: [...new Set([...(base?.amr ?? []), ...amrOfProofs(all)])],
    connection: connectionOf(progress, proofs) ?? base?.connection ?? null,
    assessment: progress.assessment?.userId === userId ? progress.assessment : null,
  };
}

/** Also of an identity that waits for this account: it is linked when the sign-in ends. */
function connectionOf({ userId, upstream }: Pick<Progress, 'userId' | 'upstream'>, proofs: readonly Proof[]) {
  if (userId !== null && upstream?.userId === userId) return upstream.connection.slug;
  return proofs.find(({ connection }) => connection !== undefined)?.connection;
}
