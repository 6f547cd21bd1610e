/**
 * interaction: one sign-in in progress.
 *
 * Owns    the table sign_in_progress, the dispatcher, the order of the steps (next-step.ts), the end of a sign-in.
 * Leaves  every question to its step: who is there to login, leave to consent.
 * URLs    /interaction/:uid.
 */
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Interactions } from '#oidc/module.ts';
import { InteractionService } from './interaction-service.ts';
import { ProgressStore } from './progress.ts';
import { interactionRoutes } from './routes.ts';

export type Dependencies = { clock: Clock; database: Database; engine: Interactions };

export function createInteraction({ clock, database, engine }: Dependencies) {
  const progress = new ProgressStore(clock, database);
  const interactions = new InteractionService(clock, engine, progress);
  return { interactions, progress, routes: interactionRoutes(interactions) };
}

export type { Interaction, InteractionService } from './interaction-service.ts';
export { SignInProgress } from './progress.ts';
