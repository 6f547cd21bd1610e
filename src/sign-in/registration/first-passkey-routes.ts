import type { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { byUser } from '#audit/module.ts';
import {
  LONGEST_PASSWORD_FIELD,
  type NewPasswordProblem,
  type PasskeyRegistration,
  type PasswordService,
} from '#credentials/module.ts';
import {
  type DueInteraction,
  type InteractionService,
  type PasskeysHere,
  StepRouter,
} from '#sign-in/interaction/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { Admission } from './admission.ts';
import { type FirstPasskeyProblem, firstPasskeyView, firstPasswordView } from './first-passkey-view.ts';
import type { FirstPasswords } from './first-passwords.ts';
import type { PendingRegistrations } from './pending-registration.ts';
import { identifierOf } from '#directory/users/module.ts';

export type FirstPasskeyDependencies = {
  interactions: Pick<InteractionService, 'due' | 'require' | 'recordTaskIn' | 'userChanged' | 'proceed'>;
  passkeyRegistration: Pick<PasskeyRegistration, 'options' | 'register'>;
  passwords: Pick<PasswordService, 'rulesOf'>;
  firstPasswords: FirstPasswords;
  admission: Admission;
  pending: Pick<PendingRegistrations, 'changeChoice'>;
  passkeysHere: Pick<PasskeysHere, 'made'>;
};

/** Filled in by passkey.js; `action=skip` where codes by mail do as well. */
const passkeyForm = form(
  z.object({
    credential: z.string().max(60_000).default(''),
    failure: z.enum(['', 'cancelled', 'timed_out', 'exists', 'unsupported', 'failed']).catch('failed').default(''),
    action: z.string().max(16).default(''),
  }),
);

const passkeyPage = formPage<{ problem: FirstPasskeyProblem }>();
const passwordPage = formPage<{ problem: NewPasswordProblem }>();
const passwordForm = form(z.object({ password: z.string().max(LONGEST_PASSWORD_FIELD, 'too_long').default('') }));

/** The page right after a registration with a passkey: the user creates it now, or chooses another method. */
export function firstPasskeyRoutes(dependencies: FirstPasskeyDependencies): Router<State> {
  const { interactions, passkeyRegistration, passwords, firstPasswords, admission, pending, passkeysHere } =
    dependencies;
  const router = new StepRouter();

  router.page('first-passkey', showOwnPasskey);
  router.post('/interaction/:uid/first-passkey', addPasskey);
  router.get('/interaction/:uid/first-passkey/password', showOwnPassword);
  router.post('/interaction/:uid/first-passkey/password', setPassword);

  async function showOwnPasskey(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'first-passkey');
    if (due !== null) await showPasskey(ctx, due);
  }

  async function addPasskey(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'first-passkey');
    if (due === null) return;
    const { uid, userId } = due;
    const read = await passkeyForm.read(ctx);
    if (!read.isValid) return passkeyPage.refuse(ctx, ctx.path, { problem: { kind: 'failed' } });
    const { action, credential, failure } = read.values;
    if (action === 'skip' && admission.methods().includes('email_code')) {
      await pending.changeChoice(uid, userId, 'email_code');
      return goOn(ctx);
    }
    if (credential === '')
      return passkeyPage.refuse(ctx, ctx.path, { problem: { kind: failure === '' ? 'unsupported' : failure } });
    const enrolment = { userId, binding: uid, isOnlyFactor: true };
    const by = byUser(userId, visitorOf(ctx));
    const outcome = await passkeyRegistration.register(enrolment, credential, by, async () => {
      return (em) => interactions.recordTaskIn(em, due);
    });
    if (outcome.kind === 'registered') passkeysHere.made(ctx, due.facts.user);
    // With as many as are allowed there is one, so that the step is done.
    if (outcome.kind === 'registered' || outcome.kind === 'full') return goOn(ctx);
    return passkeyPage.refuse(ctx, ctx.path, { problem: outcome });
  }

  async function showOwnPassword(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'first-passkey');
    if (due !== null) await showPassword(ctx, due);
  }

  async function setPassword(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'first-passkey');
    if (due === null) return;
    if (!admission.methods().includes('password')) return seeOther(ctx, due.path);
    const read = await passwordForm.read(ctx);
    if (!read.isValid) return passwordPage.refuse(ctx, ctx.path, { problem: { kind: 'too_long' } });
    const { password } = read.values;
    if (password === '') return passwordPage.refuse(ctx, ctx.path, { problem: { kind: 'required' } });
    const by = byUser(due.userId, visitorOf(ctx));
    const problem = await firstPasswords.set(due.facts.user, password, {
      by,
      interaction: due.uid,
      record: (em) => interactions.recordTaskIn(em, due),
    });
    if (problem !== null) return passwordPage.refuse(ctx, ctx.path, { problem });
    return goOn(ctx);
  }

  async function goOn(ctx: Context): Promise<void> {
    interactions.userChanged(ctx);
    return interactions.proceed(ctx, await interactions.require(ctx));
  }

  async function showPasskey(ctx: Context, due: DueInteraction): Promise<void> {
    const { problem = null } = passkeyPage.refused(ctx);
    const { path, uid: binding } = due;
    const { user } = due.facts;
    const options = await passkeyRegistration.options(user, { binding, isOnlyFactor: true });
    if (options === null || options === 'full') return seeOther(ctx, path);
    const methods = admission.methods();
    return show(ctx, 200, firstPasskeyView, {
      action: `${path}/first-passkey`,
      identifier: identifierOf(user),
      options: JSON.stringify(options),
      passwordUrl: methods.includes('password') ? `${path}/first-passkey/password` : null,
      canUseCodes: methods.includes('email_code'),
      problem,
    });
  }

  async function showPassword(ctx: Context, due: DueInteraction): Promise<void> {
    const { problem = null } = passwordPage.refused(ctx);
    if (!admission.methods().includes('password')) return seeOther(ctx, due.path);
    return show(ctx, 200, firstPasswordView, {
      action: `${due.path}/first-passkey/password`,
      identifier: identifierOf(due.facts.user),
      rules: await passwords.rulesOf(due.userId),
      problem,
      passkeyUrl: `${due.path}/first-passkey`,
    });
  }

  return router;
}
