import type { PasskeyService } from '#credentials/module.ts';
import type { StandingPart } from '#interaction/module.ts';
import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import type { Policies } from '#settings/module.ts';
import type { UserId } from '#users/module.ts';

export type StandingDependencies = {
  clock: Clock;
  passkeys: Pick<PasskeyService, 'relyingParty' | 'standing'>;
  policies: () => Pick<Policies, 'passkeys' | 'mfa'>;
};

/** Whoever wants no passkey is not asked again for so long. */
const ASK_AGAIN_AFTER = 180 * DAY;

/** What a person's passkeys mean for a sign-in. `canCreate`: this browser says that it could keep one. */
export async function passkeyStanding(
  { clock, passkeys, policies }: StandingDependencies,
  userId: UserId,
  canCreate: boolean,
): Promise<StandingPart> {
  if (passkeys.relyingParty === null) return {};
  const { passkeys: policy, mfa } = policies();
  const { total, verifying, others, offerDeclinedAt } = await passkeys.standing(userId);
  if (total > 0) {
    const factors = [
      ...(verifying > 0 ? (['passkey'] as const) : []),
      ...(others > 0 ? (['security-key'] as const) : []),
    ];
    return mfa.factors.includes('passkey') ? { factors } : {};
  }
  const isDeclined = offerDeclinedAt !== null && offerDeclinedAt > fromNow(clock, -ASK_AGAIN_AFTER);
  return policy.offer && canCreate && !isDeclined ? { offers: ['offer-passkey'] } : {};
}
