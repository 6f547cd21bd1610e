import type { Context, State } from '#kernel/http/context.ts';
import { Router } from '#kernel/http/router.ts';
import type { Page } from './next-step.ts';

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
