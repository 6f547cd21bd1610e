import type { SignInFacts, StepRequirements } from '#interaction/module.ts';

type RiskFacts = Pick<SignInFacts, 'assessment' | 'proved'> & { user: Pick<SignInFacts['user'], 'emailVerified'> };

/**
 * What a sign-in that is unlike its user asks for. A user with a second factor is asked for it; of the others the mailbox is asked,
 * unless it was never proved to be theirs: then a stranger would be helped by it and the owner kept out. A user who came by the
 * mailbox has nothing more to show.
 */
export function riskRequirements({ assessment, user, proved }: RiskFacts): StepRequirements {
  if (!assessment?.actions.includes('second_factor')) return {};
  return { suspicion: { standIn: user.emailVerified && !proved.includes('email') ? ['email'] : [] } };
}
