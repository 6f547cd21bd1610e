import type { SignInFacts, StepRequirements } from '#sign-in/interaction/module.ts';
import { DAY } from '#kernel/clock.ts';

/** A user who wants no passkey is not asked again for so long. */
const ASK_AGAIN_AFTER = 180 * DAY;

type PasskeyFacts = Pick<SignInFacts, 'held' | 'hasPasskeys' | 'canCreatePasskey' | 'reached' | 'now'> & {
  policy: Pick<SignInFacts['policy'], 'passkeys' | 'mfa'>;
};

/** The effect of a user's passkeys on a sign-in. */
export function passkeyRequirements(facts: PasskeyFacts): StepRequirements {
  const { held, policy, hasPasskeys, canCreatePasskey, reached, now } = facts;
  if (!hasPasskeys) return {};
  const { verifying, others, unusable } = held.passkeys;
  if (verifying + others + unusable > 0) {
    const factors = [
      ...(verifying > 0 ? (['passkey'] as const) : []),
      ...(others > 0 ? (['security-key'] as const) : []),
    ];
    return policy.mfa.factors.includes('passkey') ? { factors } : {};
  }
  const { offerDeclinedAt } = held;
  const isDeclined = offerDeclinedAt !== null && now.getTime() - offerDeclinedAt.getTime() < ASK_AGAIN_AFTER;
  if (!policy.passkeys.offer || !canCreatePasskey || isDeclined) return {};
  // Only a user who has proved the factor that they have adds another: a trusted browser spares it in a sign-in, not here.
  return held.hasTotp && reached < 2 ? {} : { offers: ['offer-passkey'] };
}
