import type { Act } from '#kernel/postgres/one-statement.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Facts } from './facts.ts';
import { nothingYet, type Progress } from './progress.ts';
import type { Proof } from './proof.ts';

/** The result of a step: the user and the proof. */
export type Proved = {
  userId: UserId;
  proof: Omit<Proof, 'at'>;
  remember?: boolean;
  /** The writes at the end of this step, and the conditions that must still be true then. */
  act?: Pick<Act, 'conditions' | 'others'>;
};

/** A user who types an address begins from nothing: what was proved before, the session too, may be of another user. */
export function withIdentifier(
  { remember, sentTo, chosen, led }: Progress,
  identifier: string | null,
  { isStepUp }: { isStepUp: boolean },
): Progress {
  return { ...nothingYet, remember, chosen: isStepUp ? 'another' : chosen, sentTo, led, identifier, wants: 'sign-in' };
}

/** A user who proves to be another one than before starts from this proof. */
export function withProof(
  progress: Progress,
  facts: Pick<Facts, 'userId' | 'proofs' | 'assessment'>,
  { userId, proof, remember }: Proved,
  now: number,
): Progress {
  const isSame = facts.userId === userId;
  return {
    ...progress,
    userId,
    assessment: isSame ? facts.assessment : null,
    proofs: [...(isSame ? facts.proofs : []), { ...proof, at: now }],
    remember: remember ?? progress.remember,
  };
}
