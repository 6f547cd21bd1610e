import { Router } from '#kernel/http/router.ts';
import { methods } from '#credentials/module.ts';
import { type Interaction, type InteractionService } from '#sign-in/interaction/module.ts';
import type { Context, State } from '#kernel/http/context.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { instance } from '#settings/module.ts';
import { pressForm } from './code-form.ts';
import { linkView } from './link-view.ts';
import { type SignInCodes, subjectOf } from './sign-in-codes.ts';

type LinkRouteDependencies = {
  interactions: Pick<InteractionService, 'find' | 'require' | 'beginning' | 'recordProofIn' | 'proceed'>;
  codes: SignInCodes;
  link: MailedLink;
};

const PAGE = '/interaction/:uid/email-link/:link';

/**
 * The link in the mail. Opening it does nothing, because programs that look into mails open links; the button signs in, and
 * only in the browser that began: elsewhere an attacker's link would sign its recipient in to the attacker's account.
 */
export function linkRoutes({ interactions, codes, link }: LinkRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showLink);
  router.post(PAGE, signInByLink);

  async function showLink(ctx: Context): Promise<void> {
    if (link.keep(ctx)) return;
    const begun = await interactions.find(ctx);
    const found = await codes.findLink(link.read(ctx));
    if (found === null) return showExpired(ctx, begun);
    if (begun !== null && begun.facts.userId !== null) return seeOther(ctx, begun.path);
    show(ctx, 200, linkView, {
      place: begun === null ? 'elsewhere' : 'here',
      email: found.address,
      client: found.client,
      hasCode: codes.sentBy('email', begun === null ? instance : subjectOf(begun)) === 'both',
      action: begun === null ? null : ctx.path,
      backUrl: begun?.path ?? null,
    });
  }

  async function signInByLink(ctx: Context): Promise<void> {
    const interaction = await interactions.beginning(ctx, methods.email.first.page);
    if (interaction === null) return;
    const form = await pressForm.read(ctx);
    const proof = { factor: 'email', amr: methods.email.amr } as const;
    const remember = form.values.remember !== undefined;
    const isUsed = await codes.useLink(link.read(ctx), interaction.uid, (em, userId) =>
      interactions.recordProofIn(em, interaction, { userId, proof, remember }),
    );
    link.forget(ctx);
    if (!isUsed) return showExpired(ctx, interaction);
    return interactions.proceed(ctx, await interactions.require(ctx));
  }

  function showExpired(ctx: Context, begun: Interaction | null): void {
    show(ctx, 410, linkView, {
      place: 'expired',
      email: null,
      client: null,
      hasCode: false,
      action: null,
      backUrl: begun?.path ?? '/account',
    });
  }

  return router;
}
