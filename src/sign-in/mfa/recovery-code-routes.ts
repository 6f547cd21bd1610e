import type { Router } from '#kernel/http/router.ts';
import { type RecoveryCodes, recoverySheet } from '#credentials/module.ts';
import { type DueInteraction, type InteractionService, StepRouter } from '#sign-in/interaction/module.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { Policies } from '#settings/module.ts';
import { savedForm } from './mfa-form.ts';
import { recoveryCodesView, type RecoveryCodesPage } from './recovery-codes-view.ts';
import { identifierOf } from '#directory/users/module.ts';

export type RecoveryCodeRouteDependencies = {
  interactions: Pick<InteractionService, 'due' | 'userChanged' | 'proceed'>;
  recoveryCodes: Pick<RecoveryCodes, 'show' | 'saved' | 'find'>;
  policies: Policies<'branding'>;
};

const codesPage = formPage<Pick<RecoveryCodesPage, 'isUnsaved'>>();

type Sheet = Pick<RecoveryCodesPage, 'identifier' | 'codes' | 'madeAt'>;

/** Recovery codes that were made in this sign-in, until their owner says that they are saved. */
export function recoveryCodeRoutes({
  interactions,
  recoveryCodes,
  policies,
}: RecoveryCodeRouteDependencies): Router<State> {
  const router = new StepRouter();
  const path = '/interaction/:uid/recovery-codes';

  router.page('recovery-codes', showOwnCodes);
  router.post(path, confirmSaved);
  router.get(`${path}.txt`, downloadCodes);

  async function showOwnCodes(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'recovery-codes');
    if (due) await showCodes(ctx, due);
  }

  async function confirmSaved(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'recovery-codes');
    if (!due) return;
    const form = await savedForm.read(ctx);
    if (!form.isValid) return codesPage.refuse(ctx, ctx.path, { isUnsaved: true });
    await recoveryCodes.saved({ userId: due.userId, holder: due.uid });
    interactions.userChanged(ctx);
    return interactions.proceed(ctx, due);
  }

  async function downloadCodes(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'recovery-codes');
    const sheet = due && (await find(due));
    if (!due) return;
    if (!sheet) return seeOther(ctx, due.path);
    ctx.type = 'text/plain; charset=utf-8';
    ctx.attachment('recovery-codes.txt');
    const { name: brand } = policies.for({ user: due.userId, client: due.question.client.id }).branding;
    ctx.body = recoverySheet({ ...sheet, brand }, ctx.state.language);
  }

  async function showCodes(ctx: Context, due: DueInteraction): Promise<void> {
    const { isUnsaved = false } = codesPage.refused(ctx);
    const sheet = await find(due);
    if (!sheet) return seeOther(ctx, due.path);
    const action = `${due.path}/recovery-codes`;
    show(ctx, 200, recoveryCodesView, { action, downloadUrl: `${action}.txt`, isUnsaved, ...sheet });
  }

  /** Null when another form, or the expiry, came first. */
  async function find({ userId, uid, facts }: DueInteraction): Promise<Sheet | null> {
    const [codes, made] = await Promise.all([recoveryCodes.show({ userId, holder: uid }), recoveryCodes.find(userId)]);
    return codes && made ? { identifier: identifierOf(facts.user), codes, madeAt: made.createdAt } : null;
  }

  return router;
}
