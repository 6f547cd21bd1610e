/**
 * consent: the step that asks the user for consent.
 *
 * Owns    views/sign-in/consent: the requested rights, and their texts.
 * Leaves  stored consents to oidc/consents, grants and their tokens to oidc.
 * URLs    /interaction/:uid/consent.
 */
import type { SignInStep } from '#sign-in/interaction/module.ts';
import { consentRoutes, type RouteDependencies } from './routes.ts';

export type Dependencies = Omit<RouteDependencies, 'interactions'>;

/** Creates the sign-in step that asks for consent. */
export function createConsent(dependencies: Dependencies): SignInStep {
  return { name: 'consent', routes: (interactions) => [consentRoutes({ ...dependencies, interactions })] };
}
