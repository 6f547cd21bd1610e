import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { NotMeService } from './not-me-service.ts';
import { lockedView, notMeView, type NotMePage } from './not-me-view.ts';

export type RouteDependencies = { notMe: NotMeService; cookie: BrowserCookie };

/** 256 bits as base64url: what a cookie could not hold is no secret of ours. */
const SECRET = /^[\w-]{43}$/;
const confirmForm = form(z.object({ action: z.enum(['confirm'], { error: 'required' }) }));

export function notMeRoutes({ notMe, cookie }: RouteDependencies): Router<State> {
  const router = new Router<State>();

  // The link leaves the address at once: it must stand in no history and no Referer.
  router.get('/not-me', async (ctx: Context) => {
    const token = String(ctx.query['token'] ?? '');
    if (SECRET.test(token)) cookie.write(ctx, token);
    else cookie.clear(ctx);
    return seeOther(ctx, '/not-me/confirm');
  });

  router.get('/not-me/confirm', async (ctx: Context) => {
    const page = await pageOf(cookie.read(ctx));
    show(ctx, page.action === null ? 410 : 200, notMeView, page);
  });

  router.post('/not-me/confirm', async (ctx: Context) => {
    const form = await confirmForm.read(ctx);
    if (!form.isValid) return seeOther(ctx, '/not-me/confirm');
    const link = cookie.read(ctx);
    cookie.clear(ctx);
    if (link !== undefined && (await notMe.lockByLink(link, visitorOf(ctx)))) return seeOther(ctx, '/not-me/done');
    return show(ctx, 410, notMeView, { action: null, restores: null, signIn: null });
  });

  router.get('/not-me/done', async (ctx: Context) => {
    show(ctx, 200, lockedView, {});
  });

  async function pageOf(link: string | undefined): Promise<NotMePage> {
    const undo = link === undefined ? null : await notMe.find(link);
    if (undo === null) return { action: null, restores: null, signIn: null };
    const { data } = undo;
    const text = (name: string) => (typeof data[name] === 'string' ? data[name] : null);
    return {
      action: '/not-me/confirm',
      restores: undo.restores,
      signIn: {
        at: undo.at,
        browser: text('browser'),
        system: text('system'),
        place: text('place'),
        ip: text('ip') ?? '',
      },
    };
  }

  return router;
}
