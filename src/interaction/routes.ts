import { Router } from '#kernel/http/router.ts';
import type { Context, Middleware, State } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { AppError } from '#kernel/errors.ts';
import type { InteractionService } from './interaction-service.ts';

/** The dispatcher: every step of a sign-in returns here, and no step knows another. */
export function interactionRoutes(interactions: InteractionService): Router<State> {
  const router = new Router<State>();

  router.get('/interaction/:uid', async function dispatch(ctx: Context): Promise<void> {
    return interactions.proceed(ctx, await interactions.require(ctx));
  });

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
      if (isExpired(error) && interactions.isBegunHere(ctx, uid)) return seeOther(ctx, dispatcher);
      throw error;
    }
    if (ctx.status >= 400 && (await interactions.hasMovedOn(ctx))) seeOther(ctx, dispatcher);
    return undefined;
  };
}

function isExpired(error: unknown): boolean {
  return error instanceof AppError && error.code === 'oidc.sign_in_expired';
}
