import type { PasskeyService, WebauthnUsers } from '#credentials/module.ts';
import type { StandingPart } from '#interaction/module.ts';
import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import type { Policies } from '#settings/module.ts';
import type { UserId } from '#users/module.ts';

export type StandingDependencies = {
  clock: Clock;
  passkeys: Pick<PasskeyService, 'relyingParty' | 'list'>;
  webauthnUsers: Pick<WebauthnUsers, 'findOfferDeclined'>;
  policies: () => Pick<Policies, 'passkeys' | 'mfa'>;
};

/** Whoever wants no passkey is not asked again for so long. */
const ASK_AGAIN_AFTER = 180 * DAY;

/** What a person's passkeys mean for a sign-in. `canCreate`: this browser says that it could keep one. */
export async function passkeyStanding(
  { clock, passkeys, webauthnUsers, policies }: StandingDependencies,
  userId: UserId,
  canCreate: boolean,
): Promise<StandingPart> {
  if (passkeys.relyingParty === null) return {};
  const { passkeys: policy, mfa } = policies();
  const held = await passkeys.list(userId);
  if (held.length > 0) {
    if (!mfa.factors.includes('passkey')) return {};
    const usable = held.filter(({ isFlagged }) => !isFlagged);
    return { factors: usable.map(({ verifiesUser }) => (verifiesUser ? 'passkey' : 'security-key')) };
  }
  if (!policy.offer || !canCreate) return {};
  const declined = await webauthnUsers.findOfferDeclined(userId);
  const isDeclined = declined !== null && declined > fromNow(clock, -ASK_AGAIN_AFTER);
  return isDeclined ? {} : { offers: ['offer-passkey'] };
}
