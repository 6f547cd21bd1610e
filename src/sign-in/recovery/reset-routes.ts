import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import type { PasswordService } from '#credentials/module.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { instance } from '#settings/module.ts';
import { newPasswordView, type NewPasswordPage, resetEndView } from './new-password-view.ts';
import { newPasswordForm, problemOf } from './recovery-form.ts';
import type { RecoveryService } from './recovery-service.ts';
import { identifierOf } from '#directory/users/module.ts';

export type ResetRouteDependencies = {
  recovery: RecoveryService;
  passwords: Pick<PasswordService, 'rules'>;
  resetLink: MailedLink;
  /** The sign-in in which this browser asked for a link, if it did. */
  originCookie: Pick<BrowserCookie, 'read' | 'clear'>;
  deviceCookie: Pick<BrowserCookie, 'read'>;
  /** The start page for a user without a sign-in in progress; null without one. */
  startUrl: string | null;
};

const PAGE = '/recovery/link/:link';
const passwordPage = formPage<Pick<NewPasswordPage, 'problem'>>();
/** 256 bits as base64url. */
const SIGN_IN = /^[\w-]{43}$/;

/** The page of the link in a mail. Only the form acts, because mail scanners open links. */
export function resetRoutes({
  recovery,
  passwords,
  resetLink,
  originCookie,
  deviceCookie,
  startUrl,
}: ResetRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showForm);
  router.post(PAGE, setPassword);
  router.get('/recovery/done', showDone);

  async function setPassword(ctx: Context): Promise<void> {
    const link = resetLink.read(ctx);
    const form = await newPasswordForm.read(ctx);
    const user = await recovery.find(link);
    if (!user) return showExpired(ctx);
    if (!form.isValid) return passwordPage.refuse(ctx, ctx.path, { problem: problemOf(form.errors) });
    const outcome = await recovery.reset(link, form.values.password, {
      by: byUser(user.id, visitorOf(ctx)),
      language: ctx.state.language,
      deviceSecret: deviceCookie.read(ctx),
    });
    switch (outcome.kind) {
      case 'done':
        resetLink.forget(ctx);
        return seeOther(ctx, endOf(ctx));
      case 'refused':
        return passwordPage.refuse(ctx, ctx.path, { problem: outcome.problem });
      case 'expired':
        return showExpired(ctx);
      default:
        return unreachable(outcome);
    }
  }

  function showDone(ctx: Context): void {
    show(ctx, 200, resetEndView, { outcome: 'done', nextUrl: startUrl });
  }

  function endOf(ctx: Context): string {
    const uid = originCookie.read(ctx) ?? '';
    originCookie.clear(ctx);
    return SIGN_IN.test(uid) ? `/interaction/${uid}/forgot/done` : '/recovery/done';
  }

  async function showForm(ctx: Context): Promise<void> {
    if (resetLink.keep(ctx)) return;
    const user = await recovery.find(resetLink.read(ctx));
    if (!user) return showExpired(ctx);
    const { problem = null } = passwordPage.refused(ctx);
    const rules = passwords.rules(instance);
    const identifier = identifierOf(user);
    return show(ctx, 200, newPasswordView, {
      action: ctx.path,
      reason: user.emailVerified ? 'forgotten' : 'unproved',
      identifier,
      rules,
      problem,
    });
  }

  function showExpired(ctx: Context): void {
    resetLink.forget(ctx);
    show(ctx, 410, resetEndView, { outcome: 'expired', nextUrl: '/recovery' });
  }

  return router;
}
