import type { Usernames } from '#directory/users/module.ts';
import { byVisitor } from '#audit/module.ts';
import type { Resent } from '#credentials/module.ts';
import { Router } from '#kernel/http/router.ts';
import type { Interaction, InteractionService } from '#sign-in/interaction/module.ts';
import { AppError } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { forgotView, type ForgotPage, type SentPage, sentView } from './forgot-view.ts';
import { resetEndView } from './new-password-view.ts';
import { forgotForm } from './recovery-form.ts';
import type { RecoveryService } from './recovery-service.ts';

export type RouteDependencies = {
  usernames: Pick<Usernames, 'use'>;
  interactions: Pick<InteractionService, 'find' | 'open' | 'isOpen' | 'otherWays' | 'recordIdentifier'>;
  recovery: RecoveryService;
  /** Remembers in which sign-in this browser asked, so that it goes on there. */
  originCookie: Pick<BrowserCookie, 'write'>;
  deviceCookie: Pick<BrowserCookie, 'read'>;
  /** The challenge that a browser solves before a mail is written, during an attack. */
  work: {
    challenge(ip: string): Promise<string | null>;
    check(ip: string, answer: string | undefined): Promise<'passed' | 'missing'>;
  };
};

const sentPage = formPage<Pick<SentPage, 'resent'>>();
const forgotPage = formPage<Pick<ForgotPage, 'email' | 'problem'>>();

/** The request of a link, in a sign-in or outside of one: the same response for every address. */
export function forgotRoutes({
  interactions,
  recovery,
  usernames,
  originCookie,
  deviceCookie,
  work,
}: RouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get('/interaction/:uid/forgot', showForgotHere);
  router.post('/interaction/:uid/forgot', askHere);
  router.get('/interaction/:uid/forgot/sent', showSentHere);
  router.get('/interaction/:uid/forgot/done', showDoneHere);
  router.get('/recovery', showForgotAlone);
  router.post('/recovery', askAlone);
  router.get('/recovery/sent', showSentAlone);

  async function showForgotHere(ctx: Context): Promise<void> {
    const interaction = await open(ctx);
    if (interaction) await showForgot(ctx, interaction);
  }

  async function askHere(ctx: Context): Promise<void> {
    const interaction = await open(ctx);
    if (!interaction) return;
    const asked = await ask(ctx, interaction.uid);
    if (asked === null) return;
    await interactions.recordIdentifier(interaction, asked.email);
    originCookie.write(ctx, interaction.uid);
    const sent = `${interaction.path}/forgot/sent`;
    return asked.resent === null ? seeOther(ctx, sent) : sentPage.refuse(ctx, sent, { resent: asked.resent });
  }

  async function showSentHere(ctx: Context): Promise<void> {
    const interaction = await open(ctx);
    if (!interaction) return;
    const page = `${interaction.path}/forgot`;
    return show(ctx, 200, sentView, {
      email: interaction.identifier,
      action: page,
      changeUrl: page,
      backUrl: interaction.path,
      otherWays: interactions.otherWays(interaction, 'password'),
      resent: sentPage.refused(ctx).resent ?? null,
    });
  }

  /** Where the sign-in still waits it goes on with the new password. */
  async function showDoneHere(ctx: Context): Promise<void> {
    const interaction = await interactions.find(ctx);
    show(ctx, 200, resetEndView, { outcome: 'done', nextUrl: interaction?.path ?? null });
  }

  async function showForgotAlone(ctx: Context): Promise<void> {
    requireOpen();
    await showForgot(ctx, null);
  }

  async function askAlone(ctx: Context): Promise<void> {
    requireOpen();
    if ((await ask(ctx, null)) !== null) seeOther(ctx, '/recovery/sent');
  }

  function showSentAlone(ctx: Context): void {
    show(ctx, 200, sentView, {
      email: null,
      action: '/recovery',
      changeUrl: '/recovery',
      backUrl: null,
      otherWays: [],
      resent: null,
    });
  }

  /** The sign-in, where a password could be of use in it. */
  async function open(ctx: Context): Promise<Interaction | null> {
    const interaction = await interactions.open(ctx, 'forgot');
    if (interaction === null || interactions.isOpen(interaction, 'password')) return interaction;
    seeOther(ctx, interaction.path);
    return null;
  }

  function requireOpen(): void {
    if (!interactions.isOpen(null, 'password')) throw noPasswords();
  }

  /** The address that was asked for, and the answer to who asks again in a sign-in; null when the form was refused. */
  async function ask(ctx: Context, uid: string | null): Promise<{ email: string; resent: Resent | null } | null> {
    const form = await forgotForm(usernames.use).read(ctx);
    if (!form.isValid) {
      const problem = form.errors.email === 'required' ? 'required' : 'email';
      forgotPage.refuse(ctx, ctx.path, { email: form.values.email ?? '', problem });
      return null;
    }
    const { email, work: answer } = form.values;
    if ((await work.check(ctx.state.ip, answer)) === 'missing') {
      forgotPage.refuse(ctx, ctx.path, { email, problem: 'work' });
      return null;
    }
    const deviceSecret = deviceCookie.read(ctx);
    const request = { email, language: ctx.state.language, by: byVisitor(visitorOf(ctx)), deviceSecret };
    if (uid !== null && form.values.action === 'resend')
      return { email, resent: await recovery.requestAgain(uid, request) };
    await recovery.request(request);
    return { email, resent: null };
  }

  async function showForgot(ctx: Context, interaction: Interaction | null): Promise<void> {
    const { email = interaction?.identifier ?? '', problem = null } = forgotPage.refused(ctx);
    show(ctx, 200, forgotView, {
      action: interaction ? `${interaction.path}/forgot` : '/recovery',
      email,
      hasUsernames: usernames.use !== 'off',
      backUrl: interaction?.path ?? null,
      problem,
      challenge: await work.challenge(ctx.state.ip),
    });
  }

  return router;
}

const noPasswords = () =>
  new AppError({
    code: 'recovery.no_passwords',
    status: 404,
    message: 'Sign-in with a password is not enabled here. Go back to the app and use another method.',
  });
