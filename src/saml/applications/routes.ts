import { readForm } from '#kernel/http/body.ts';
import { byVisitor } from '#audit/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { Router } from '#kernel/http/router.ts';
import { show } from '#kernel/views.ts';
import type { CurrentSessions } from '#oidc/module.ts';
import type { Received } from '#saml/messages/module.ts';
import type { AnswerForm } from './answers.ts';
import type { ApplicationService } from './application-service.ts';
import { identityMetadata } from './identity-metadata.ts';
import { LARGEST_FORM } from './limits.ts';
import { postView } from './post-view.ts';
import { refusedView } from './refused-view.ts';
import type { Begun, SingleSignOn } from './single-sign-on.ts';

const BASE = '/saml/applications/:service';
const METADATA = 'application/samlmetadata+xml; charset=utf-8';

export type RouteDependencies = {
  issuer: string;
  applications: Pick<ApplicationService, 'require'>;
  signOn: SingleSignOn;
  current: Pick<CurrentSessions, 'find'>;
  keys: { published(): Promise<{ signing: readonly string[] }> };
};

/**
 * The identity provider of each application. Requests come by redirects and forms of other sites: they carry no cookie of ours and change
 * nothing but the sign-in that they begin.
 */
export function applicationRoutes(deps: RouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(`${BASE}/metadata`, showMetadata);
  router.get(`${BASE}/sso`, signInByRedirect);
  router.post(`${BASE}/sso`, signInByForm);
  router.get(`${BASE}/launch`, launch);
  router.get(`${BASE}/continue`, goOn);

  async function showMetadata(ctx: Context): Promise<void> {
    const application = await deps.applications.require(serviceOf(ctx));
    const { signing: certificates } = await deps.keys.published();
    ctx.type = METADATA;
    ctx.body = identityMetadata(application, { issuer: deps.issuer, certificates });
  }

  async function signInByRedirect(ctx: Context): Promise<void> {
    return begin(ctx, { received: { binding: 'redirect', query: ctx.querystring }, relayState: null });
  }

  async function signInByForm(ctx: Context): Promise<void> {
    const form = await readForm(ctx, LARGEST_FORM);
    // SAML Bindings §3.5.4: one message.
    const value = form.has('SAMLResponse') ? '' : (form.get('SAMLRequest') ?? '');
    return begin(ctx, { received: { binding: 'post', value }, relayState: form.get('RelayState') ?? null });
  }

  async function begin(ctx: Context, message: { received: Received; relayState: string | null }): Promise<void> {
    return follow(ctx, await deps.signOn.begin(serviceOf(ctx), message, byVisitor(visitorOf(ctx))));
  }

  async function launch(ctx: Context): Promise<void> {
    const { organization } = ctx.query;
    return follow(
      ctx,
      await deps.signOn.launch(serviceOf(ctx), typeof organization === 'string' ? organization : null),
    );
  }

  async function goOn(ctx: Context): Promise<void> {
    const session = await deps.current.find(ctx);
    const { code, state, error } = ctx.query;
    const browser = { sessionId: session?.id ?? null, by: byVisitor(visitorOf(ctx)) };
    const finished = await deps.signOn.finish(serviceOf(ctx), { code, state, error }, browser);
    if (finished.kind === 'answered') return post(ctx, finished.form);
    return show(ctx, 410, refusedView, { reason: 'over', application: null });
  }

  function follow(ctx: Context, begun: Begun): void {
    switch (begun.kind) {
      case 'sign_in':
        return seeOther(ctx, begun.path);
      case 'answered':
        return post(ctx, begun.form);
      case 'refused': {
        const { application } = begun;
        const [status, reason] = application === null ? ([404, 'unknown'] as const) : ([400, 'request'] as const);
        return show(ctx, status, refusedView, { reason, application });
      }
    }
  }

  return router;
}

const post = (ctx: Context, { action, fields }: AnswerForm): void => show(ctx, 200, postView, { action, fields });

const serviceOf = (ctx: Context): string => ctx.params['service'] ?? '';
