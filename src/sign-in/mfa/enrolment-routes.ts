import { byUser } from '#audit/module.ts';
import type { Router } from '#kernel/http/router.ts';
import { methods, type TotpEnrolments, triedCode } from '#credentials/module.ts';
import { type DueInteraction, type InteractionService, StepRouter } from '#sign-in/interaction/module.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { identifierOf, shownAccount, type User, type UserId } from '#directory/users/module.ts';
import type { EnrolmentOffer, EnrolmentService } from './enrolment-service.ts';
import { enrolView, shownChoice } from './enrol-view.ts';
import { enrolTotpForm, methodForm } from './mfa-form.ts';
import { totpView, type TotpPage } from './totp-view.ts';

export type EnrolmentRouteDependencies = {
  interactions: Pick<
    InteractionService,
    'due' | 'require' | 'recordProofIn' | 'recordSkip' | 'userChanged' | 'proceed'
  >;
  enrolments: EnrolmentService;
  totpEnrolments: Pick<TotpEnrolments, 'offer'>;
  /** Whether an organization of the user can help. */
  isMember(userId: UserId): Promise<boolean>;
};

type Turn = { due: DueInteraction; user: User; offer: EnrolmentOffer; base: string };

/** Adding a second factor in the course of a sign-in, because policy or the application wants one. */
const totpPage = formPage<Pick<TotpPage, 'problem'>>();

/** Routes that add a second factor during a sign-in. */
export function enrolmentRoutes({
  interactions,
  enrolments,
  totpEnrolments,
  isMember,
}: EnrolmentRouteDependencies): Router<State> {
  const router = new StepRouter();
  const path = '/interaction/:uid/enrol-factor';

  router.page('enrol-factor', showChoices);
  router.post(path, chooseMethod);
  router.get(`${path}/totp`, showOwnTotp);
  router.post(`${path}/totp`, confirmTotp);

  async function showChoices(ctx: Context): Promise<void> {
    const turn = await begin(ctx);
    if (!turn) return;
    const { due, user, offer, base } = turn;
    // Where there is one thing to choose and no leaving it, the choice is no question.
    if (offer.choices.length === 1 && offer.graceEnd === null) return seeOther(ctx, `${base}/${offer.choices[0]}`);
    show(ctx, 200, enrolView, {
      action: base,
      account: shownAccount(user),
      changeUrl: `${due.path}/login`,
      choices: offer.choices.map(shownChoice),
      isMember: offer.choices.length === 0 && (await isMember(user.id)),
      graceEnd: offer.graceEnd,
    });
  }

  async function chooseMethod(ctx: Context): Promise<void> {
    const turn = await begin(ctx);
    if (!turn) return;
    const { method, action } = (await methodForm.read(ctx)).values;
    if (action === 'skip') return skip(ctx, turn);
    const choice = turn.offer.choices.find((each) => each === method);
    return seeOther(ctx, choice === undefined ? turn.base : `${turn.base}/${choice}`);
  }

  async function showOwnTotp(ctx: Context): Promise<void> {
    const turn = await beginTotp(ctx);
    if (turn) await showTotp(ctx, turn);
  }

  async function confirmTotp(ctx: Context): Promise<void> {
    const turn = await beginTotp(ctx);
    if (!turn) return;
    const form = await enrolTotpForm.read(ctx);
    if (form.values.action === 'skip') return skip(ctx, turn);
    const tried = triedCode(form);
    if ('lack' in tried) return totpPage.refuse(ctx, ctx.path, { problem: { kind: tried.lack } });
    const { code } = tried;
    const { due } = turn;
    const { userId } = due;
    const outcome = await enrolments.confirmTotp(due, code, byUser(userId, visitorOf(ctx)), (em) =>
      interactions.recordProofIn(em, due, { userId, proof: { factor: 'totp', amr: methods.totp.amr } }),
    );
    switch (outcome.kind) {
      case 'confirmed':
        return goOn(ctx);
      case 'wrong':
      case 'expired':
        return totpPage.refuse(ctx, ctx.path, { problem: outcome });
      default:
        return unreachable(outcome);
    }
  }

  async function goOn(ctx: Context): Promise<void> {
    interactions.userChanged(ctx);
    return interactions.proceed(ctx, await interactions.require(ctx));
  }

  async function begin(ctx: Context): Promise<Turn | null> {
    const due = await interactions.due(ctx, 'enrol-factor');
    if (due === null) return null;
    return { due, user: due.facts.user, offer: await enrolments.offer(due), base: `${due.path}/enrol-factor` };
  }

  async function beginTotp(ctx: Context): Promise<Turn | null> {
    const turn = await begin(ctx);
    if (turn === null || turn.offer.choices.includes('totp')) return turn;
    seeOther(ctx, turn.base);
    return null;
  }

  async function skip(ctx: Context, { due, offer, base }: Turn): Promise<void> {
    if (offer.graceEnd === null) return seeOther(ctx, base);
    return interactions.proceed(ctx, await interactions.recordSkip(due, 'enrol-factor'));
  }

  async function showTotp(ctx: Context, { due, user, offer, base }: Turn): Promise<void> {
    const { problem = null } = totpPage.refused(ctx);
    const shown = await totpEnrolments.offer({ userId: due.userId, holder: due.uid, account: identifierOf(user) });
    show(ctx, 200, totpView, {
      action: `${base}/totp`,
      identifier: identifierOf(user),
      ...shown,
      mayBePutOff: offer.graceEnd !== null,
      chooseUrl: offer.choices.length > 1 ? base : null,
      problem,
    });
  }

  return router;
}
