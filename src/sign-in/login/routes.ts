import type { Usernames } from '#directory/users/module.ts';
import { byVisitor } from '#audit/module.ts';
import type { Router } from '#kernel/http/router.ts';
import { unavailableWhenBusy, methods } from '#credentials/module.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import {
  type BegunInteraction,
  type Interaction,
  type InteractionService,
  type ProviderButtons,
  StepRouter,
  whoIs,
} from '#sign-in/interaction/module.ts';
import { identifierForm, isAnotherUser, passwordForm, pressForm } from './login-form.ts';
import { type IdentifierPage, identifierView } from './identifier-view.ts';
import type { LoginService } from './login-service.ts';
import { type PasswordPage, passwordView } from './password-view.ts';

export type RouteDependencies = {
  interactions: Pick<
    InteractionService,
    | 'open'
    | 'isOpenNow'
    | 'beginning'
    | 'isOpen'
    | 'otherWays'
    | 'recordIdentifier'
    | 'recordProof'
    | 'userFound'
    | 'next'
    | 'proceed'
  >;
  login: LoginService;
  usernames: Pick<Usernames, 'use'>;
  deviceCookie: Pick<BrowserCookie, 'read'>;
  /** Where an account can be created; null where that is not possible. */
  createUrl(ctx: Context, interaction: Interaction): string | null;
  /** The buttons of upstream providers. */
  buttons(ctx: Context, interaction: Interaction): ProviderButtons;
  /** Whether the sign-in may go on at a provider after the page for the address. */
  mayLeadAway(interaction: Interaction): Promise<boolean>;
  /** Ends the sign-in and returns the redirect. The relying party receives `access_denied`. */
  refuse(ctx: Context, description: string): Promise<string>;
  /** The challenge that a browser solves before a password is checked, during an attack. */
  work: {
    challenge(ip: string): Promise<string | null>;
    check(ip: string, answer: string | undefined): Promise<'passed' | 'missing'>;
  };
};

type Verified = Extract<Awaited<ReturnType<LoginService['attempt']>>, { kind: 'verified' }>;

const identifierPage = formPage<Pick<IdentifierPage, 'email' | 'remember' | 'problem'>>();
const passwordPage = formPage<Pick<PasswordPage, 'remember' | 'problem'>>();

