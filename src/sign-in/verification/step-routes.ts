import { byUser } from '#audit/module.ts';
import { type AskingBrowser, triedCode } from '#credentials/module.ts';
import type { Router } from '#kernel/http/router.ts';
import { type DueInteraction, type InteractionService, StepRouter } from '#sign-in/interaction/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { type EmailProofs, linkView } from '#directory/contacts/module.ts';
import type { Prover } from '#directory/contacts/email-proofs.ts';
import { type CodeProblem, type StepPage, stepView } from './step-view.ts';
import { buttonForm, codeForm } from './verification-form.ts';

type StepDependencies = {
  interactions: Pick<InteractionService, 'find' | 'require' | 'due' | 'recordTaskIn' | 'userChanged' | 'proceed'>;
  emailProofs: EmailProofs;
  link: MailedLink;
};

const PAGE = '/interaction/:uid/verify-email';
const stepPage = formPage<Pick<StepPage, 'problem' | 'resent'>>();

/** Proving the address of the account on the way in. */
export function stepRoutes({ interactions, emailProofs, link }: StepDependencies): Router<State> {
  const router = new StepRouter();

  router.page('verify-email', showOwn);
  router.post(PAGE, submitCode);
  router.post(`${PAGE}/send`, sendAgain);
  router.get([`${PAGE}/link`, `${PAGE}/link/:link`], showLink);
  router.post(`${PAGE}/link/:link`, confirmByLink);

  async function showOwn(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'verify-email');
    if (due === null) return;
    const { email } = due.facts.user;
    if (!email) return seeOther(ctx, due.path);
    const pending = await emailProofs.pending(due.userId, 'verify_email', browserOf(due));
    const isWaiting = pending?.hasLiveCode === true && pending.address === email;
    const isSent = isWaiting || (await emailProofs.send(...toSend(ctx, due, email)));
    return showStep(ctx, due, email, isSent ? null : { kind: 'limited' });
  }

  async function submitCode(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'verify-email');
    if (due === null) return;
    const form = await codeForm.read(ctx);
    const tried = triedCode(form);
    if ('lack' in tried) return stepPage.refuse(ctx, ctx.path, { problem: { kind: tried.lack } });
    const outcome = await emailProofs.confirmByCode(proverOf(ctx, due), {
      code: tried.code,
      browser: browserOf(due),
      interaction: due.uid,
    });
    if (outcome === 'confirmed') return goOn(ctx);
    return stepPage.refuse(ctx, ctx.path, { problem: { kind: outcome } });
  }

  async function sendAgain(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'verify-email');
    if (due === null) return;
    await buttonForm.read(ctx);
    const { email } = due.facts.user;
    if (!email) return seeOther(ctx, due.path);
    const resent = await emailProofs.sendAgain(...toSend(ctx, due, email));
    return stepPage.refuse(ctx, `${due.path}/verify-email`, { resent });
  }

  async function showLink(ctx: Context): Promise<void> {
    if (link.keep(ctx)) return;
    if ((await interactions.find(ctx)) === null) return showDead(ctx, null);
    const due = await interactions.due(ctx, 'verify-email');
    if (due === null) return;
    const found = await emailProofs.find('verify_email', link.read(ctx));
    if (found?.userId !== due.userId) return showDead(ctx, due);
    return show(ctx, 200, linkView, { action: ctx.path, email: found.address, next: null });
  }

  async function confirmByLink(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'verify-email');
    if (due === null) return;
    await buttonForm.read(ctx);
    const outcome = await emailProofs.confirmByLink(proverOf(ctx, due), {
      link: link.read(ctx),
      interaction: due.uid,
    });
    link.forget(ctx);
    if (outcome === 'confirmed') return goOn(ctx);
    return showDead(ctx, due);
  }

  async function goOn(ctx: Context): Promise<void> {
    interactions.userChanged(ctx);
    return interactions.proceed(ctx, await interactions.require(ctx));
  }

  /** A user's own session that is made stronger was proved before: nothing of it is taken for another user's. */
  function proverOf(ctx: Context, due: DueInteraction): Prover {
    const { userId, facts } = due;
    const provedWith = facts.session === null ? { provedWith: facts.proved } : {};
    const record: Prover['record'] = (em) => interactions.recordTaskIn(em, due);
    return { userId, by: byUser(userId, visitorOf(ctx)), ...provedWith, record };
  }

  function toSend(ctx: Context, due: DueInteraction, address: string): Parameters<EmailProofs['send']> {
    const { userId, uid, path } = due;
    return [
      { userId, by: byUser(userId, visitorOf(ctx)), language: ctx.state.language, browser: browserOf(due) },
      { address, why: 'sign-in', path: `${path}/verify-email/link`, interaction: uid },
    ];
  }

  return router;
}

/** The page is in the browser in which the sign-in began, and in no other. */
const browserOf = ({ uid }: DueInteraction): AskingBrowser => ({ holds: uid, deviceSecret: undefined });

function showDead(ctx: Context, due: DueInteraction | null): void {
  const next = due && ({ to: 'sign-in', url: due.path } as const);
  show(ctx, 410, linkView, { action: null, email: '', next });
}

function showStep(ctx: Context, { path }: DueInteraction, email: string, unsent: CodeProblem | null): void {
  const action = `${path}/verify-email`;
  const { resent = null, problem = resent === null ? unsent : null } = stepPage.refused(ctx);
  show(ctx, 200, stepView, { action, resendAction: `${action}/send`, email, problem, resent });
}
