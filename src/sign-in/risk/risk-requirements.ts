import type { SignInFacts, StepRequirements } from '#sign-in/interaction/module.ts';

type RiskFacts = Pick<SignInFacts, 'assessment' | 'proved'> & { user: Pick<SignInFacts['user'], 'emailVerified'> };

/**
 * Requirements of an unusual sign-in. A user with a second factor must use it; other users must prove the mailbox,
 * unless it was never proved to be theirs: then a stranger would be helped by it and the owner kept out. A user who came by the
 * mailbox has nothing more to show.
 */
export function riskRequirements({ assessment, user, proved }: RiskFacts): StepRequirements {
  if (!assessment?.actions.includes('second_factor')) return {};
  return { suspicion: { standIn: user.emailVerified && !proved.includes('email') ? ['email'] : [] } };
}
