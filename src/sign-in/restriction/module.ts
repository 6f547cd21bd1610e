/**
 * restriction: sign-ins that an organization of the user does not take, from this network or begun in this way.
 *
 * Owns    views/sign-in/restriction, and the rule (restriction-requirements.ts).
 * Leaves  the policy to settings, the offer before any proof to interaction, the next step to interaction/next-step.
 * URLs    /interaction/:uid/restriction.
 */
import type { SignInStep } from '#sign-in/interaction/module.ts';
import { restrictionRequirements } from './restriction-requirements.ts';
import { type RouteDependencies, restrictionRoutes } from './routes.ts';

export type Dependencies = Omit<RouteDependencies, 'interactions'>;

/** Creates the step of a sign-in that ends it, or begins it again, where an organization of the user does not take it. */
export function createRestriction(dependencies: Dependencies): SignInStep {
  return {
    name: 'restriction',
    requirements: restrictionRequirements,
    routes: (interactions) => [restrictionRoutes({ ...dependencies, interactions })],
  };
}
