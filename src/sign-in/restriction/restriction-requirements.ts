import { beginsWith, firstFactors } from '#credentials/module.ts';
import { isInNetworks } from '#kernel/http/address.ts';
import type { SignInFacts, StepRequirements } from '#sign-in/interaction/module.ts';

type RestrictionFacts = Pick<SignInFacts, 'ip' | 'proved' | 'closesWays'> & {
  policy: Pick<SignInFacts['policy'], 'networks' | 'signIn'>;
};

/** Whether an organization of the user refuses this sign-in. It is told only to a user who has proved something. */
export function restrictionRequirements({ ip, proved, closesWays, policy }: RestrictionFacts): StepRequirements {
  const { allowed } = policy.networks;
  if (allowed !== undefined && !isInNetworks(ip, allowed)) return { refusal: 'network' };
  if (!closesWays) return {};
  const first = firstFactors.find((factor) => factor === proved[0]);
  return first !== undefined && beginsWith(first, policy.signIn.methods) ? {} : { refusal: 'way' };
}
