import { beginsWith, firstFactors } from '#credentials/module.ts';
import { refusalOf } from '#oidc/module.ts';
import { beganIn, type SignInFacts, type StepRequirements } from '#sign-in/interaction/module.ts';

type RestrictionFacts = Pick<SignInFacts, 'ip' | 'proved' | 'session'> & {
  policy: Pick<SignInFacts['policy'], 'networks' | 'signIn'>;
  /** The policy of the instance. */
  own: Pick<SignInFacts['own'], 'signIn'>;
};

/** Whether an organization of the user refuses this sign-in. It is told only to a user who has proved something. */
export function restrictionRequirements({ ip, proved, session, policy, own }: RestrictionFacts): StepRequirements {
  const first = firstFactors.find((factor) => factor === proved[0]);
  const refusal = refusalOf(
    {
      ip,
      beganIn: (methods) =>
        session ? beganIn(session.amr, methods) : first !== undefined && beginsWith(first, methods),
    },
    policy,
    own,
  );
  return refusal === null ? {} : { refusal };
}
