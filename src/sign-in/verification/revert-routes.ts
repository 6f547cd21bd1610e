import { byVisitor } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { EmailChanges } from '#directory/contacts/module.ts';
import { revertedView, revertView } from './revert-view.ts';
import { buttonForm } from './verification-form.ts';

const PAGE = '/verification/revert/:link';

/** The reader of the old mailbox need not be able to sign in. */
export function revertRoutes({
  emailChanges,
  link,
}: {
  emailChanges: Pick<EmailChanges, 'findRevert' | 'revert'>;
  link: MailedLink;
}): Router<State> {
  const router = new Router<State>();

  router.get(['/verification/revert', PAGE], showRevert);
  router.post(PAGE, revert);
  router.get('/verification/reverted', showReverted);

  async function showRevert(ctx: Context): Promise<void> {
    if (link.keep(ctx)) return;
    const email = await emailChanges.findRevert(link.read(ctx));
    return show(ctx, email === null ? 410 : 200, revertView, {
      action: email === null ? null : ctx.path,
      email: email ?? '',
    });
  }

  async function revert(ctx: Context): Promise<void> {
    await buttonForm.read(ctx);
    const email = await emailChanges.revert(link.read(ctx), byVisitor(visitorOf(ctx)));
    link.forget(ctx);
    if (email === null) return show(ctx, 410, revertView, { action: null, email: '' });
    return seeOther(ctx, '/verification/reverted');
  }

  function showReverted(ctx: Context): void {
    show(ctx, 200, revertedView, { accountUrl: '/account' });
  }

  return router;
}
