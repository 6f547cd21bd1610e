import { Router } from '#kernel/http/router.ts';
import type { State, Context } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import type { Interaction } from './interaction.ts';
import type { InteractionService } from './interaction-service.ts';
import type { TurnedBack } from './upstream.ts';
import type { StepRules } from './step-rules.ts';
import type { Page } from './next-step.ts';

/** How an attempt to sign in ends, by whichever method; the label of its figure. */
export const signInOutcomes = ['verified', 'wrong', 'throttled'] as const;
export type SignInOutcome = (typeof signInOutcomes)[number];

/** One step of a sign-in. Steps know the sign-in in progress, and never one another. */
export type SignInStep = StepRules & {
  /** Its pages (StepRouter) and what belongs to them. Made once, when the sign-ins in progress are there to record in. */
  routes?(interactions: InteractionService): readonly Router<State>[];
};

/** Leads back to the page for the email address, which shows the reason once. */
export function turnBack(ctx: Context, { path }: Interaction, problem: TurnedBack): void {
  ctx.state.keepRefusal(`${path}/login`, { problem });
  seeOther(ctx, `${path}/login`);
}

/** Shows a page, or sends the browser elsewhere when it is not the turn of this page. */
type ShowPage = (ctx: Context) => Promise<void> | void;

/** The routes of a step, and its pages by name: the dispatcher shows the one that is next, and knows nothing else of the step. */
export class StepRouter extends Router<State> {
  readonly pages = new Map<Page, ShowPage>();

  /** A page that next-step.ts names. It has an address of its own, too: its form sends the browser back there. */
  page(name: Page, show: ShowPage): void {
    this.pages.set(name, show);
    this.get(`/interaction/:uid/${name}`, show);
  }
}
