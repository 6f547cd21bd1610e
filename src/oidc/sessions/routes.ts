import { Router } from '#kernel/http/router.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import type { OwnPages } from './reauthentication-gate.ts';

/** The callback of our own sign-in, which redirects to the page that required it. */
export function sessionRoutes(ownPages: OwnPages, returnPath: string): Router<State> {
  const router = new Router<State>();

  router.get(returnPath, goBack);

  function goBack(ctx: Context): void {
    seeOther(ctx, ownPages.returnPath(ctx));
  }

  return router;
}
