import { byVisitor } from '#audit/module.ts';
import type { Router } from '#kernel/http/router.ts';
import { methods, triedCode } from '#credentials/module.ts';
import { type BegunInteraction, type InteractionService, StepRouter, whoIs } from '#sign-in/interaction/module.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { show } from '#kernel/views.ts';
import { codeForm, pressForm } from './code-form.ts';
import { type CodePage, codeView } from './code-view.ts';
import { type Asking, type Channel, type SignInCodes, subjectOf } from './sign-in-codes.ts';

export type RouteDependencies = {
  interactions: Pick<
    InteractionService,
    'require' | 'beginning' | 'otherWays' | 'recordProofIn' | 'wasSent' | 'recordSent' | 'proceed'
  >;
  codes: SignInCodes;
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

const codePage = formPage<Pick<CodePage, 'remember' | 'problem' | 'resent'>>();

/** The pages for a code that comes by mail or as a text message: one way to begin a sign-in each. */
export function codeRoutes(channel: Channel, { interactions, codes, deviceCookie }: RouteDependencies): Router<State> {
  const router = new StepRouter();
  const way = methods[channel].first.page;

  router.page(way, sendOnceAndShow);
  router.post(`/interaction/:uid/${way}/resend`, resend);
  router.post(`/interaction/:uid/${way}`, submitCode);

  /** A browser that is led here wants a code. It is sent once: the page can be loaded again. */
  async function sendOnceAndShow(ctx: Context): Promise<void> {
    const interaction = await interactions.beginning(ctx, way);
    if (interaction === null) return;
    if (!interactions.wasSent(interaction, way)) {
      await interactions.recordSent(interaction, way);
      await codes.send(asking(ctx, interaction));
    }
    return showCode(ctx, interaction);
  }

  async function resend(ctx: Context): Promise<void> {
    const interaction = await interactions.beginning(ctx, way);
    if (interaction === null) return;
    await pressForm.read(ctx);
    const resent = await codes.sendAgain(asking(ctx, interaction));
    return codePage.refuse(ctx, `${interaction.path}/${way}`, { resent });
  }

  async function submitCode(ctx: Context): Promise<void> {
    const interaction = await interactions.beginning(ctx, way);
    if (interaction === null) return;
    const form = await codeForm.read(ctx);
    const remember = form.values.remember !== undefined || interaction.keep === true;
    const refuse = (problem: CodePage['problem']) => codePage.refuse(ctx, ctx.path, { remember, problem });
    const tried = triedCode(form);
    if ('lack' in tried) return refuse(tried.lack);
    const proof = { factor: channel, amr: methods[channel].amr };
    const outcome = await codes.verify(tried.code, asking(ctx, interaction), (em, userId) =>
      interactions.recordProofIn(em, interaction, { userId, proof, remember }),
    );
    switch (outcome.kind) {
      case 'verified':
        return interactions.proceed(ctx, await interactions.require(ctx));
      case 'wrong':
        return refuse('wrong');
      case 'throttled':
        return refuse('used_up');
      default:
        return unreachable(outcome);
    }
  }

  function showCode(ctx: Context, interaction: BegunInteraction): void {
    const { remembered, keep } = interaction;
    const { remember = remembered !== null, problem = null, resent = null } = codePage.refused(ctx);
    const page = `${interaction.path}/${way}`;
    show(ctx, 200, codeView, {
      channel,
      sent: codes.sentBy(channel, subjectOf(interaction)),
      action: page,
      resendAction: `${page}/resend`,
      ...whoIs(interaction),
      email: interaction.identifier,
      otherWays: interactions.otherWays(interaction, way),
      remember: keep === null ? remember : null,
      problem,
      resent,
    });
  }

  function asking(ctx: Context, { uid, identifier, question }: BegunInteraction): Asking {
    const { id, name } = question.client;
    const deviceSecret = deviceCookie.read(ctx);
    const { language } = ctx.state;
    return {
      channel,
      identifier,
      uid,
      client: { id, name },
      organization: question.organization ?? undefined,
      language,
      by: byVisitor(visitorOf(ctx), id),
      deviceSecret,
    };
  }

  return router;
}
