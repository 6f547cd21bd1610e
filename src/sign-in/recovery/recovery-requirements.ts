import type { SignInFacts, StepRequirements } from '#sign-in/interaction/module.ts';

/** Whether a user must set a new password before a sign-in ends, because an operator says so. */
export function recoveryRequirements({
  user,
}: {
  user: Pick<SignInFacts['user'], 'passwordUpdateRequired'>;
}): StepRequirements {
  return user.passwordUpdateRequired ? { tasks: ['new-password'] } : {};
}
