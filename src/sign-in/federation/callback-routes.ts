import { readForm } from '#kernel/http/body.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { Router } from '#kernel/http/router.ts';
import { show } from '#kernel/views.ts';
import type { Attempts } from './attempts.ts';
import { stopView } from './stop-view.ts';

const PAGE = '/federation/:connection/callback';

/**
 * The address to which upstream providers send a browser. A posted answer (OAuth 2.0 Form Post Response Mode) is a form of another site and
 * comes without our cookies, so that both kinds are only kept here. Nothing here is worth anything without the cookie of the page that goes on.
 */
export function callbackRoutes(attempts: Attempts): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, keepQuery);
  router.post(PAGE, keepForm);

  async function keepQuery(ctx: Context): Promise<void> {
    return goOn(ctx, new URLSearchParams(ctx.querystring));
  }

  async function keepForm(ctx: Context): Promise<void> {
    return goOn(ctx, new URLSearchParams([...(await readForm(ctx))]));
  }

  async function goOn(ctx: Context, parameters: URLSearchParams): Promise<void> {
    const page = await attempts.keep(ctx.params['connection'] ?? '', parameters);
    if (page !== null) return seeOther(ctx, page);
    return show(ctx, 410, stopView, { reason: 'over', provider: null, nextUrl: '/account', createUrl: null });
  }

  return router;
}
