import { Router } from '#kernel/http/router.ts';
import type { Interaction } from '#sign-in/interaction/module.ts';
import { unreachable } from '#kernel/errors.ts';
import type { Context, State } from '#kernel/http/context.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { type CheckPage, checkView } from './check-view.ts';
import { buttonForm, checkForm } from './create-form.ts';
import { askerOf, type CreateDependencies, newcomerOf, showStop } from './create-routes.ts';
import { linkView } from './link-view.ts';
import type { FinishOutcome } from './registration-service.ts';

const PAGE = '/interaction/:uid/create/link/:link';
const checkPage = formPage<Pick<CheckPage, 'problem'>>();

/** Proving the address: by the code, typed where the account was begun, or by the link, opened there. */
export function checkRoutes({
  interactions,
  registration,
  link,
}: CreateDependencies & { link: MailedLink }): Router<State> {
  const router = new Router<State>();

  router.get('/interaction/:uid/create/check', showOwnCheck);
  router.post('/interaction/:uid/create/check', submitCode);
  router.get(PAGE, showLink);
  router.post(PAGE, confirmByLink);

  async function showOwnCheck(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'create');
    if (interaction === null) return;
    return showCheck(ctx, interaction);
  }

  async function submitCode(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'create');
    if (interaction === null) return;
    const form = await checkForm.read(ctx);
    if (form.isValid && form.values.action === 'resend') return resend(ctx, interaction);
    const code = form.isValid ? form.values.code.trim() : '';
    if (code === '') return refuse(ctx, interaction, { kind: form.isValid ? 'required' : 'wrong' });
    return goOn(
      ctx,
      interaction,
      await registration.finishByCode(interaction.uid, code, newcomerOf(ctx, interaction, interactions)),
    );
  }

  /** Opening the link does nothing yet: programs that read mail open links. In another browser it tells nothing and does nothing. */
  async function showLink(ctx: Context): Promise<void> {
    if (link.keep(ctx)) return;
    const interaction = await interactions.find(ctx);
    if (interaction === null) {
      const isOpen = await registration.isUnused(link.read(ctx));
      return isOpen ? showStop(ctx, 'elsewhere', null) : showStop(ctx, 'expired', '/account');
    }
    const { uid, path, question } = interaction;
    const email = await registration.findAddress(uid);
    if (email === null || !(await registration.isLinkOf(uid, link.read(ctx)))) return showStop(ctx, 'expired', path);
    return show(ctx, 200, linkView, {
      action: ctx.path,
      client: { name: question.client.name },
      email,
      changeUrl: `${path}/create`,
    });
  }

  async function confirmByLink(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'create');
    if (interaction === null) return;
    await buttonForm.read(ctx);
    const newcomer = newcomerOf(ctx, interaction, interactions);
    const outcome = await registration.finishByLink(interaction.uid, link.read(ctx), newcomer);
    link.forget(ctx);
    if (outcome.kind === 'wrong') return showStop(ctx, 'expired', interaction.path);
    return goOn(ctx, interaction, outcome);
  }

  async function resend(ctx: Context, interaction: Interaction): Promise<void> {
    const outcome = await registration.resend(interaction.uid, askerOf(ctx, interaction));
    switch (outcome.kind) {
      case 'sent':
        return seeOther(ctx, `${interaction.path}/create/check?sent`);
      case 'gone':
        return seeOther(ctx, `${interaction.path}/create`);
      case 'throttled':
        return refuse(ctx, interaction, outcome);
      default:
        return unreachable(outcome);
    }
  }

  async function goOn(ctx: Context, interaction: Interaction, outcome: FinishOutcome): Promise<void> {
    switch (outcome.kind) {
      case 'created':
        return interactions.proceed(ctx, await interactions.require(ctx));
      case 'wrong':
        return refuse(ctx, interaction, { kind: 'wrong' });
      case 'throttled':
        return refuse(ctx, interaction, { kind: 'used_up' });
      case 'taken':
        return showStop(ctx, 'taken', `${interaction.path}/login`);
      case 'gone':
        return seeOther(ctx, `${interaction.path}/create`);
      default:
        return unreachable(outcome);
    }
  }

  function refuse(ctx: Context, { path }: Interaction, problem: CheckPage['problem']): void {
    checkPage.refuse(ctx, `${path}/create/check`, { problem });
  }

  async function showCheck(ctx: Context, { uid, path }: Interaction): Promise<void> {
    const { problem = null } = checkPage.refused(ctx);
    const email = await registration.findAddress(uid);
    if (email === null) return seeOther(ctx, `${path}/create`);
    return show(ctx, 200, checkView, {
      action: `${path}/create/check`,
      email,
      changeUrl: `${path}/create`,
      isSentAgain: ctx.query['sent'] !== undefined,
      problem,
    });
  }

  return router;
}
