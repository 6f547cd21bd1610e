import { byVisitor } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { NotMeService } from './not-me-service.ts';
import { lockedView, notMeView, type NotMePage } from './not-me-view.ts';

type RouteDependencies = { notMe: NotMeService; link: MailedLink };

const PAGE = '/not-me/confirm/:link';
const confirmForm = form(z.object({ action: z.enum(['confirm'], { error: 'required' }) }));

/** Routes of the mailed link "This was not me" (`/not-me`). */
export function notMeRoutes({ notMe, link }: RouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get('/not-me/done', showLocked);
  router.get(['/not-me', PAGE], showNotMe);
  router.post(PAGE, lockAccount);

  function showLocked(ctx: Context): void {
    show(ctx, 200, lockedView, {});
  }

  async function showNotMe(ctx: Context): Promise<void> {
    if (link.keep(ctx, '/not-me/confirm')) return;
    const page = await pageOf(ctx);
    show(ctx, page.action === null ? 410 : 200, notMeView, page);
  }

  async function lockAccount(ctx: Context): Promise<void> {
    const form = await confirmForm.read(ctx);
    if (!form.isValid) return seeOther(ctx, ctx.path);
    const isLocked = await notMe.lockByLink(link.read(ctx), byVisitor(visitorOf(ctx)));
    link.forget(ctx);
    if (isLocked) return seeOther(ctx, '/not-me/done');
    return show(ctx, 410, notMeView, { action: null, restores: null, act: null });
  }

  async function pageOf(ctx: Context): Promise<NotMePage> {
    const undo = await notMe.find(link.read(ctx));
    if (undo === null) return { action: null, restores: null, act: null };
    const { data } = undo;
    const text = (name: string) => (typeof data[name] === 'string' ? data[name] : null);
    return {
      action: ctx.path,
      restores: undo.restores,
      act: {
        isSignIn: data['isSignIn'] !== false,
        at: new Date(text('toldAt') ?? undo.at),
        browser: text('browser'),
        system: text('system'),
        place: text('place'),
        ip: text('ip') ?? '',
      },
    };
  }

  return router;
}
