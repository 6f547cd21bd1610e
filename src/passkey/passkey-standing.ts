import type { PasskeyService, SecondFactorOverviews } from '#credentials/module.ts';
import type { Facts, StandingPart } from '#interaction/module.ts';
import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import type { Policies } from '#settings/module.ts';
import type { UserId } from '#users/module.ts';

export type StandingDependencies = {
  clock: Clock;
  passkeys: Pick<PasskeyService, 'relyingParty' | 'standing'>;
  secondFactorOverviews: Pick<SecondFactorOverviews, 'find'>;
  policies: Policies<'passkeys' | 'mfa'>;
};

/** Whoever wants no passkey is not asked again for so long. */
const ASK_AGAIN_AFTER = 180 * DAY;

/** What a person's passkeys mean for a sign-in. `canCreate`: this browser says that it could keep one. */
export async function passkeyStanding(
  { clock, passkeys, secondFactorOverviews, policies }: StandingDependencies,
  userId: UserId,
  { canCreate, reached }: { canCreate: boolean; reached: Facts['reached'] },
): Promise<StandingPart> {
  if (passkeys.relyingParty === null) return {};
  const { passkeys: policy, mfa } = policies.for({ user: userId });
  const { verifying, others, unusable, offerDeclinedAt } = await passkeys.standing(userId);
  if (verifying + others + unusable > 0) {
    const factors = [
      ...(verifying > 0 ? (['passkey'] as const) : []),
      ...(others > 0 ? (['security-key'] as const) : []),
    ];
    return mfa.factors.includes('passkey') ? { factors } : {};
  }
  const isDeclined = offerDeclinedAt !== null && offerDeclinedAt > fromNow(clock, -ASK_AGAIN_AFTER);
  if (!policy.offer || !canCreate || isDeclined) return {};
  // Nobody adds a factor who has not proved the one that they have: a trusted browser spares it in a sign-in, not here.
  const hasApp = (await secondFactorOverviews.find(userId))?.hasTotp ?? false;
  return hasApp && reached < 2 ? {} : { offers: ['offer-passkey'] };
}
