import { byVisitor } from '#audit/module.ts';
import { triedCode } from '#credentials/module.ts';
import { randomSecret } from '#kernel/crypto.ts';
import { Router } from '#kernel/http/router.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { instance, type Policies } from '#settings/module.ts';
import { noWaitlist } from './errors.ts';
import { buttonForm, codeForm, joinForm } from './waitlist-form.ts';
import type { Asked, WaitlistService } from './waitlist-service.ts';
import { type CodePage, codeView, confirmView, endView, type JoinPage, joinView } from './waitlist-view.ts';

type Throttled = { kind: 'throttled'; until: Date; waitSeconds: number };

export type RouteDependencies = {
  waitlist: WaitlistService;
  link: MailedLink;
  policies: Policies<'registration'>;
  applications: {
    /** Counts a mail asked for from an address; says until when there are too many. */
    take(ip: string): Promise<Throttled | null>;
  };
  /** The challenge that a browser solves before a form is read, during an attack. */
  work: {
    challenge(ip: string): Promise<string | null>;
    check(ip: string, answer: string | undefined): Promise<'passed' | 'missing'>;
  };
  asked: { read(ctx: Context): Asked | null; write(ctx: Context, asked: Asked): void; clear(ctx: Context): void };
};

const PATH = '/waitlist';
const CHECK = `${PATH}/check`;
const joinPage = formPage<Pick<JoinPage, 'name' | 'email' | 'errors' | 'problem'>>();
const codePage = formPage<Pick<CodePage, 'problem' | 'resent'>>();

/** Routes of `/waitlist`: join, verify by code or link, confirmation. */
export function waitlistRoutes({
  waitlist,
  link,
  policies,
  applications,
  work,
  asked,
}: RouteDependencies): Router<State> {
  const router = new Router<State>();
  const isOpen = () => policies.for(instance).registration.mode === 'waitlist';

  router.get(PATH, showJoin);
  router.post(PATH, join);
  router.get(CHECK, showCode);
  router.post(CHECK, checkCode);
  router.get(`${PATH}/confirm/:link`, showConfirm);
  router.post(`${PATH}/confirm/:link`, confirmByLink);
  router.get(`${PATH}/done`, showDone);

  async function join(ctx: Context): Promise<void> {
    if (!isOpen()) throw noWaitlist();
    const form = await joinForm.read(ctx);
    if (!form.isValid) {
      const { name = null, email = null } = form.errors as Partial<JoinPage['errors']>;
      return joinPage.refuse(ctx, PATH, { ...form.values, errors: { name, email } });
    }
    const { email, name } = form.values;
    if ((await work.check(ctx.state.ip, form.values.work)) === 'missing')
      return joinPage.refuse(ctx, PATH, { email, name, problem: { kind: 'work' } });
    const problem = await applications.take(ctx.state.ip);
    if (problem !== null) return joinPage.refuse(ctx, PATH, { email, name, problem });
    const wish = { email, name, secret: asked.read(ctx)?.secret ?? randomSecret() };
    await waitlist.ask(wish, { by: byVisitor(visitorOf(ctx)), language: ctx.state.language });
    asked.write(ctx, wish);
    return seeOther(ctx, CHECK);
  }

  async function checkCode(ctx: Context): Promise<void> {
    const form = await codeForm.read(ctx);
    const known = asked.read(ctx);
    if (known === null) return seeOther(ctx, PATH);
    if (form.isValid && form.values.action === 'resend') return resend(ctx, known);
    const tried = triedCode(form);
    if ('lack' in tried) return codePage.refuse(ctx, CHECK, { problem: { kind: tried.lack } });
    const outcome = await waitlist.joinByCode(known, tried.code, byVisitor(visitorOf(ctx)));
    switch (outcome) {
      case 'verified':
        asked.clear(ctx);
        return seeOther(ctx, `${PATH}/done`);
      case 'wrong':
        return codePage.refuse(ctx, CHECK, { problem: { kind: 'wrong' } });
      case 'throttled':
        return codePage.refuse(ctx, CHECK, { problem: { kind: 'used_up' } });
      default:
        return unreachable(outcome);
    }
  }

  async function resend(ctx: Context, known: Asked): Promise<void> {
    const problem = await applications.take(ctx.state.ip);
    if (problem !== null) return codePage.refuse(ctx, CHECK, { problem });
    const resent = await waitlist.askAgain(known, { by: byVisitor(visitorOf(ctx)), language: ctx.state.language });
    return codePage.refuse(ctx, CHECK, { resent });
  }

  /** Opening the link does nothing yet: programs that read mail open links. */
  async function showConfirm(ctx: Context): Promise<void> {
    if (link.keep(ctx)) return;
    const found = await waitlist.findByLink(link.read(ctx));
    if (found === null) return showExpired(ctx);
    return show(ctx, 200, confirmView, { action: ctx.path, email: found.email });
  }

  async function confirmByLink(ctx: Context): Promise<void> {
    await buttonForm.read(ctx);
    const hasJoined = await waitlist.joinByLink(link.read(ctx), byVisitor(visitorOf(ctx)));
    link.forget(ctx);
    if (!hasJoined) return showExpired(ctx);
    asked.clear(ctx);
    return seeOther(ctx, `${PATH}/done`);
  }

  function showDone(ctx: Context): void {
    show(ctx, 200, endView, { outcome: 'joined', nextUrl: null });
  }

  function showExpired(ctx: Context): void {
    show(ctx, 410, endView, { outcome: 'expired', nextUrl: isOpen() ? PATH : null });
  }

  async function showJoin(ctx: Context): Promise<void> {
    if (!isOpen()) throw noWaitlist();
    const known = asked.read(ctx);
    const refused = joinPage.refused(ctx);
    show(ctx, 200, joinView, {
      action: PATH,
      name: refused.name ?? known?.name ?? '',
      email: refused.email ?? known?.email ?? '',
      errors: refused.errors ?? { name: null, email: null },
      problem: refused.problem ?? null,
      challenge: await work.challenge(ctx.state.ip),
    });
  }

  function showCode(ctx: Context): void {
    const known = asked.read(ctx);
    if (known === null) return seeOther(ctx, PATH);
    const { problem = null, resent = null } = codePage.refused(ctx);
    return show(ctx, 200, codeView, {
      action: CHECK,
      email: known.email,
      changeUrl: PATH,
      resent,
      problem,
    });
  }

  return router;
}
