import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import {
  LONGEST_PASSWORD_FIELD,
  type PasskeyService,
  type PasswordChanges,
  type PasswordService,
  unavailableWhenBusy,
} from '#credentials/module.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { LATELY, type OwnPages, type SignedInPerson } from '#oidc/sessions/module.ts';
import { accountFrame } from '../account-frame.ts';
import { type PasswordPage, passwordView } from './password-view.ts';

type PasswordRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  passwords: Pick<PasswordService, 'has' | 'rulesOf'>;
  passkeys: Pick<PasskeyService, 'countUsable'>;
  changes: PasswordChanges;
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

const changeForm = form(
  z.object({
    current: z.string().max(LONGEST_PASSWORD_FIELD).default(''),
    password: z.string().max(LONGEST_PASSWORD_FIELD).default(''),
  }),
);
const noFields = form(z.object({}));
const passwordPage = formPage<Pick<PasswordPage, 'current' | 'problem'>>();
const PAGE = '/account/password';
const DONE = '/account/security?done=saved';

/** Routes of the password on the account page: change it, set the first one, remove it. */
export function passwordRoutes({
  ownPages,
  passwords,
  passkeys,
  changes,
  deviceCookie,
}: PasswordRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showPassword);
  router.post(PAGE, changePassword);
  router.post(`${PAGE}/remove`, removePassword);

  async function changePassword(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const form = await changeForm.read(ctx);
    const { current, password: next } = form.isValid ? form.values : { current: '', password: '' };
    const isMissing = current === '' && (await passwords.has(person.userId));
    if (isMissing || next === '') return passwordPage.refuse(ctx, PAGE, missingOf(isMissing, next === ''));
    const typed = { current, next, deviceSecret: deviceCookie.read(ctx) };
    const by = byUser(person.userId, visitorOf(ctx));
    const outcome = await changes.change(person, typed, by).catch(unavailableWhenBusy);
    switch (outcome.kind) {
      case 'changed':
        return seeOther(ctx, DONE);
      case 'refused':
        return passwordPage.refuse(ctx, PAGE, { problem: outcome.problem });
      case 'unavailable':
      case 'wrong':
      case 'throttled':
        return passwordPage.refuse(ctx, PAGE, { current: outcome });
      default:
        return unreachable(outcome);
    }
  }

  async function removePassword(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY, returnTo: PAGE });
    if (person === null) return;
    await noFields.read(ctx);
    if (!(await mayRemove(person))) return seeOther(ctx, PAGE);
    await changes.remove(person, byUser(person.userId, visitorOf(ctx)));
    return seeOther(ctx, '/account/security?done=removed');
  }

  /** A passkey suffices to sign in; a user without one keeps the password. */
  async function mayRemove({ userId }: SignedInPerson): Promise<boolean> {
    return (await passwords.has(userId)) && (await passkeys.countUsable(userId)) > 0;
  }

  async function showPassword(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const { current = null, problem = null } = passwordPage.refused(ctx);
    show(ctx, 200, passwordView, {
      frame: accountFrame(ctx, person),
      hasPassword: await passwords.has(person.userId),
      rules: await passwords.rulesOf(person.userId),
      mayRemove: await mayRemove(person),
      current,
      problem,
    });
  }

  return router;
}

const missing = { kind: 'required' } as const;

function missingOf(isCurrentMissing: boolean, isNextMissing: boolean): Pick<PasswordPage, 'current' | 'problem'> {
  return { current: isCurrentMissing ? missing : null, problem: isNextMissing ? missing : null };
}
