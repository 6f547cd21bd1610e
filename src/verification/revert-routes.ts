import { Router } from '#kernel/http/router.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { keepToken } from '#kernel/http/link-token.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { EmailChanges } from './email-changes.ts';
import { revertedView, revertView } from './revert-view.ts';
import { buttonForm } from './verification-form.ts';

const PAGE = '/verification/revert';

/** For whoever reads the old mailbox: they need not be able to sign in. */
export function revertRoutes({
  emailChanges,
  tokenCookie,
}: {
  emailChanges: Pick<EmailChanges, 'findRevert' | 'revert'>;
  tokenCookie: BrowserCookie;
}): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, async (ctx: Context) => {
    if (keepToken(ctx, tokenCookie)) return;
    const email = await emailChanges.findRevert(tokenCookie.read(ctx) ?? '');
    return show(ctx, email === null ? 410 : 200, revertView, {
      action: email === null ? null : PAGE,
      email: email ?? '',
    });
  });

  router.post(PAGE, async (ctx: Context) => {
    await buttonForm.read(ctx);
    const email = await emailChanges.revert(tokenCookie.read(ctx) ?? '', visitorOf(ctx));
    tokenCookie.clear(ctx);
    if (email === null) return show(ctx, 410, revertView, { action: null, email: '' });
    return seeOther(ctx, '/verification/reverted');
  });

  router.get('/verification/reverted', (ctx: Context) => show(ctx, 200, revertedView, { accountUrl: '/account' }));

  return router;
}
