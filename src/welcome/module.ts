/**
 * welcome: the front door of an instance that somebody tries out.
 *
 * Owns    views/welcome.
 * Leaves  the demo to demo, caught mails to mailbox.
 * URLs    / (embedded mode only).
 */
import Router from '@koa/router';
import type { Context, State } from '#kernel/http/context.ts';
import { show } from '#kernel/views.ts';
import { welcomeView } from './welcome-view.ts';

export function createWelcome({
  issuer,
  version,
  mailboxUrl,
}: {
  issuer: string;
  version: string;
  mailboxUrl: string | null;
}): { routes: Router<State> } {
  const routes = new Router<State>();
  routes.get('/', async (ctx: Context) =>
    show(ctx, 200, welcomeView, {
      issuer,
      version,
      discoveryUrl: `${issuer}/.well-known/openid-configuration`,
      demoUrl: '/demo',
      mailboxUrl,
    }),
  );
  return { routes };
}
