/**
 * consent: the step that asks for leave.
 *
 * Owns    the table consent (what a person allowed a client), views/consent.
 * Leaves  grants and their tokens to oidc.
 * URLs    /interaction/:uid/consent.
 */
import type { Router } from '#kernel/http/router.ts';
import type { State } from '#kernel/http/context.ts';
import { consentRoutes, type RouteDependencies } from './routes.ts';

export type Dependencies = RouteDependencies;

export function createConsent(dependencies: Dependencies): { routes: Router<State> } {
  return { routes: consentRoutes(dependencies) };
}

export { consentCommands } from './commands.ts';
export { ConsentService } from './consent-service.ts';
export { Consent } from './consent.ts';
