import { byVisitor } from '#audit/module.ts';
import type { Router } from '#kernel/http/router.ts';
import { factorOfKey, methods, type Question, type PasskeyService } from '#credentials/module.ts';
import { type Interaction, type InteractionService, StepRouter, whoIs } from '#sign-in/interaction/module.ts';
import { AppError, unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { UserService } from '#directory/users/module.ts';
import { type Failure, optionsForm, passkeyForm } from './passkey-form.ts';
import type { PasskeySignIn } from './passkey-sign-in.ts';
import { type PasskeyPage, passkeyView } from './passkey-view.ts';

export type RouteDependencies = {
  interactions: Pick<
    InteractionService,
    'require' | 'due' | 'open' | 'isOpen' | 'isOpenNow' | 'otherWays' | 'recordIdentifier' | 'recordProofIn' | 'proceed'
  >;
  signIn: PasskeySignIn;
  passkeys: Pick<PasskeyService, 'relyingParty'>;
  users: Pick<UserService, 'findById' | 'findByIdentifier'>;
  /** Set where the browser says that it could keep a passkey of its own. */
  canCreateCookie: BrowserCookie;
};

const passkeyPage = formPage<Pick<PasskeyPage, 'problem' | 'forget' | 'remember'>>();

/** Routes of the passkey pages of a sign-in, as first and as second factor. */
export function passkeyRoutes({
  interactions,
  signIn,
  passkeys,
  users,
  canCreateCookie,
}: RouteDependencies): Router<State> {
  const router = new StepRouter();
  const pages = ['/interaction/:uid/passkey', '/interaction/:uid/second-factor/passkey'];

  router.page('passkey', showOwn);
  router.get('/interaction/:uid/second-factor/passkey', showOwn);
  router.post(pages, submitPasskey);
  router.post('/interaction/:uid/passkey/options', createOptions);

  async function showOwn(ctx: Context): Promise<void> {
    const interaction = await turn(ctx);
    if (interaction !== null) await showPasskey(ctx, interaction);
  }

  async function submitPasskey(ctx: Context): Promise<void> {
    const begun = await turn(ctx);
    if (begun === null) return;
    const form = await passkeyForm.read(ctx);
    if (!form.isValid) return passkeyPage.refuse(ctx, ctx.path, { problem: { kind: 'refused' } });
    const { credential, failure, who, remember } = form.values;
    const interaction = who === 'anyone' ? await ofAnyone(begun) : begun;
    if (failure !== '')
      return passkeyPage.refuse(ctx, ctx.path, { remember: remember !== undefined, problem: { kind: onUse(failure) } });
    if (credential === '') return seeOther(ctx, pageOf(interaction));
    // The page of the address has no box, and the second factor is not asked.
    const keep =
      who === 'anyone' || begun.facts.userId !== null
        ? {}
        : { remember: remember !== undefined || begun.keep === true };
    return signInWith(ctx, interaction, { answer: credential, keep });
  }

  async function signInWith(
    ctx: Context,
    interaction: Interaction,
    { answer, keep }: { answer: string; keep: { remember?: boolean } },
  ): Promise<void> {
    const { client } = interaction.question;
    const question = await questionOf(interaction);
    const outcome = await signIn.attempt(
      { question, answer },
      byVisitor(visitorOf(ctx), client.id),
      (em, { userId, isUserVerified, amr }) =>
        interactions.recordProofIn(em, interaction, {
          userId,
          proof: { factor: factorOfKey(isUserVerified), amr },
          ...keep,
        }),
    );
    switch (outcome.kind) {
      case 'verified':
        return interactions.proceed(ctx, await interactions.require(ctx));
      case 'unknown': {
        const forget = { rpId: passkeys.relyingParty?.id, credentialId: outcome.credentialId };
        return passkeyPage.refuse(ctx, ctx.path, { problem: { kind: 'unknown' }, forget: JSON.stringify(forget) });
      }
      case 'expired':
      case 'flagged':
      case 'refused':
      case 'throttled':
        return passkeyPage.refuse(ctx, ctx.path, { problem: outcome });
      default:
        return unreachable(outcome);
    }
  }

  /** The challenge of the email field: the script requests it, so that a page without JavaScript costs no challenge. */
  async function createOptions(ctx: Context): Promise<void> {
    const interaction = await interactions.require(ctx);
    const form = await optionsForm.read(ctx);
    if (!interactions.isOpenNow(interaction, 'passkey') || !interactions.isOpen(interaction, 'passkey'))
      throw noPasskeys();
    const options = await signIn.options({ purpose: 'sign_in', binding: interaction.uid });
    if (options === null) throw noPasskeys();
    if (form.values.platform === 'true') canCreateCookie.write(ctx, '1');
    ctx.type = 'application/json';
    ctx.body = options;
  }

  /** The sign-in, if a passkey is what it can go on with; null when the browser was sent elsewhere. */
  async function turn(ctx: Context): Promise<Interaction | null> {
    if (!ctx.path.endsWith('/second-factor/passkey')) {
      const interaction = await interactions.open(ctx, 'passkey');
      return interaction !== null && interactions.isOpen(interaction, 'passkey')
        ? interaction
        : leave(ctx, interaction);
    }
    const due = await interactions.due(ctx, 'second-factor');
    const isHeld = due?.requirements.factors.some((factor) => methods[factor].second?.by === 'key') ?? false;
    return isHeld && passkeys.relyingParty !== null ? due : leave(ctx, due);
  }

  /** Back to the dispatcher, unless the answer is written already. */
  function leave(ctx: Context, interaction: Interaction | null): null {
    if (interaction !== null) seeOther(ctx, interaction.path);
    return null;
  }

  async function showPasskey(ctx: Context, interaction: Interaction): Promise<void> {
    const { path, identifier, facts, remembered, keep } = interaction;
    const { problem = null, forget = null, remember = remembered !== null } = passkeyPage.refused(ctx);
    const { name, lastUsed, forgetAccount, continuesTo, again } = whoIs(interaction);
    const options = await signIn.options(await questionOf(interaction));
    if (options === null) return seeOther(ctx, path);
    const isSecondFactor = facts.userId !== null;
    const known = facts.userId === null ? null : await users.findById(facts.userId);
    const email = known?.email ?? identifier;
    return show(ctx, 200, passkeyView, {
      action: pageOf(interaction),
      isSecondFactor,
      email,
      name: isSecondFactor ? null : name,
      lastUsed: isSecondFactor ? null : lastUsed,
      forgetAccount: isSecondFactor ? null : forgetAccount,
      continuesTo: isSecondFactor ? null : continuesTo,
      again: isSecondFactor ? null : again,
      remember: isSecondFactor || keep !== null ? null : remember,
      changeUrl: isSecondFactor || email === null ? null : `${path}/login`,
      otherUrl: isSecondFactor ? `${path}/second-factor/methods` : email === null ? `${path}/login` : null,
      otherWays: isSecondFactor || email === null ? [] : interactions.otherWays(interaction, 'passkey'),
      options,
      forget,
      problem,
    });
  }

  /** The sign-in as if no address had been typed, before anything is proved. */
  async function ofAnyone(interaction: Interaction): Promise<Interaction> {
    if (interaction.facts.userId !== null || interaction.identifier === null) return interaction;
    await interactions.recordIdentifier(interaction, null);
    return { ...interaction, identifier: null };
  }

  async function questionOf({ uid, identifier, facts: { userId } }: Interaction): Promise<Question> {
    if (userId !== null) return { purpose: 'second_factor', binding: uid, userId };
    if (identifier === null) return { purpose: 'sign_in', binding: uid };
    const user = await users.findByIdentifier(identifier);
    return { purpose: 'sign_in_as', binding: uid, identifier, userId: user?.id ?? null };
  }

  return router;
}

const pageOf = ({ path, facts }: Interaction): string =>
  facts.userId === null ? `${path}/passkey` : `${path}/second-factor/passkey`;

/** Where nothing is created, nothing can be there already. */
const onUse = (failure: Failure) => (failure === 'exists' ? 'failed' : failure);

const noPasskeys = () =>
  new AppError({
    code: 'passkey.unavailable',
    status: 404,
    message: 'Passkeys are not enabled here. Use another sign-in method.',
  });
