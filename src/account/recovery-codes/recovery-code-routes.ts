import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { type RecoveryCodes, recoverySheet } from '#credentials/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { LATELY, type OwnPages, type SignedInPerson } from '#oidc/sessions/module.ts';
import type { Policies } from '#settings/module.ts';
import { accountFrame } from '../account-frame.ts';
import { makeCodesView, showCodesView } from './recovery-codes-view.ts';
import { identifierOf } from '#directory/users/module.ts';

type RecoveryCodeRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  recoveryCodes: Pick<RecoveryCodes, 'find' | 'make' | 'show' | 'saved'>;
  policies: Policies<'branding'>;
};

const PAGE = '/account/recovery-codes';
const SHOWN = `${PAGE}/show`;
const noFields = form(z.object({}));
const shownPage = formPage<{ isUnsaved: boolean }>();
const savedForm = form(z.object({ saved: z.literal('1') }));

/**
 * Routes of recovery codes on the account page: create, show, confirm. They need a sign-in within the last five
 * minutes, or a second factor that was added in this session since.
 */
export function recoveryCodeRoutes(deps: RecoveryCodeRouteDependencies): Router<State> {
  const { ownPages, recoveryCodes, policies } = deps;
  const router = new Router<State>();
  const lately = (ctx: Context, returnTo: string) =>
    ownPages.require(ctx, { maxAgeSeconds: LATELY, countsEnrolment: true, returnTo });

  router.get(PAGE, showCount);
  router.post(PAGE, makeCodes);
  router.get(SHOWN, showCodes);
  router.post(SHOWN, saveCodes);
  router.get(`${SHOWN}.txt`, downloadCodes);

  async function showCount(ctx: Context): Promise<void> {
    const person = await lately(ctx, PAGE);
    if (person === null) return;
    const found = await recoveryCodes.find(person.userId);
    show(ctx, 200, makeCodesView, {
      frame: accountFrame(ctx, person),
      codes: found && { left: found.left, madeAt: found.createdAt },
    });
  }

  async function makeCodes(ctx: Context): Promise<void> {
    const person = await lately(ctx, `${PAGE}?again`);
    if (person === null) return;
    await noFields.read(ctx);
    const { userId, sessionId: holder } = person;
    await recoveryCodes.make({ userId, holder }, byUser(userId, visitorOf(ctx)));
    return seeOther(ctx, SHOWN);
  }

  async function saveCodes(ctx: Context): Promise<void> {
    const person = await lately(ctx, PAGE);
    if (person === null) return;
    const form = await savedForm.read(ctx);
    if (!form.isValid) return shownPage.refuse(ctx, SHOWN, { isUnsaved: true });
    await recoveryCodes.saved({ userId: person.userId, holder: person.sessionId });
    return seeOther(ctx, '/account/security?done=saved');
  }

  async function downloadCodes(ctx: Context): Promise<void> {
    const person = await lately(ctx, PAGE);
    if (person === null) return;
    const sheet = await find(person);
    if (sheet === null) return seeOther(ctx, PAGE);
    ctx.type = 'text/plain; charset=utf-8';
    ctx.attachment('recovery-codes.txt');
    const { name: brand } = policies.for({ user: person.userId }).branding;
    ctx.body = recoverySheet({ ...sheet, brand, identifier: identifierOf(person.user) }, ctx.state.language);
  }

  async function showCodes(ctx: Context): Promise<void> {
    const person = await lately(ctx, PAGE);
    if (person === null) return;
    const { isUnsaved = false } = shownPage.refused(ctx);
    const sheet = await find(person);
    if (sheet === null) return seeOther(ctx, PAGE);
    return show(ctx, 200, showCodesView, { frame: accountFrame(ctx, person), isUnsaved, ...sheet });
  }

  /** Null when they were saved, were made elsewhere, or have been shown for long enough. */
  async function find({ userId, sessionId: holder }: SignedInPerson) {
    const [codes, made] = await Promise.all([recoveryCodes.show({ userId, holder }), recoveryCodes.find(userId)]);
    return codes && made ? { codes, madeAt: made.createdAt } : null;
  }

  return router;
}
