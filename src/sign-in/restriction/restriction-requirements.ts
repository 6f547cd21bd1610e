import { beginsWith, firstFactors } from '#credentials/module.ts';
import { isInNetworks } from '#kernel/http/address.ts';
import { beganIn, type SignInFacts, type StepRequirements } from '#sign-in/interaction/module.ts';

type RestrictionFacts = Pick<SignInFacts, 'ip' | 'proved' | 'session' | 'closesWays'> & {
  policy: Pick<SignInFacts['policy'], 'networks' | 'signIn'>;
};

/** Whether an organization of the user refuses this sign-in. It is told only to a user who has proved something. */
export function restrictionRequirements({
  ip,
  proved,
  session,
  closesWays,
  policy,
}: RestrictionFacts): StepRequirements {
  const { allowed } = policy.networks;
  if (allowed !== undefined && !isInNetworks(ip, allowed)) return { refusal: 'network' };
  if (!closesWays) return {};
  const { methods } = policy.signIn;
  const first = firstFactors.find((factor) => factor === proved[0]);
  const isTaken = session ? beganIn(session.amr, methods) : first !== undefined && beginsWith(first, methods);
  return isTaken ? {} : { refusal: 'way' };
}
