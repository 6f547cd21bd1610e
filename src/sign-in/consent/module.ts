/**
 * consent: the step that asks for leave.
 *
 * Owns    the table consent (what a person allowed a client), views/sign-in/consent.
 * Leaves  grants and their tokens to oidc.
 * URLs    /interaction/:uid/consent.
 */
import type { SignInStep } from '#sign-in/interaction/module.ts';
import { consentRoutes, type RouteDependencies } from './routes.ts';

export type Dependencies = Omit<RouteDependencies, 'interactions'>;

export function createConsent(dependencies: Dependencies): SignInStep {
  return { name: 'consent', routes: (interactions) => [consentRoutes({ ...dependencies, interactions })] };
}
