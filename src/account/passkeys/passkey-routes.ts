import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import type {
  PasskeyId,
  PasskeyRegistration,
  PasskeyService,
  PasswordService,
  NewPasskeyProblem,
} from '#credentials/module.ts';
import { AppError } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { parseId } from '#kernel/ids.ts';
import { show } from '#kernel/views.ts';
import type { ReadUser } from '#directory/users/module.ts';
import { LATELY, type OwnPages, type SignedInPerson } from '#oidc/sessions/module.ts';
import { accountFrame } from '../account-frame.ts';
import { type NewPasskeyPage, newPasskeyView } from './new-passkey-view.ts';
import { type PasskeyPage, passkeyView } from './passkey-view.ts';

export type PasskeyRouteDependencies = {
  ownPages: Pick<OwnPages, 'require' | 'noteEnrolment'>;
  passkeys: Pick<PasskeyService, 'list' | 'rename' | 'remove' | 'relyingParty'>;
  passkeyRegistration: Pick<PasskeyRegistration, 'options' | 'register'>;
  passwords: Pick<PasswordService, 'has'>;
  /** The accounts with a passkey in this browser: their next sign-in here begins with it. */
  passkeysHere: { made(ctx: Context, user: ReadUser): void; forget(ctx: Context, user: ReadUser): void };
};

const NEW = '/account/passkeys/new';
const ONE = '/account/passkeys/:id';
const SECURITY = '/account/security';
/** Afterwards the browser receives the remaining passkeys, so that it forgets removed ones. */
const CHANGED = `${SECURITY}?passkeys=changed`;

/** Filled in by passkey.js; both are empty when there is no script. */
const answerForm = form(
  z.object({
    credential: z.string().max(60_000).default(''),
    failure: z.enum(['', 'cancelled', 'timed_out', 'exists', 'unsupported', 'failed']).catch('failed').default(''),
  }),
);
const oneForm = form(z.object({ action: z.enum(['continue', 'remove']), name: z.string().max(256).default('') }));
const newPage = formPage<{ problem: NewPasskeyProblem }>();
const onePage = formPage<Pick<PasskeyPage, 'problem'>>();
const refusals: Readonly<Record<string, PasskeyPage['problem']>> = {
  'credentials.last_factor': 'last_factor',
  'credentials.last_way_in': 'last_way',
};

/** Routes of passkeys on the account page: add, rename, remove. */
export function passkeyRoutes(deps: PasskeyRouteDependencies): Router<State> {
  const { ownPages, passkeys, passkeyRegistration, passwords, passkeysHere } = deps;
  const router = new Router<State>();

  router.get(NEW, showNew);
  router.post(NEW, registerPasskey);
  router.get(ONE, showOne);
  router.post(ONE, changePasskey);

  async function registerPasskey(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const form = await answerForm.read(ctx);
    const { credential, failure } = form.isValid ? form.values : { credential: '', failure: 'failed' as const };
    if (failure !== '' || credential === '')
      return newPage.refuse(ctx, NEW, { problem: failure === '' ? 'unsupported' : failure });
    const outcome = await passkeyRegistration.register(
      await enrolment(person),
      credential,
      byUser(person.userId, visitorOf(ctx)),
      async () => (em) => ownPages.noteEnrolment(em, person),
    );
    if (outcome.kind !== 'registered') return newPage.refuse(ctx, NEW, { problem: outcome.kind });
    if (outcome.passkey.verifiesUser) passkeysHere.made(ctx, person.user);
    return seeOther(ctx, `${SECURITY}?done=saved`);
  }

  async function changePasskey(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const form = await oneForm.read(ctx);
    const id = idOf(ctx);
    if (id === null || !form.isValid) return;
    const by = byUser(person.userId, visitorOf(ctx));
    if (form.values.action === 'continue') {
      if (await passkeys.rename(person.userId, id, form.values.name, by)) seeOther(ctx, `${CHANGED}&done=saved`);
      return;
    }
    try {
      if (!(await passkeys.remove(person.userId, id, by))) return;
      if ((await passkeys.list(person.userId)).length === 0) passkeysHere.forget(ctx, person.user);
      seeOther(ctx, `${CHANGED}&done=removed`);
    } catch (error) {
      const problem = error instanceof AppError ? refusals[error.code] : undefined;
      if (problem === undefined) throw error;
      onePage.refuse(ctx, ctx.path, { problem });
    }
  }

  async function enrolment({ userId, sessionId }: SignedInPerson) {
    return { userId, binding: sessionId, isOnlyFactor: !(await passwords.has(userId)) };
  }

  async function showNew(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const { problem = null } = newPage.refused(ctx);
    const options = await passkeyRegistration.options(person.user, await enrolment(person));
    if (options === null) return seeOther(ctx, SECURITY);
    const page: NewPasskeyPage = {
      frame: accountFrame(ctx, person),
      options: options === 'full' ? null : JSON.stringify(options),
      problem: options === 'full' ? { kind: 'full' } : problem && { kind: problem },
    };
    show(ctx, 200, newPasskeyView, page);
  }

  /** 404 for another user's passkey, as for an unknown one. */
  async function showOne(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const { problem = null } = onePage.refused(ctx);
    const id = idOf(ctx);
    const passkey = (await passkeys.list(person.userId)).find((one) => one.id === id);
    if (passkey) show(ctx, 200, passkeyView, { frame: accountFrame(ctx, person), passkey, problem });
  }

  return router;
}

const idOf = (ctx: Context): PasskeyId | null => parseId('psk', ctx.params['id'] ?? '');
