import { DAY } from '#kernel/clock.ts';
import { hasTwoSteps, isFactorDemanded, type SecondFactorOverview } from '#credentials/module.ts';
import type { Factor, StandingPart } from '#interaction/module.ts';
import type { Policy } from '#settings/module.ts';

/** What is known of somebody who has proved something. */
export type Facts = {
  person: SecondFactorOverview;
  /** Passkeys that count here; none where they are switched off or no second factor. */
  passkeys: number;
  policy: Policy<'mfa'>;
  /** Since when they are asked to add a factor; null when they never were. */
  askedAt: Date | null;
  /** When an operator took their factors away, until they have signed in again. */
  resetAt: Date | null;
  /** Also with the session that is made stronger. */
  proved: readonly Factor[];
  /** Whether text messages can be sent to their number. */
  canText: boolean;
  /** Somebody else than the instance demands a second factor of them. */
  isDemandedElsewhere: boolean;
  now: Date;
};

/** What policy and account say of the second step; pure, so that a table can test it. */
export function standingPart(facts: Facts): Required<Pick<StandingPart, 'factors' | 'required' | 'tasks' | 'offers'>> {
  const { person, passkeys, policy, resetAt, isDemandedElsewhere } = facts;
  const factors = heldFactors(facts);
  const holdsOne = person.hasTotp || passkeys > 0;
  const isDemanded = isDemandedElsewhere || isFactorDemanded(policy, person);
  const wantsTwo = policy.enforcement !== 'off' && hasTwoSteps({ ...person, passkeys });
  const isSpared = isDemanded && resetAt === null && !holdsOne && factors.length === 0 && isGrace(facts);
  // Also of whoever proved their mailbox in this sign-in, after a reset or because it was odd: that is for once.
  const mustAdd = isDemanded && !isSpared && !holdsOne && !countsSentCodes(facts);
  return {
    factors,
    required: resetAt !== null || (isDemanded && !isSpared) || wantsTwo ? 2 : 1,
    tasks: person.showsCodes ? ['recovery-codes'] : [],
    offers: isSpared || mustAdd ? ['enrol-factor'] : [],
  };
}

const countsSentCodes = ({ policy, person, canText }: Facts): boolean =>
  policy.emailCodes || (policy.smsCodes && canText && person.phoneNumber !== null);

/** Until when adding a factor may be put off; null when it may not. */
export function graceEnd({ policy, askedAt, now }: Pick<Facts, 'policy' | 'askedAt' | 'now'>): Date | null {
  return policy.graceDays === 0 ? null : new Date((askedAt ?? now).getTime() + policy.graceDays * DAY);
}

function isGrace(facts: Facts): boolean {
  const end = graceEnd(facts);
  return end !== null && facts.now < end;
}

/** Passkeys are contributed by their own slice. What was the first factor is no second one. */
function heldFactors({ person, passkeys, policy, resetAt, proved, canText }: Facts): readonly Factor[] {
  const { hasTotp, recoveryCodes, phoneNumber } = person;
  const canSms = policy.smsCodes && canText && phoneNumber !== null && !proved.includes('sms');
  // The mailbox sets a new password: next to that it adds nothing, so it never takes the place of what does.
  const isMailAll = !hasTwoSteps({ ...person, passkeys }) && !canSms;
  return [
    ...(hasTotp ? (['totp'] as const) : []),
    ...(canSms ? (['sms'] as const) : []),
    ...(isMailAll && (policy.emailCodes || resetAt !== null) && !proved.includes('email') ? (['email'] as const) : []),
    // A paper for when the others are lost; of somebody without others it is nothing.
    ...((recoveryCodes ?? 0) > 0 && (hasTotp || passkeys > 0) ? (['recovery-code'] as const) : []),
  ];
}
