import { Router } from '#kernel/http/router.ts';
import type { Context, State } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { show } from '#kernel/views.ts';
import { buttonForm } from './create-form.ts';
import { showStop } from './create-routes.ts';
import type { InvitationService } from './invitation-service.ts';
import { invitationView } from './invitation-view.ts';

export type InvitationRoutesDependencies = {
  invitations: Pick<InvitationService, 'find'>;
  invitationCookie: BrowserCookie;
  /** Sends the browser to where an account is created, and from there to the account. */
  startRegistration(ctx: Context): void;
};

/** Where the link of an invitation leads. Going on hands it to this browser; the form for the account uses it up. */
export function invitationRoutes({
  invitations,
  invitationCookie,
  startRegistration,
}: InvitationRoutesDependencies): Router<State> {
  const router = new Router<State>();

  router.get('/invitation/:link', async (ctx: Context) => {
    const link = ctx.params['link'] ?? '';
    const invitation = await invitations.find(link);
    if (invitation === null) return showStop(ctx, 'expired', null);
    return show(ctx, 200, invitationView, { action: `/invitation/${link}`, email: invitation.email });
  });

  router.post('/invitation/:link', async (ctx: Context) => {
    const link = ctx.params['link'] ?? '';
    await buttonForm.read(ctx);
    if ((await invitations.find(link)) === null) return showStop(ctx, 'expired', null);
    invitationCookie.write(ctx, link);
    return startRegistration(ctx);
  });

  return router;
}
