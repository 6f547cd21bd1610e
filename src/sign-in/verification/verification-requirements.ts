import type { SignInFacts, StepRequirements } from '#sign-in/interaction/module.ts';

type VerificationFacts = {
  user: Pick<SignInFacts['user'], 'email' | 'emailVerified' | 'emailProofDue'>;
  policy: Pick<SignInFacts['policy'], 'verification'>;
};

/** Whether a user must prove the address before a sign-in ends. A user without one has nothing to prove. */
export function verificationRequirements({ user, policy }: VerificationFacts): StepRequirements {
  const { email } = policy.verification;
  if (!user.email || user.emailVerified || email === 'optional') return {};
  return email === 'required' || user.emailProofDue ? { tasks: ['verify-email'] } : {};
}
