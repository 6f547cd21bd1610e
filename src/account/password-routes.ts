import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import type { PasswordService, PasskeyService } from '#credentials/module.ts';
import { AppError, unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { LATELY, type OwnPages, type SignedInPerson } from '#sessions/module.ts';
import { accountFrame } from './account-frame.ts';
import type { PasswordChanges } from './password-changes.ts';
import { type PasswordPage, passwordView } from './password-view.ts';

export type PasswordRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  passwords: Pick<PasswordService, 'has' | 'minimumLength'>;
  passkeys: Pick<PasskeyService, 'countUsable'>;
  changes: PasswordChanges;
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

const LONGEST = 4096;
const changeForm = form(
  z.object({ current: z.string().max(LONGEST).default(''), password: z.string().max(LONGEST).default('') }),
);
const noFields = form(z.object({}));
const noProblems: Pick<PasswordPage, 'current' | 'problem'> = { current: null, problem: null };
const PAGE = '/account/password';
const DONE = '/account/security?done=saved';

export function passwordRoutes({
  ownPages,
  passwords,
  passkeys,
  changes,
  deviceCookie,
}: PasswordRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, async (ctx: Context) => {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person !== null) await showForm(ctx, 200, person, noProblems);
  });

  router.post(PAGE, async (ctx: Context) => {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const form = await changeForm.read(ctx);
    const { current, password } = form.isValid ? form.values : { current: '', password: '' };
    const isMissing = current === '' && (await passwords.has(person.userId));
    if (isMissing || password === '')
      return showForm(ctx, 422, person, {
        current: isMissing ? { kind: 'required' } : null,
        problem: password === '' ? { kind: 'required' } : null,
      });
    const outcome = await changes
      .change(person, { current, next: password, deviceSecret: deviceCookie.read(ctx) }, visitorOf(ctx))
      .catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'credentials.busy') return { kind: 'unavailable' as const };
        throw error;
      });
    switch (outcome.kind) {
      case 'changed':
        return seeOther(ctx, DONE);
      case 'refused':
        return showForm(ctx, 422, person, { current: null, problem: outcome.problem });
      case 'unavailable':
        ctx.set('Retry-After', '5');
        return showForm(ctx, 503, person, { current: outcome, problem: null });
      case 'wrong':
      case 'throttled':
        return showForm(ctx, 422, person, { current: outcome, problem: null });
      default:
        return unreachable(outcome);
    }
  });

  router.post(`${PAGE}/remove`, async (ctx: Context) => {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY, returnTo: PAGE });
    if (person === null) return;
    await noFields.read(ctx);
    if (!(await mayRemove(person))) return seeOther(ctx, PAGE);
    await changes.remove(person, visitorOf(ctx));
    return seeOther(ctx, '/account/security?done=removed');
  });

  /** A passkey is as good a way in as any; whoever has none keeps the password. */
  async function mayRemove({ userId }: SignedInPerson): Promise<boolean> {
    return (await passwords.has(userId)) && (await passkeys.countUsable(userId)) > 0;
  }

  async function showForm(
    ctx: Context,
    status: number,
    person: SignedInPerson,
    problems: Pick<PasswordPage, 'current' | 'problem'>,
  ): Promise<void> {
    show(ctx, status, passwordView, {
      frame: accountFrame(ctx, person),
      hasPassword: await passwords.has(person.userId),
      minimumLength: passwords.minimumLength({ user: person.userId }),
      mayRemove: await mayRemove(person),
      ...problems,
    });
  }

  return router;
}
