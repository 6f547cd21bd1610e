import type { SignInFacts, StepRequirements, Task } from '#sign-in/interaction/module.ts';
import { lacking } from '#directory/users/module.ts';
import { requiredFields } from './admission.ts';

type RegistrationFacts = Pick<SignInFacts, 'held' | 'hasPasskeys' | 'chosenMethod'> & {
  user: Pick<SignInFacts['user'], 'termsVersion' | 'username' | 'profile' | 'properties'>;
  policy: Pick<SignInFacts['policy'], 'registration' | 'profile' | 'users'>;
};

/** The open tasks of a user: required fields, terms, and a credential for later sign-ins. */
export function registrationRequirements({
  user,
  held,
  policy,
  hasPasskeys,
  chosenMethod,
}: RegistrationFacts): StepRequirements {
  const tasks: Task[] = [];
  const { verifying, others, unusable } = held.passkeys;
  if (hasPasskeys && chosenMethod === 'passkey' && verifying + others + unusable === 0) tasks.push('first-passkey');
  const { termsVersion = null } = policy.registration;
  if (termsVersion !== null && user.termsVersion !== termsVersion) tasks.push('terms');
  if (lacking(requiredFields(policy), user).length > 0) tasks.push('profile');
  return { tasks };
}
