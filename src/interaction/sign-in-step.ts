import type { Router } from '#kernel/http/router.ts';
import type { State } from '#kernel/http/context.ts';
import type { InteractionService } from './interaction-service.ts';
import type { StepRules } from './step-rules.ts';

/** One step of a sign-in. Steps know the sign-in in progress, and never one another. */
export type SignInStep = StepRules & {
  /** Its pages (StepRouter) and what belongs to them. Made once, when the sign-ins in progress are there to record in. */
  routes?(interactions: InteractionService): readonly Router<State>[];
};
