import { z } from 'zod';
import { unreachable } from '#kernel/errors.ts';
import { Router } from '#kernel/http/router.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { form } from '#kernel/http/form.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { User, UserId } from '#directory/users/module.ts';
import { buttonForm } from './create-form.ts';
import { showStop } from './create-routes.ts';
import type { InvitationService } from './invitation-service.ts';
import { invitationView } from './invitation-view.ts';
import type { OrganizationalInvitations, Seen } from './organization-invitation.ts';
import { answeredView, invitedView } from './organization-invitation-view.ts';

type Reader = { userId: UserId; user: User };

export type InvitationRoutesDependencies = {
  invitations: Pick<InvitationService, 'find'>;
  organizational: OrganizationalInvitations;
  link: MailedLink;
  invitationCookie: BrowserCookie;
  /** Sends the browser to where an account is created, and from there to the account. */
  startRegistration(ctx: Context, returnTo?: string): void;
  /** The pages of signed-in users: who reads this one, and the sign-in that comes back to it. */
  ownPages: {
    find(ctx: Context): Promise<Reader | null>;
    signInAs(ctx: Context, email: string, which: { isOther: boolean }): void;
  };
};

const PAGE = '/invitation/:link';
const DECLINED = '/invitation/declined';
const JOINED = '/account/organizations?done=joined';
const answerForm = form(z.object({ action: z.enum(['accept', 'continue', 'decline']) }));

/** Where the link of an invitation leads. Going on hands it to this browser; the form for the account consumes it. */
export function invitationRoutes(dependencies: InvitationRoutesDependencies): Router<State> {
  const { invitations, organizational, link, invitationCookie, startRegistration, ownPages } = dependencies;
  const router = new Router<State>();

  router.get(DECLINED, showDeclined);
  router.get(PAGE, showInvitation);
  router.post(PAGE, acceptInvitation);

  function showDeclined(ctx: Context): void {
    show(ctx, 200, answeredView, { reason: 'declined' });
  }

  async function showInvitation(ctx: Context): Promise<void> {
    if (link.keep(ctx)) return;
    const secret = link.read(ctx);
    const reader = await ownPages.find(ctx);
    const seen = await organizational.see(secret, reader);
    if (seen !== null) return showInvited(ctx, seen, reader);
    const invitation = await invitations.find(secret);
    if (invitation === null) return showStop(ctx, 'invitation_over', '/account');
    return show(ctx, 200, invitationView, { action: ctx.path, email: invitation.email });
  }

  async function acceptInvitation(ctx: Context): Promise<void> {
    const secret = link.read(ctx);
    const reader = await ownPages.find(ctx);
    const seen = await organizational.see(secret, reader);
    if (seen !== null) return answerInvited(ctx, seen, reader);
    await buttonForm.read(ctx);
    if ((await invitations.find(secret)) === null) return showStop(ctx, 'invitation_over', '/account');
    invitationCookie.write(ctx, secret);
    return startRegistration(ctx);
  }

  function showInvited(ctx: Context, seen: Seen | 'over', reader: Reader | null): void {
    if (seen === 'over') return show(ctx, 410, answeredView, { reason: 'over' });
    const { invitation, situation } = seen;
    const { organization, email } = invitation;
    const signedInAs = reader?.user.email ?? null;
    return show(ctx, 200, invitedView, { action: ctx.path, organization, email, situation, signedInAs });
  }

  /** The session says who answers, never the form. An answer that the page did not offer leads back to it. */
  async function answerInvited(ctx: Context, seen: Seen | 'over', reader: Reader | null): Promise<void> {
    const answer = await answerForm.read(ctx);
    if (seen === 'over' || !answer.isValid) return seeOther(ctx, ctx.path);
    const { invitation, situation } = seen;
    switch (answer.values.action) {
      case 'decline':
        await organizational.decline(invitation, visitorOf(ctx));
        link.forget(ctx);
        return seeOther(ctx, DECLINED);
      case 'accept':
        if (situation !== 'accept' || reader === null) return seeOther(ctx, ctx.path);
        return seeOther(
          ctx,
          (await organizational.accept(invitation, reader.userId, visitorOf(ctx))) ? JOINED : ctx.path,
        );
      case 'continue':
        return goOn(ctx, seen, reader);
      default:
        return unreachable(answer.values.action);
    }
  }

  /** To the sign-in of the invited address, which comes back here, or to its new account. */
  async function goOn(ctx: Context, { invitation, situation }: Seen, reader: Reader | null): Promise<void> {
    const hasAccount = situation !== 'create' && (await organizational.hasAccount(invitation));
    if (hasAccount) return ownPages.signInAs(ctx, invitation.email, { isOther: reader !== null });
    if (situation !== 'create' && situation !== 'other_account') return seeOther(ctx, ctx.path);
    invitationCookie.write(ctx, link.read(ctx));
    return startRegistration(ctx, JOINED);
  }

  return router;
}
