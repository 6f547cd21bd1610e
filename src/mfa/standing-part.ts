import { DAY } from '#kernel/clock.ts';
import {
  type Factor,
  hasConfirmed,
  hasTwoSteps,
  hasUsable,
  isFactorDemanded,
  type SecondFactorOverview,
} from '#credentials/module.ts';
import type { StandingPart } from '#interaction/module.ts';
import type { Policy } from '#settings/module.ts';

/** What is known of somebody who has proved something. */
export type Facts = {
  person: SecondFactorOverview;
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
export function standingPart(
  facts: Facts,
): Required<Pick<StandingPart, 'factors' | 'hasConfirmed' | 'required' | 'tasks' | 'offers'>> {
  const { person, policy, resetAt, isDemandedElsewhere } = facts;
  const factors = heldFactors(facts);
  const canUseOne = holdsUsable(facts);
  const isDemanded = isDemandedElsewhere || isFactorDemanded(policy, person);
  const wantsTwo = policy.enforcement !== 'off' && hasTwoSteps(person);
  const isSpared = isDemanded && resetAt === null && !hasConfirmed(person) && factors.length === 0 && isGrace(facts);
  // Also of whoever proved their mailbox in this sign-in, after a reset or because it was odd: that is for once.
  const mustAdd = isDemanded && !isSpared && !canUseOne && !countsSentCodes(facts);
  return {
    factors,
    hasConfirmed: hasConfirmed(person),
    required: resetAt !== null || (isDemanded && !isSpared) || wantsTwo ? 2 : 1,
    tasks: person.showsCodes ? ['recovery-codes'] : [],
    offers: isSpared || mustAdd ? ['enrol-factor'] : [],
  };
}

/** Passkeys are second factors only where the policy names them. */
export const holdsUsable = ({ person, policy }: Pick<Facts, 'person' | 'policy'>): boolean =>
  policy.factors.includes('passkey') ? hasUsable(person) : person.hasTotp;

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
function heldFactors({ person, policy, resetAt, proved, canText }: Facts): readonly Factor[] {
  const { hasTotp, recoveryCodes, phoneNumber } = person;
  const canSms = policy.smsCodes && canText && phoneNumber !== null && !proved.includes('sms');
  // The mailbox sets a new password: next to that it adds nothing, so it never takes the place of what does.
  const isMailAll = !hasTwoSteps(person) && !canSms;
  return [
    ...(hasTotp ? (['totp'] as const) : []),
    ...(canSms ? (['sms'] as const) : []),
    ...(isMailAll && (policy.emailCodes || resetAt !== null) && !proved.includes('email') ? (['email'] as const) : []),
    // A paper for when the others are lost; of somebody without others it is nothing.
    ...((recoveryCodes ?? 0) > 0 && hasConfirmed(person) ? (['recovery-code'] as const) : []),
  ];
}
