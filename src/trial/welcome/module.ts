/**
 * welcome: the first page of the product.
 *
 * Owns    views/trial/welcome.
 * Leaves  the demo to demo, caught mails to mailbox, the account to account.
 * URLs    /: what there is to try, on the embedded database; elsewhere the way to the account.
 */
import { Router } from '#kernel/http/router.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { welcomeView } from './welcome-view.ts';
import { type Mount, READ } from '#kernel/http/mounts.ts';

/** The route `/`: the trial page, or a redirect to the account page. */
export function createWelcome({
  issuer,
  version,
  mailboxUrl,
  isTrial,
}: {
  issuer: string;
  version: string;
  mailboxUrl: string | null;
  /** Whether this instance is being tried out. */
  isTrial: boolean;
}): { routes: Router<State> } {
  const routes = new Router<State>();

  if (isTrial) routes.get('/', showWelcome);
  else routes.get('/', leadToAccount);

  function leadToAccount(ctx: Context): void {
    seeOther(ctx, '/account');
  }

  function showWelcome(ctx: Context): void {
    show(ctx, 200, welcomeView, {
      issuer,
      version,
      discoveryUrl: `${issuer}/.well-known/openid-configuration`,
      demoUrl: '/demo',
      mailboxUrl,
    });
  }

  return { routes };
}

/** Where its page is. */
export const welcomeMounts: readonly Mount[] = [{ path: '/', audience: 'page', methods: READ }];
