import { Router } from '#kernel/http/router.ts';
import type { Context, State } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { show } from '#kernel/views.ts';
import { buttonForm } from './create-form.ts';
import { showStop } from './create-routes.ts';
import type { InvitationService } from './invitation-service.ts';
import { invitationView } from './invitation-view.ts';

export type InvitationRoutesDependencies = {
  invitations: Pick<InvitationService, 'find'>;
  link: MailedLink;
  invitationCookie: BrowserCookie;
  /** Sends the browser to where an account is created, and from there to the account. */
  startRegistration(ctx: Context): void;
};

const PAGE = '/invitation/:link';

/** Where the link of an invitation leads. Going on hands it to this browser; the form for the account consumes it. */
export function invitationRoutes({
  invitations,
  link,
  invitationCookie,
  startRegistration,
}: InvitationRoutesDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showInvitation);
  router.post(PAGE, acceptInvitation);

  async function showInvitation(ctx: Context): Promise<void> {
    if (link.keep(ctx)) return;
    const invitation = await invitations.find(link.read(ctx));
    if (invitation === null) return showStop(ctx, 'invitation_over', '/account');
    return show(ctx, 200, invitationView, { action: ctx.path, email: invitation.email });
  }

  async function acceptInvitation(ctx: Context): Promise<void> {
    const secret = link.read(ctx);
    await buttonForm.read(ctx);
    if ((await invitations.find(secret)) === null) return showStop(ctx, 'invitation_over', '/account');
    invitationCookie.write(ctx, secret);
    return startRegistration(ctx);
  }

  return router;
}
