import { triedCode } from '#credentials/module.ts';
import { Router } from '#kernel/http/router.ts';
import type { Interaction } from '#sign-in/interaction/module.ts';
import { unreachable } from '#kernel/errors.ts';
import type { Context, State } from '#kernel/http/context.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { type AddressPage, addressView, type CheckPage, checkView } from './check-view.ts';
import { addressForm, buttonForm, checkForm } from './create-form.ts';
import { askerOf, type CreateDependencies, newcomerOf, showStop } from './create-routes.ts';
import { linkView } from './link-view.ts';
import type { FinishOutcome } from './registration-service.ts';

const PAGE = '/interaction/:uid/create/link/:link';
const checkPage = formPage<Pick<CheckPage, 'problem' | 'resent'>>();
const addressPage = formPage<Pick<AddressPage, 'email' | 'error' | 'problem'>>();

/** Proving the address: by the code, typed where the account was begun, or by the link, opened there. */
export function checkRoutes({
  interactions,
  registration,
  admission,
  work,
  link,
}: CreateDependencies & { link: MailedLink }): Router<State> {
  const router = new Router<State>();

  router.get('/interaction/:uid/create/check', showOwnCheck);
  router.post('/interaction/:uid/create/check', submitCode);
  router.get('/interaction/:uid/create/address', showAddress);
  router.post('/interaction/:uid/create/address', changeAddress);
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
    const tried = triedCode(form);
    if ('lack' in tried) return refuse(ctx, interaction, { kind: tried.lack });
    const { code } = tried;
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
      changeUrl: `${path}/create/address`,
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
      case 'too_soon':
      case 'no_more':
        return checkPage.refuse(ctx, `${interaction.path}/create/check`, { resent: outcome });
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
    const { problem = null, resent = null } = checkPage.refused(ctx);
    const email = await registration.findAddress(uid);
    if (email === null) return seeOther(ctx, `${path}/create`);
    return show(ctx, 200, checkView, {
      action: `${path}/create/check`,
      email,
      changeUrl: `${path}/create/address`,
      resent,
      problem,
    });
  }

  async function showAddress(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'create');
    if (interaction === null) return;
    const { uid, path } = interaction;
    const [pending, admitted] = await Promise.all([registration.findAddress(uid), admission.decide(undefined)]);
    if (pending === null || admitted.kind !== 'form') return seeOther(ctx, `${path}/create`);
    const { email = pending, error = null, problem = null } = addressPage.refused(ctx);
    show(ctx, 200, addressView, {
      action: ctx.path,
      email,
      backUrl: `${path}/create/check`,
      domains: admitted.domains ?? [],
      error,
      problem,
      challenge: await work.challenge(ctx.state.ip),
    });
  }

  /** As for a new registration; all but the address is known already. */
  async function changeAddress(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'create');
    if (interaction === null) return;
    const admitted = await admission.decide(undefined);
    if (admitted.kind !== 'form') return seeOther(ctx, `${interaction.path}/create`);
    const form = await addressForm(admitted.domains).read(ctx);
    const email = form.values.email ?? '';
    const refuse = (wrong: Partial<AddressPage>) => addressPage.refuse(ctx, ctx.path, { email, ...wrong });
    if (!form.isValid) return refuse({ error: (form.errors.email ?? 'email') as AddressPage['error'] });
    if ((await work.check(ctx.state.ip, form.values.work)) === 'missing') return refuse({ problem: { kind: 'work' } });
    if (!(await interactions.takesNewAccount(email)))
      return interactions.proceed(ctx, await interactions.recordIdentifier(interaction, email));
    const outcome = await registration.changeAddress(interaction.uid, email, askerOf(ctx, interaction));
    if (outcome.kind === 'throttled') return refuse({ problem: outcome });
    return seeOther(ctx, `${interaction.path}/create${outcome.kind === 'sent' ? '/check' : ''}`);
  }

  return router;
}
