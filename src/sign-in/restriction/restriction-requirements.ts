import { isUnmet, refusalOfFacts, type StepRequirements } from '#sign-in/interaction/module.ts';

/** Whether an organization refuses this sign-in. It is told only to a user who has proved something. */
export function restrictionRequirements(
  facts: Parameters<typeof refusalOfFacts>[0] & Parameters<typeof isUnmet>[0],
): StepRequirements {
  const refusal = isUnmet(facts) ? 'way' : refusalOfFacts(facts);
  return refusal === null ? {} : { refusal };
}
