import { byUser } from '#audit/module.ts';
import type { Router } from '#kernel/http/router.ts';
import type { PasswordService } from '#credentials/module.ts';
import { type DueInteraction, type InteractionService, StepRouter } from '#sign-in/interaction/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { show } from '#kernel/views.ts';
import { identifierOf, type User } from '#directory/users/module.ts';
import { newPasswordView, type NewPasswordPage } from './new-password-view.ts';
import { newPasswordForm, problemOf } from './recovery-form.ts';
import type { RecoveryService } from './recovery-service.ts';

export type DemandRouteDependencies = {
  interactions: Pick<InteractionService, 'require' | 'due' | 'recordTaskIn' | 'userChanged' | 'proceed'>;
  passwords: Pick<PasswordService, 'rulesOf'>;
  recovery: Pick<RecoveryService, 'setDemanded'>;
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

const PAGE = 'new-password';
const passwordPage = formPage<Pick<NewPasswordPage, 'problem'>>();

/** The step that has a user set a new password, when an operator says so. */
export function demandRoutes({
  interactions,
  passwords,
  recovery,
  deviceCookie,
}: DemandRouteDependencies): Router<State> {
  const router = new StepRouter();

  router.page(PAGE, showOwn);
  router.post(`/interaction/:uid/${PAGE}`, setPassword);

  async function showOwn(ctx: Context): Promise<void> {
    const turn = await dueTo(ctx);
    if (turn) await showForm(ctx, turn);
  }

  async function setPassword(ctx: Context): Promise<void> {
    const turn = await dueTo(ctx);
    if (!turn) return;
    const { interaction, user } = turn;
    const form = await newPasswordForm.read(ctx);
    if (!form.isValid) return passwordPage.refuse(ctx, ctx.path, { problem: problemOf(form.errors) });
    const outcome = await recovery.setDemanded(user, form.values.password, {
      by: byUser(user.id, visitorOf(ctx)),
      language: ctx.state.language,
      deviceSecret: deviceCookie.read(ctx),
      keep: { interaction: interaction.uid, session: interaction.facts.ownSessionId },
      goOn: (em) => interactions.recordTaskIn(em, interaction),
    });
    if (outcome.kind === 'refused') return passwordPage.refuse(ctx, ctx.path, { problem: outcome.problem });
    interactions.userChanged(ctx);
    return interactions.proceed(ctx, await interactions.require(ctx));
  }

  async function dueTo(ctx: Context): Promise<{ interaction: DueInteraction; user: User } | null> {
    const interaction = await interactions.due(ctx, PAGE);
    return interaction && { interaction, user: interaction.facts.user };
  }

  async function showForm(
    ctx: Context,
    { interaction, user }: { interaction: DueInteraction; user: User },
  ): Promise<void> {
    const { problem = null } = passwordPage.refused(ctx);
    show(ctx, 200, newPasswordView, {
      action: `${interaction.path}/${PAGE}`,
      reason: 'demanded',
      identifier: identifierOf(user),
      rules: await passwords.rulesOf(user.id),
      problem,
    });
  }

  return router;
}
