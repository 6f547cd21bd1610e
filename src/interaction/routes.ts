import { Router } from '#kernel/http/router.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { unreachable } from '#kernel/errors.ts';
import type { InteractionService } from './interaction-service.ts';

/** The dispatcher: every step of a sign-in returns here, and no step knows another. */
export function interactionRoutes(interactions: InteractionService): Router<State> {
  const router = new Router<State>();

  router.get('/interaction/:uid', async function dispatch(ctx: Context): Promise<void> {
    const interaction = await interactions.require(ctx);
    const step = await interactions.next(ctx, interaction);
    switch (step.kind) {
      case 'page':
        return seeOther(ctx, `${interaction.path}/${step.page}`);
      case 'signed-in':
      case 'chosen':
      case 'unchanged':
        return seeOther(ctx, await interactions.finish(ctx, interaction, step));
      default:
        return unreachable(step);
    }
  });

  return router;
}