/** Routes of the email page and the password page. */
export function loginRoutes({
  interactions,
  login,
  usernames,
  deviceCookie,
  createUrl,
  buttons,
  mayLeadAway,
  refuse,
  work,
}: RouteDependencies): Router<State> {
  const router = new StepRouter();

  router.page('login', showOwnIdentifier);
  router.post('/interaction/:uid/login', submitIdentifier);
  router.page('password', showOwnPassword);
  router.post('/interaction/:uid/password', submitPassword);
  router.get('/interaction/:uid/cancel', backFromCancel);
  router.post('/interaction/:uid/cancel', cancel);

  async function showOwnIdentifier(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'login');
    if (interaction === null) return;
    return showIdentifier(ctx, interaction);
  }

  async function submitIdentifier(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'login');
    if (interaction === null) return;
    const form = await identifierForm(usernames.use).read(ctx);
    const box = (await mayLeadAway(interaction)) ? { remember: form.values.remember !== undefined } : {};
    if (!form.isValid)
      return identifierPage.refuse(ctx, ctx.path, {
        email: form.values.email ?? '',
        ...box,
        problem: { kind: form.errors.email === 'required' ? 'required' : 'email' },
      });
    const named = await interactions.recordIdentifier(interaction, form.values.email, box);
    if (await tryFilled(ctx, named, form.values.filled_password)) return;
    return interactions.proceed(ctx, named);
  }

  /**
   * A password that a password manager filled in ahead of its page. It is kept nowhere: where the next page asks for a password it is tried
   * at once, as there; when it is wrong that page asks for one. True when it was right, and the answer is written.
   */
  async function tryFilled(ctx: Context, interaction: Interaction, password: string): Promise<boolean> {
    if (password === '' || interaction.identifier === null) return false;
    const { step } = await interactions.next(ctx, interaction);
    if (step.kind !== 'page' || step.page !== 'password') return false;
    if ((await work.check(ctx.state.ip, undefined)) === 'missing') return false;
    const begun = { ...interaction, identifier: interaction.identifier };
    const outcome = await attempt(ctx, begun, password);
    if (outcome.kind !== 'verified') return false;
    const remember = interaction.keep ?? interaction.remembered !== null;
    await goOn(ctx, begun, { ...outcome, remember });
    return true;
  }

  async function showOwnPassword(ctx: Context): Promise<void> {
    const interaction = await interactions.beginning(ctx, 'password');
    if (interaction === null) return;
    return showPassword(ctx, interaction);
  }

  async function submitPassword(ctx: Context): Promise<void> {
    const interaction = await interactions.beginning(ctx, 'password');
    if (interaction === null) return;
    const form = await passwordForm.read(ctx);
    const { email, remember: box } = form.values;
    if (isAnotherUser(email, interaction.identifier, usernames.use))
      return interactions.proceed(ctx, await interactions.recordIdentifier(interaction, email ?? null));
    const remember = box !== undefined || interaction.keep === true;
    const refuse = (problem: PasswordPage['problem']) => passwordPage.refuse(ctx, ctx.path, { remember, problem });
    if (!form.isValid) return refuse({ kind: form.errors.password === 'required' ? 'required' : 'wrong' });
    if ((await work.check(ctx.state.ip, form.values.work)) === 'missing') return refuse({ kind: 'work' });
    const outcome = await attempt(ctx, interaction, form.values.password);
    switch (outcome.kind) {
      case 'verified':
        return goOn(ctx, interaction, { ...outcome, remember });
      case 'unavailable':
      case 'wrong':
      case 'throttled':
        return refuse(outcome);
      default:
        return unreachable(outcome);
    }
  }

  function attempt(ctx: Context, { identifier, question }: BegunInteraction, password: string) {
    const typed = { identifier, password, deviceSecret: deviceCookie.read(ctx) };
    return login.attempt(typed, byVisitor(visitorOf(ctx), question.client.id)).catch(unavailableWhenBusy);
  }

  /** The page that tells that the sign-in is over can be reloaded, and read in another language. */
  async function backFromCancel(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'login');
    if (interaction !== null) return seeOther(ctx, interaction.path);
  }

  /** A user who is asked again may leave it at that: the application is told so, and the session stays as it was. */
  async function cancel(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'login');
    if (interaction === null) return;
    await pressForm.read(ctx);
    if (!interaction.question.isAgain) return seeOther(ctx, interaction.path);
    return seeOther(ctx, await refuse(ctx, 'The user cancelled the sign-in.'));
  }

  async function goOn(
    ctx: Context,
    interaction: BegunInteraction,
    { userId, act, user, remember }: Verified & { remember: boolean },
  ): Promise<void> {
    if (user?.id === userId) interactions.userFound(ctx, user);
    const proof = { factor: 'password', amr: methods.password.amr } as const;
    return interactions.proceed(ctx, await interactions.recordProof(interaction, { userId, proof, remember, act }));
  }

  async function showIdentifier(ctx: Context, interaction: Interaction): Promise<void> {
    const { path, question, keep } = interaction;
    const chooserUrl = interactions.isOpenNow(interaction, 'account') ? `${path}/account` : null;
    const {
      email = interaction.typed ?? question.loginHint,
      remember = keep ?? chooserUrl !== null,
      problem = null,
    } = identifierPage.refused(ctx);
    show(ctx, 200, identifierView, {
      action: `${path}/login`,
      client: { name: question.client.name },
      email,
      hasUsernames: usernames.use !== 'off',
      hasPasswords: interactions.isOpen(interaction, 'password'),
      passkeyUrl: interactions.isOpen(interaction, 'passkey') ? `${path}/passkey` : null,
      buttons: buttons(ctx, interaction),
      remember: (await mayLeadAway(interaction)) ? remember : null,
      chooserUrl,
      createUrl: interactions.isOpenNow(interaction, 'create') ? createUrl(ctx, interaction) : null,
      problem,
    });
  }

  async function showPassword(ctx: Context, interaction: BegunInteraction): Promise<void> {
    const { path, identifier, remembered, keep } = interaction;
    const { remember = remembered !== null, problem = null } = passwordPage.refused(ctx);
    const page = `${path}/password`;
    const challenge = await work.challenge(ctx.state.ip);
    show(ctx, 200, passwordView, {
      action: page,
      ...whoIs(interaction),
      email: identifier,
      remember: keep === null ? remember : null,
      retryUrl: page,
      forgotUrl: `${path}/forgot`,
      createUrl:
        remembered === null && interactions.isOpenNow(interaction, 'create') ? createUrl(ctx, interaction) : null,
      otherWays: interactions.otherWays(interaction, 'password'),
      problem,
      challenge,
    });
  }

  return router;
}
