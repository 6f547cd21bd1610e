import { readBody, readForm } from '#kernel/http/body.ts';
import { byVisitor } from '#audit/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { Router } from '#kernel/http/router.ts';
import { show } from '#kernel/views.ts';
import { ENVELOPE_TYPE, type Received, soapRefusal } from '#saml/messages/module.ts';
import { LARGEST_FORM } from '../limits.ts';
import { postView } from '../post-view.ts';
import { refusedView } from '../refused-view.ts';
import type { LogoutStep, SingleLogout } from './single-logout.ts';

const PAGE = '/saml/applications/:service/slo';

type Message = { received: Received; relayState: string | null };

/** Sign-outs that applications begin or answer, by the browser and by the back channel; and the first step of our own. */
export function logoutRoutes(logout: SingleLogout): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, receiveRedirect);
  router.post(PAGE, receivePost);
  router.get('/saml/logout', begin);

  async function receiveRedirect(ctx: Context): Promise<void> {
    const message: Message = { received: { binding: 'redirect', query: ctx.querystring }, relayState: null };
    return ctx.query['SAMLResponse'] === undefined ? receive(ctx, message) : proceed(ctx, message);
  }

  async function receivePost(ctx: Context): Promise<void> {
    if (ctx.is('text/xml', 'application/xml')) return receiveEnvelope(ctx);
    const form = await readForm(ctx, LARGEST_FORM);
    const relayState = form.get('RelayState') ?? null;
    const [request, response] = [form.get('SAMLRequest'), form.get('SAMLResponse')];
    // SAML Bindings §3.5.4: one message.
    const value = request !== undefined && response !== undefined ? '' : (request ?? response ?? '');
    const message: Message = { received: { binding: 'post', value }, relayState };
    return response === undefined ? receive(ctx, message) : proceed(ctx, message);
  }

  async function receiveEnvelope(ctx: Context): Promise<void> {
    const body = (await readBody(ctx, LARGEST_FORM)).toString('utf8');
    const message: Message = { received: { binding: 'soap', body }, relayState: null };
    const step = await logout.receive(serviceOf(ctx), message, byVisitor(visitorOf(ctx)));
    ctx.status = step.kind === 'envelope' ? 200 : 500;
    ctx.type = ENVELOPE_TYPE;
    ctx.body = step.kind === 'envelope' ? step.body : soapRefusal();
  }

  const receive = async (ctx: Context, message: Message): Promise<void> =>
    follow(ctx, await logout.receive(serviceOf(ctx), message, byVisitor(visitorOf(ctx))));

  const proceed = async (ctx: Context, message: Message): Promise<void> =>
    follow(ctx, await logout.proceed(serviceOf(ctx), message, byVisitor(visitorOf(ctx))));

  async function begin(ctx: Context): Promise<void> {
    return follow(ctx, await logout.go(ctx.query['chain']));
  }

  function follow(ctx: Context, step: LogoutStep): void {
    switch (step.kind) {
      case 'location':
        // A path of ours, or a registered address.
        return seeOther(ctx, step.location, URL.canParse(step.location) ? [step.location] : []);
      case 'envelope':
      case 'refused':
        return show(ctx, 400, refusedView, { reason: 'logout', application: null });
      case 'hop':
        if (step.hop.kind === 'redirect') return seeOther(ctx, step.hop.url, [step.hop.url]);
        return show(ctx, 200, postView, step.hop.form);
    }
  }

  return router;
}

const serviceOf = (ctx: Context): string => ctx.params['service'] ?? '';
