/**
 * interaction: one sign-in in progress.
 *
 * Owns    the table sign_in_progress of older processes, the dispatcher, the order of the steps (next-step.ts), what is proved, by
 *         which user, from which session (facts.ts), what proofs amount to (proof.ts), the end of a sign-in.
 * Leaves  every question to its step: who is there to login, leave to consent.
 * URLs    /interaction/:uid.
 */
import { type Dependencies, InteractionService } from './interaction-service.ts';
import { goOnWhenSentTwice, interactionRoutes } from './routes.ts';

export function createInteraction(dependencies: Dependencies) {
  const interactions = new InteractionService(dependencies);
  return {
    interactions,
    /** Ahead of the routes of every step. */
    goOnWhenSentTwice: goOnWhenSentTwice(interactions),
    routes: interactionRoutes(interactions),
  };
}

export type { Facts } from './facts.ts';
export type {
  BegunInteraction,
  ConsentInteraction,
  ConsentRequested,
  DueInteraction,
  Interaction,
  OtherWay,
  SignInEnd,
} from './interaction.ts';
export type { InteractionService } from './interaction-service.ts';
export { amrOfFactor, levelOfProofs, type Proof } from './proof.ts';
export type { Offer, Standing, StandingPart, Task } from './standing.ts';
export { openWays, type Way } from './ways.ts';
export { ProgressStore, SignInProgress } from './progress.ts';
export { type SignInOutcome, signInOutcomes } from './sign-in-outcome.ts';
