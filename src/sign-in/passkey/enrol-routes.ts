import { type By, byUser } from '#audit/module.ts';
import type { Router } from '#kernel/http/router.ts';
import type { PasskeyRegistration, WebauthnUsers, WrittenWith } from '#credentials/module.ts';
import {
  type DueInteraction,
  type InteractionService,
  type PasskeysHere,
  StepRouter,
} from '#sign-in/interaction/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { identifierOf, type UserId, type UserService } from '#directory/users/module.ts';
import { type EnrolPage, type EnrolProblem, enrolView } from './enrol-view.ts';
import { passkeyForm } from './passkey-form.ts';

export type EnrolDependencies = {
  interactions: Pick<InteractionService, 'due' | 'require' | 'recordTaskIn' | 'recordSkip' | 'userChanged' | 'proceed'>;
  passkeyRegistration: Pick<PasskeyRegistration, 'options' | 'register'>;
  webauthnUsers: Pick<WebauthnUsers, 'declineOffer'>;
  users: Pick<UserService, 'findById'>;
  /** Prepares recovery codes for a user who adds a second factor because one is needed, and has none. */
  missingCodes(signIn: { userId: UserId; uid: string }, by: By): ReturnType<WrittenWith>;
  passkeysHere: Pick<PasskeysHere, 'made'>;
};

const enrolPage = formPage<Pick<EnrolPage, 'problem'>>();

/** Enrolling a passkey on the way in: because it would be handy, or because a second factor is demanded. */
export function enrolRoutes({
  interactions,
  passkeyRegistration,
  webauthnUsers,
  users,
  missingCodes,
  passkeysHere,
}: EnrolDependencies): Router<State> {
  const router = new StepRouter();

  router.page('offer-passkey', showOffer);
  router.post('/interaction/:uid/offer-passkey', answerOffer);
  router.get('/interaction/:uid/enrol-factor/passkey', showFactor);
  router.post('/interaction/:uid/enrol-factor/passkey', addFactor);

  async function showOffer(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'offer-passkey');
    if (due !== null) await showEnrol(ctx, due, 'offer');
  }

  async function answerOffer(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'offer-passkey');
    if (due === null) return;
    const form = await passkeyForm.read(ctx);
    const isLeft = form.isValid && form.values.action === 'skip';
    if (isLeft) await webauthnUsers.declineOffer(due.userId);
    const hasAnswer = !form.isValid || form.values.credential !== '' || form.values.failure !== '';
    // Without a script there is nothing to create, and nothing to stop for.
    if (isLeft || !hasAnswer) {
      return interactions.proceed(ctx, await interactions.recordSkip(due, 'offer-passkey'));
    }
    return enrol(ctx, due, 'offer', form.isValid ? form.values : { credential: '', failure: 'failed' });
  }

  async function showFactor(ctx: Context): Promise<void> {
    const due = await factorDue(ctx);
    if (due !== null) await showEnrol(ctx, due, 'factor');
  }

  async function addFactor(ctx: Context): Promise<void> {
    const due = await factorDue(ctx);
    if (due === null) return;
    const form = await passkeyForm.read(ctx);
    return enrol(ctx, due, 'factor', form.isValid ? form.values : { credential: '', failure: 'failed' });
  }

  const policyOf = ({ facts }: DueInteraction) => facts.policy.mfa;

  /** Null also where the policy wants no passkeys as second factors: then the answer is written. */
  async function factorDue(ctx: Context): Promise<DueInteraction | null> {
    const due = await interactions.due(ctx, 'enrol-factor');
    if (due === null || policyOf(due).factors.includes('passkey')) return due;
    seeOther(ctx, `${due.path}/enrol-factor`);
    return null;
  }

  async function enrol(
    ctx: Context,
    due: DueInteraction,
    reason: EnrolPage['reason'],
    { credential, failure }: { credential: string; failure: '' | EnrolProblem['kind'] },
  ): Promise<void> {
    if (failure !== '') return enrolPage.refuse(ctx, ctx.path, { problem: { kind: failure } });
    const { userId, uid: binding } = due;
    const by = byUser(userId, visitorOf(ctx));
    const enrolment = { userId, binding, isOnlyFactor: false };
    const outcome = await passkeyRegistration.register(enrolment, credential, by, async () => {
      const writeCodes = reason === 'factor' ? await missingCodes(due, by) : null;
      return async (em) => {
        await interactions.recordTaskIn(em, due);
        await writeCodes?.(em);
      };
    });
    if (outcome.kind === 'registered') {
      if (outcome.passkey.verifiesUser) passkeysHere.made(ctx, due.facts.user);
      interactions.userChanged(ctx);
      return interactions.proceed(ctx, await interactions.require(ctx));
    }
    return enrolPage.refuse(ctx, ctx.path, { problem: outcome });
  }

  async function showEnrol(ctx: Context, due: DueInteraction, reason: EnrolPage['reason']): Promise<void> {
    const { problem = null } = enrolPage.refused(ctx);
    const { userId, uid: binding, path, needed } = due;
    const user = await users.findById(userId);
    const options = user && (await passkeyRegistration.options(user, { binding, isOnlyFactor: false }));
    if (user === null || options === null) return seeOther(ctx, path);
    // Nothing else reaches the highest level.
    const isOneOfMany = reason === 'factor' && (needed ?? 2) < 3 && policyOf(due).factors.length > 1;
    return show(ctx, 200, enrolView, {
      action: `${path}/${reason === 'offer' ? 'offer-passkey' : 'enrol-factor/passkey'}`,
      identifier: identifierOf(user),
      reason,
      otherUrl: isOneOfMany ? `${path}/enrol-factor` : null,
      options: options === 'full' ? null : JSON.stringify(options),
      problem: options === 'full' ? { kind: 'full' } : problem,
    });
  }

  return router;
}
