import { Router } from '#kernel/http/router.ts';
import type { PasswordService } from '#credentials/module.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { instance } from '#settings/module.ts';
import { newPasswordView, type NewPasswordPage, resetEndView } from './new-password-view.ts';
import { newPasswordForm } from './recovery-form.ts';
import type { RecoveryService } from './recovery-service.ts';

export type ResetRouteDependencies = {
  recovery: RecoveryService;
  passwords: Pick<PasswordService, 'minimumLength'>;
  /** Holds the secret of the link from the first page on: addresses are kept, sent and looked at. */
  resetCookie: BrowserCookie;
  /** The sign-in in which this browser asked for a link, if it did. */
  originCookie: Pick<BrowserCookie, 'read' | 'clear'>;
  deviceCookie: Pick<BrowserCookie, 'read'>;
  /** Where somebody begins who came with nothing else; null where nothing is. */
  startUrl: string | null;
};

const ACTION = '/recovery/password';
const passwordPage = formPage<Pick<NewPasswordPage, 'problem'>>();
/** 256 bits as base64url, as links of ours have, and sign-ins. */
const SECRET = /^[\w-]{43}$/;

/** What a link in a mail leads to. Only the form acts: programs that look into mails open links. */
export function resetRoutes({
  recovery,
  passwords,
  resetCookie,
  originCookie,
  deviceCookie,
  startUrl,
}: ResetRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get('/recovery/link/:secret', async (ctx: Context) => {
    const { secret = '' } = ctx.params;
    if (SECRET.test(secret)) resetCookie.write(ctx, secret);
    else resetCookie.clear(ctx);
    return seeOther(ctx, ACTION);
  });

  router.get(ACTION, showForm);
  router.post(ACTION, setPassword);

  async function setPassword(ctx: Context): Promise<void> {
    const link = resetCookie.read(ctx) ?? '';
    const form = await newPasswordForm.read(ctx);
    const user = await recovery.find(link);
    if (!user) return showExpired(ctx);
    if (!form.isValid)
      return passwordPage.refuse(ctx, ACTION, {
        problem: { kind: form.errors.password === 'too_long' ? 'too_long' : 'required' },
      });
    const outcome = await recovery.reset(link, form.values.password, {
      visitor: visitorOf(ctx),
      language: ctx.state.language,
      deviceSecret: deviceCookie.read(ctx),
    });
    switch (outcome.kind) {
      case 'done':
        resetCookie.clear(ctx);
        return seeOther(ctx, endOf(ctx));
      case 'refused':
        return passwordPage.refuse(ctx, ACTION, { problem: outcome.problem });
      case 'expired':
        return showExpired(ctx);
      default:
        return unreachable(outcome);
    }
  }

  router.get('/recovery/done', async (ctx: Context) =>
    show(ctx, 200, resetEndView, { outcome: 'done', nextUrl: startUrl }),
  );

  function endOf(ctx: Context): string {
    const uid = originCookie.read(ctx) ?? '';
    originCookie.clear(ctx);
    return SECRET.test(uid) ? `/interaction/${uid}/forgot/done` : '/recovery/done';
  }

  async function showForm(ctx: Context): Promise<void> {
    const user = await recovery.find(resetCookie.read(ctx) ?? '');
    if (!user) return showExpired(ctx);
    const { problem = null } = passwordPage.refused(ctx);
    const minimumLength = passwords.minimumLength(instance);
    const { email } = user;
    return show(ctx, 200, newPasswordView, { action: ACTION, reason: 'forgotten', email, minimumLength, problem });
  }

  function showExpired(ctx: Context): void {
    resetCookie.clear(ctx);
    show(ctx, 410, resetEndView, { outcome: 'expired', nextUrl: '/recovery' });
  }

  return router;
}
