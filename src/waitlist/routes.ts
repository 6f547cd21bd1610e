import { randomSecret } from '#kernel/crypto.ts';
import { Router } from '#kernel/http/router.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
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
  policies: Policies<'registration'>;
  /** Counts a mail asked for from an address; says until when there are too many. */
  take(ip: string): Promise<Throttled | null>;
  /** What a browser solves before a form is looked at, while somebody floods this instance. */
  work: {
    challenge(ip: string): Promise<string | null>;
    check(ip: string, answer: string | undefined): Promise<'passed' | 'missing'>;
  };
  asked: { read(ctx: Context): Asked | null; write(ctx: Context, asked: Asked): void; clear(ctx: Context): void };
};

const PATH = '/waitlist';

export function waitlistRoutes({ waitlist, policies, take, work, asked }: RouteDependencies): Router<State> {
  const router = new Router<State>();
  const isOpen = () => policies.for(instance).registration.mode === 'waitlist';

  router.get(PATH, async (ctx: Context) => {
    if (!isOpen()) throw noWaitlist();
    return showJoin(ctx, 200, asked.read(ctx) ?? {});
  });

  router.post(PATH, async (ctx: Context) => {
    if (!isOpen()) throw noWaitlist();
    const form = await joinForm.read(ctx);
    if (!form.isValid) {
      const { name, email } = form.errors as Partial<JoinPage['errors']>;
      return showJoin(ctx, 422, form.values, { errors: { name: name ?? null, email: email ?? null } });
    }
    if ((await work.check(ctx.state.ip, form.values.work)) === 'missing')
      return showJoin(ctx, 422, form.values, { problem: { kind: 'work' } });
    const problem = await take(ctx.state.ip);
    if (problem !== null) return showJoin(ctx, 422, form.values, { problem });
    const { email, name } = form.values;
    const wish = { email, name, secret: asked.read(ctx)?.secret ?? randomSecret() };
    await waitlist.ask(wish, { visitor: visitorOf(ctx), language: ctx.state.language });
    asked.write(ctx, wish);
    return seeOther(ctx, `${PATH}/check`);
  });

  router.get(`${PATH}/check`, async (ctx: Context) => showCode(ctx, 200, null));

  router.post(`${PATH}/check`, async (ctx: Context) => {
    const form = await codeForm.read(ctx);
    const known = asked.read(ctx);
    if (known === null) return seeOther(ctx, PATH);
    if (form.isValid && form.values.action === 'resend') {
      const problem = await take(ctx.state.ip);
      if (problem !== null) return showCode(ctx, 422, problem);
      await waitlist.ask(known, { visitor: visitorOf(ctx), language: ctx.state.language });
      return seeOther(ctx, `${PATH}/check?sent`);
    }
    const code = form.isValid ? form.values.code.trim() : '';
    if (code === '') return showCode(ctx, 422, { kind: form.isValid ? 'required' : 'wrong' });
    const outcome = await waitlist.joinByCode(known, code, visitorOf(ctx));
    switch (outcome) {
      case 'verified':
        asked.clear(ctx);
        return seeOther(ctx, `${PATH}/done`);
      case 'wrong':
        return showCode(ctx, 422, { kind: 'wrong' });
      case 'throttled':
        return showCode(ctx, 422, { kind: 'used_up' });
      default:
        return unreachable(outcome);
    }
  });

  /** Opening the link does nothing yet: programs that read mail open links. */
  router.get(`${PATH}/confirm/:link`, async (ctx: Context) => {
    const link = ctx.params['link'] ?? '';
    const found = await waitlist.findByLink(link);
    if (found === null) return show(ctx, 410, endView, { outcome: 'expired' });
    return show(ctx, 200, confirmView, { action: `${PATH}/confirm/${link}`, email: found.email });
  });

  router.post(`${PATH}/confirm/:link`, async (ctx: Context) => {
    await buttonForm.read(ctx);
    const hasJoined = await waitlist.joinByLink(ctx.params['link'] ?? '', visitorOf(ctx));
    if (!hasJoined) return show(ctx, 410, endView, { outcome: 'expired' });
    asked.clear(ctx);
    return seeOther(ctx, `${PATH}/done`);
  });

  router.get(`${PATH}/done`, async (ctx: Context) => show(ctx, 200, endView, { outcome: 'joined' }));

  async function showJoin(
    ctx: Context,
    status: number,
    { name = '', email = '' }: Partial<Asked>,
    { errors = { name: null, email: null }, problem = null }: Partial<Pick<JoinPage, 'errors' | 'problem'>> = {},
  ): Promise<void> {
    const challenge = await work.challenge(ctx.state.ip);
    show(ctx, status, joinView, { action: PATH, name, email, errors, problem, challenge });
  }

  function showCode(ctx: Context, status: number, problem: CodePage['problem']): void {
    const known = asked.read(ctx);
    if (known === null) return seeOther(ctx, PATH);
    return show(ctx, status, codeView, {
      action: `${PATH}/check`,
      email: known.email,
      changeUrl: PATH,
      isSentAgain: ctx.method === 'GET' && ctx.query['sent'] !== undefined,
      problem,
    });
  }

  return router;
}
