import { Router } from '#kernel/http/router.ts';
import type { Context, Middleware, State } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { isSignInExpired } from '#oidc/module.ts';
import type { InteractionService } from './interaction-service.ts';
import { StepRouter } from './sign-in-step.ts';

/**
 * The dispatcher: it leads to the next step, and no step knows another. The first page of a sign-in it shows itself, so that the browser
 * needs no redirect for it. Later pages stand at their own addresses, which Back and a reload find again.
 */
export function interactionRoutes(interactions: InteractionService, steps: readonly Router<State>[]): Router<State> {
  const router = new Router<State>();
  const pages = new Map(steps.flatMap((step) => (step instanceof StepRouter ? [...step.pages] : [])));

  router.get('/interaction/:uid', dispatch);

  async function dispatch(ctx: Context): Promise<void> {
    const interaction = await interactions.require(ctx);
    const first = interactions.isUntouched(interaction) ? (await interactions.next(ctx, interaction)).step : null;
    const show = first?.kind === 'page' ? pages.get(first.page) : undefined;
    return show === undefined ? interactions.proceed(ctx, interaction) : show(ctx);
  }

  return router;
}

const step = /^\/interaction\/([\w-]+)\/.+$/;

/**
 * A finished step that a browser sends again (a second click, Back) does nothing, and the browser goes on where the sign-in is. What
 * was right once is refused the second time, a code for one: such a refusal is not shown when the first request has gone through.
 */
export function goOnWhenSentTwice(interactions: InteractionService): Middleware {
  return async function goOnWhenSentTwice(ctx: Context, next) {
    const uid = ctx.method === 'POST' ? step.exec(ctx.path)?.[1] : undefined;
    if (uid === undefined) return next();
    const dispatcher = `/interaction/${uid}`;
    try {
      await next();
    } catch (error) {
      // A GET brings the cookies that the first answer has set, and finds the next question by them.
      if (isSignInExpired(error) && interactions.isBegunHere(ctx, uid)) return seeOther(ctx, dispatcher);
      throw error;
    }
    if ((ctx.status >= 400 || ctx.state.isRefused) && (await hasMovedOn(ctx))) {
      ctx.state.dropRefusal();
      seeOther(ctx, dispatcher);
    }
    return undefined;
  };

  function hasMovedOn(ctx: Context): Promise<boolean> {
    return interactions.hasMovedOn(ctx).catch((error: unknown) => {
      ctx.state.dropRefusal();
      throw error;
    });
  }
}
