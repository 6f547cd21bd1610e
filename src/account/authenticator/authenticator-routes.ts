import { type By, byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import {
  LONGEST_TYPED_CODE,
  type RecoveryCodes,
  type TotpEnrolments,
  type TotpService,
  triedCode,
} from '#credentials/module.ts';
import { AppError } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { LATELY, type OwnPages, type SignedInPerson } from '#oidc/sessions/module.ts';
import { accountFrame } from '../account-frame.ts';
import { type AuthenticatorPage, authenticatorView } from './authenticator-view.ts';
import { identifierOf } from '#directory/users/module.ts';

type AuthenticatorRouteDependencies = {
  ownPages: Pick<OwnPages, 'require' | 'noteEnrolment'>;
  totp: Pick<TotpService, 'find' | 'remove'>;
  totpEnrolments: Pick<TotpEnrolments, 'offer' | 'confirm'>;
  recoveryCodes: Pick<RecoveryCodes, 'prepareMissing' | 'show'>;
};

const PAGE = '/account/authenticator';
/** Where recovery codes are shown that were made with the app. */
const CODES = '/account/recovery-codes/show';
const codeForm = form(z.object({ code: z.string().max(LONGEST_TYPED_CODE, 'wrong').default('') }));
const noFields = form(z.object({}));
const authenticatorPage = formPage<Pick<AuthenticatorPage, 'problem'>>();

/** Routes of the authenticator app on the account page: offer, confirmation by code, removal. */
export function authenticatorRoutes(deps: AuthenticatorRouteDependencies): Router<State> {
  const { ownPages, totp, totpEnrolments, recoveryCodes } = deps;
  const router = new Router<State>();

  router.get(PAGE, showOffer);
  router.post(PAGE, confirmApp);
  router.post(`${PAGE}/remove`, removeApp);

  async function confirmApp(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const form = await codeForm.read(ctx);
    const tried = triedCode(form);
    if ('lack' in tried) return authenticatorPage.refuse(ctx, PAGE, { problem: tried.lack });
    const outcome = await confirm(person, tried.code, byUser(person.userId, visitorOf(ctx)));
    if (outcome.kind !== 'confirmed') return authenticatorPage.refuse(ctx, PAGE, { problem: outcome.kind });
    const codes = await recoveryCodes.show({ userId: person.userId, holder: person.sessionId });
    return seeOther(ctx, codes === null ? '/account/security?done=saved' : CODES);
  }

  /** A user without recovery codes gets some with the app: it can be lost. */
  function confirm(person: SignedInPerson, code: string, by: By) {
    const { userId, sessionId: holder } = person;
    return totpEnrolments.confirm({ userId, holder, code, name: '' }, by, async () => {
      const writeCodes = await recoveryCodes.prepareMissing({ userId, holder }, by);
      return async (em) => {
        await ownPages.noteEnrolment(em, person);
        await writeCodes(em);
      };
    });
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
    const [app, { qr, uri, key }] = await Promise.all([
      totp.find(userId),
      totpEnrolments.offer({ userId, holder, account: identifierOf(user) }),
    ]);
    show(ctx, 200, authenticatorView, {
      frame: accountFrame(ctx, person),
      app: app && { name: app.name, addedAt: app.createdAt },
      qr,
      uri,
      key,
      problem,
    });
  }

  return router;
}
