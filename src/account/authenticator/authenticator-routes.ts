import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import type { TotpEnrolments, TotpService } from '#credentials/module.ts';
import { AppError } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { LATELY, type OwnPages } from '#oidc/sessions/module.ts';
import type { Policies } from '#settings/module.ts';
import { accountFrame } from '../account-frame.ts';
import { type AuthenticatorPage, authenticatorView } from './authenticator-view.ts';
import { identifierOf } from '#directory/users/module.ts';

type AuthenticatorRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  totp: Pick<TotpService, 'find' | 'remove'>;
  totpEnrolments: Pick<TotpEnrolments, 'offer' | 'confirm'>;
  /** The name of the app in lists. */
  policies: Policies<'branding'>;
};

const PAGE = '/account/authenticator';
const codeForm = form(z.object({ code: z.string().trim().min(1, 'required').max(64) }));
const noFields = form(z.object({}));
const authenticatorPage = formPage<Pick<AuthenticatorPage, 'problem'>>();

/** Routes of the authenticator app on the account page: offer, confirmation by code, removal. */
export function authenticatorRoutes(deps: AuthenticatorRouteDependencies): Router<State> {
  const { ownPages, totp, totpEnrolments, policies } = deps;
  const router = new Router<State>();

  router.get(PAGE, showOffer);
  router.post(PAGE, confirmApp);
  router.post(`${PAGE}/remove`, removeApp);

  async function confirmApp(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const form = await codeForm.read(ctx);
    if (!form.isValid)
      return authenticatorPage.refuse(ctx, PAGE, { problem: form.errors.code === 'required' ? 'required' : 'wrong' });
    const { userId, sessionId: holder } = person;
    const { name } = policies.for({ user: userId }).branding;
    const outcome = await totpEnrolments.confirm(
      { userId, holder, code: form.values.code, name },
      byUser(userId, visitorOf(ctx)),
    );
    if (outcome.kind === 'confirmed') return seeOther(ctx, '/account/security?done=saved');
    return authenticatorPage.refuse(ctx, PAGE, { problem: outcome.kind });
  }

  async function removeApp(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY, returnTo: PAGE });
    if (person === null) return;
    await noFields.read(ctx);
    try {
      await totp.remove(person.userId, byUser(person.userId, visitorOf(ctx)));
      seeOther(ctx, '/account/security?done=removed');
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'credentials.last_factor') throw error;
      authenticatorPage.refuse(ctx, PAGE, { problem: 'last_factor' });
    }
  }

  async function showOffer(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const { problem = null } = authenticatorPage.refused(ctx);
    const { userId, user, sessionId: holder } = person;
    const [app, { qr, key }] = await Promise.all([
      totp.find(userId),
      totpEnrolments.offer({ userId, holder, account: identifierOf(user) }),
    ]);
    show(ctx, 200, authenticatorView, {
      frame: accountFrame(ctx, person),
      app: app && { name: app.name, addedAt: app.createdAt },
      qr,
      key,
      problem,
    });
  }

  return router;
}
