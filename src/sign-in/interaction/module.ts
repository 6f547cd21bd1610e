/**
 * interaction: one sign-in in progress.
 *
 * Owns    the table sign_in_progress of older processes, the dispatcher, the type of a step (sign-in-step.ts), the order of the
 *         steps (next-step.ts), the records of steps (interaction-records.ts), the proofs, the user and the session (facts.ts), the facts of the user
 *         (sign-in-facts.ts), the level of proofs (proof.ts), the first factors (ways.ts), the accounts that a browser
 *         remembers (remembered-accounts.ts), the passkeys that it made (passkeys-here.ts), the end of a sign-in (sign-in-ending.ts).
 * Leaves  every question to its step: the user to login, consent to consent.
 * URLs    /interaction/:uid.
 */
import type { Router } from '#kernel/http/router.ts';
import type { State } from '#kernel/http/context.ts';
import { type InteractionDependencies, InteractionService } from './interaction-service.ts';
import { type GoneDependencies, showGone } from './gone-routes.ts';
import { goOnWhenSentTwice, interactionRoutes } from './routes.ts';
import type { SignInStep } from './sign-in-step.ts';
import { leadingOut, type Mount, READ_AND_SEND } from '#kernel/http/mounts.ts';

export type Dependencies = Omit<InteractionDependencies, 'steps'> &
  GoneDependencies & {
    /** All steps, in the order in which they are notified of the end of a sign-in. */
    steps: readonly SignInStep[];
  };

/** Creates the service of sign-ins in progress, and the routes of the given steps. */
export function createInteraction(dependencies: Dependencies) {
  const { steps } = dependencies;
  const interactions = new InteractionService(dependencies);
  const stepRoutes: readonly Router<State>[] = steps.flatMap((step) => step.routes?.(interactions) ?? []);
  return {
    /** Ahead of the engine and the routes of every step. */
    showGone: showGone(dependencies),
    /** Ahead of the routes of every step. */
    goOnWhenSentTwice: goOnWhenSentTwice(interactions),
    routes: [interactionRoutes(interactions, stepRoutes), ...stepRoutes],
  };
}

/** The pages of a sign-in, of whichever step. */
export const interactionMounts: readonly Mount[] = [
  { path: '/interaction/*', audience: 'page', methods: READ_AND_SEND, getActs: true, ...leadingOut },
];

export { type BrowserCookies, browserCookies } from './browser-cookies.ts';
export type {
  AskedInteraction,
  BegunInteraction,
  ChoosingInteraction,
  ConsentRequested,
  DueInteraction,
  Interaction,
  OtherWay,
} from './interaction.ts';
export type { InteractionService } from './interaction-service.ts';
export { SIGN_IN_OPEN_FOR } from './limits.ts';
export { olderSignIns, ProgressStore, SignInProgress } from './progress.ts';
export { PasskeysHere } from './passkeys-here.ts';
export { RememberedAccounts } from './remembered-accounts.ts';
export { beganIn, levelOfProofs } from './proof.ts';
export { isUnmet, refusalOfFacts, RefusedSignIns } from './refused-sign-ins.ts';
export type { Requirements, StepRequirements, Task } from './requirements.ts';
export type { Arrival, SignInFacts } from './sign-in-facts.ts';
export type { SignInEnd } from './interaction.ts';
export { type SignInOutcome, signInOutcomes, type SignInStep, StepRouter, turnBack } from './sign-in-step.ts';
export { againSamples, rememberedWho, unknownWho, whoIs, type WhoShown } from './who-view.ts';
export { type Way, Ways } from './offered-first-factors.ts';
export {
  manyButtons,
  noButtons,
  type OfferedProvider,
  type ProviderButtons,
  type Realm,
  type SessionProvider,
  someButtons,
  type TurnedBack,
  type Upstream,
} from './upstream.ts';
