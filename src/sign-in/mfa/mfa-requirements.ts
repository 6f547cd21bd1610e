import { access } from '#directory/access/module.ts';
import { DAY, SECOND } from '#kernel/clock.ts';
import { type Factor, hasConfirmed, hasTwoSteps, hasUsable, isFactorDemanded, methods } from '#credentials/module.ts';
import type { Requirements, SignInFacts, StepRequirements } from '#sign-in/interaction/module.ts';
import type { Policy } from '#settings/module.ts';

/** The facts that decide about the second factor. */
export type MfaFacts = Pick<SignInFacts, 'held' | 'proved' | 'proofs' | 'canText' | 'now'> & {
  user: Pick<SignInFacts['user'], 'status' | 'email' | 'roles' | 'permissions'>;
  policy: Pick<SignInFacts['policy'], 'mfa'>;
};

/** The second factor that policy and account require. */
export function mfaRequirements(
  facts: MfaFacts,
): Required<
  Pick<StepRequirements, 'factors' | 'hasConfirmed' | 'required' | 'spared' | 'isTrusted' | 'tasks' | 'offers'>
> {
  const {
    user,
    held,
    policy: { mfa },
  } = facts;
  const resetAt = resetOf(facts);
  const factors = heldFactors(facts);
  const canUseOne = holdsUsable(facts);
  const isDemanded = isFactorDemanded(mfa, user);
  const wantsTwo = mfa.enforcement !== 'off' && hasTwoSteps(held);
  const isSpared = isDemanded && resetAt === null && !hasConfirmed(held) && factors.length === 0 && isGrace(facts);
  // Also of a user who proved the mailbox in this sign-in, after a reset or because it was odd: that is for once.
  const mustAdd = isDemanded && !isSpared && !canUseOne && !countsSentCodes(facts) && !isToldOfTwo(facts);
  const required = resetAt !== null || (isDemanded && !isSpared) || wantsTwo ? 2 : 1;
  const isAlwaysAsked = access.isAdministrative(user);
  // Trust spares a factor that could be asked for. Where none can be, it proves nothing.
  const isTrustable = !isAlwaysAsked && required === 2 && resetAt === null && (canUseOne || !hasConfirmed(held));
  const isTrusted = isTrustable && held.hasTrust;
  return {
    factors,
    hasConfirmed: hasConfirmed(held),
    required,
    spared: sparedBy(facts, { isSpared, isTrusted }),
    isTrusted,
    tasks: held.showsCodes ? ['recovery-codes'] : [],
    offers: isSpared || mustAdd ? ['enrol-factor'] : [],
  };
}

function sparedBy(
  { held: { askedAt, trustedAt }, now }: MfaFacts,
  { isSpared, isTrusted }: { isSpared: boolean; isTrusted: boolean },
): Requirements['spared'] {
  const epoch = (at: Date | null): number => Math.floor((at ?? now).getTime() / SECOND);
  if (isSpared) return { by: 'grace', since: epoch(askedAt) };
  return isTrusted ? { by: 'trust', since: epoch(trustedAt) } : null;
}

/** Passkeys are second factors only where the policy names them. */
const holdsUsable = ({ held, policy: { mfa } }: Pick<MfaFacts, 'held' | 'policy'>): boolean =>
  mfa.factors.includes('passkey') ? hasUsable(held) : held.hasTotp;

/** The upstream provider asked for a second factor, so that this user needs none here. */
const isToldOfTwo = ({ proofs }: Pick<MfaFacts, 'proofs'>): boolean =>
  proofs.some(({ factor, amr }) => methods[factor].tellsTwo && amr.includes('mfa'));

const countsSentCodes = ({ user, policy: { mfa }, canText }: MfaFacts): boolean =>
  (mfa.emailCodes && Boolean(user.email)) || (mfa.smsCodes && canText);

/** A user without an email address has no mailbox to prove after a reset: the check by the operator is all there is. */
const resetOf = ({ user, held }: MfaFacts): Date | null => (user.email ? held.resetAt : null);

/** Until when adding a factor may be put off; null when it may not. */
export function graceEnd(
  { graceDays }: Pick<Policy<'mfa'>, 'graceDays'>,
  { askedAt, now }: { askedAt: Date | null; now: Date },
): Date | null {
  return graceDays === 0 ? null : new Date((askedAt ?? now).getTime() + graceDays * DAY);
}

function isGrace({ policy: { mfa }, held: { askedAt }, now }: MfaFacts): boolean {
  const end = graceEnd(mfa, { askedAt, now });
  return end !== null && now < end;
}

/** The passkey slice contributes passkeys. The first factor does not count as the second. */
function heldFactors(facts: MfaFacts): readonly Factor[] {
  const {
    user,
    held,
    policy: { mfa },
    proved,
    canText,
  } = facts;
  const { hasTotp, recoveryCodes } = held;
  const canSms = mfa.smsCodes && canText && !proved.includes('sms');
  // The mailbox sets a new password: next to that it adds nothing, so it never takes the place of what does.
  const isMailAll = Boolean(user.email) && !hasTwoSteps(held) && !canSms;
  return [
    ...(hasTotp ? (['totp'] as const) : []),
    ...(canSms ? (['sms'] as const) : []),
    ...(isMailAll && (mfa.emailCodes || resetOf(facts) !== null) && !proved.includes('email')
      ? (['email'] as const)
      : []),
    // A paper for when the others are lost; of a user without others it is nothing.
    ...((recoveryCodes ?? 0) > 0 && hasConfirmed(held) ? (['recovery-code'] as const) : []),
  ];
}
