import { refusalOfFacts, type StepRequirements } from '#sign-in/interaction/module.ts';

/** Whether an organization of the user refuses this sign-in. It is told only to a user who has proved something. */
export function restrictionRequirements(facts: Parameters<typeof refusalOfFacts>[0]): StepRequirements {
  const refusal = refusalOfFacts(facts);
  return refusal === null ? {} : { refusal };
}
