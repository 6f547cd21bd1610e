import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Middleware } from 'koa';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { sessionCookie } from '../configuration.ts';
import { forwardView } from './forward-view.ts';
import { ownPathOf } from '../engine.ts';
import type { DeviceForms } from '../device/device-forms.ts';
import { shownUserCode } from '../device/device-code.ts';
import { deviceForm } from './device-pages.ts';
import type { EnginePages } from './pages.ts';

/**
 * Where the engine would answer with a page of its own that posts itself: a page of ours, or none where nothing is to be
 * asked.
 */
export function ownPages(
  engine: () => Provider,
  pages: Pick<EnginePages, 'deviceCode'>,
  forms: Pick<DeviceForms, 'tokenOf'>,
): Middleware {
  return async function ownPages(ctx, next) {
    const policy = ctx.response.get('Content-Security-Policy');
    await next();
    const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
    if (!oidc || ctx.status !== 200 || ctx.method !== 'GET') return;
    const exchange = ctx as unknown as KoaContextWithOIDC;
    // Without the hash of the engine's script.
    const render = (page: (ctx: KoaContextWithOIDC) => void) => {
      ctx.set('Content-Security-Policy', policy);
      page(exchange);
    };
    switch (oidc.route) {
      case 'end_session':
        if (oidc.session?.accountId === undefined) await leaveWithoutSession(exchange, engine());
        return;
      case 'code_verification':
        if (oidc.params?.['user_code']) render((page) => showUserCode(page, pages, forms));
        return;
      case 'resume':
      case 'device_resume': {
        const secret = switchSecret(exchange);
        if (secret !== null) render((page) => showSwitch(page, secret));
        return;
      }
      default:
        return;
    }
  };
}

/** Without a session there is nothing to ask. The engine has compared the address with the client's. */
async function leaveWithoutSession(ctx: KoaContextWithOIDC, engine: Provider): Promise<void> {
  const { session, params } = ctx.oidc;
  await session?.destroy();
  ctx.cookies.set(engine.cookieName('session'), null, { ...sessionCookie(ctx.secure), overwrite: true });
  const registered = params?.['post_logout_redirect_uri'];
  if (typeof registered !== 'string') return seeOther(ctx, ownPathOf(ctx.oidc, 'end_session_success'));
  const target = new URL(registered);
  if (typeof params?.['state'] === 'string') target.searchParams.set('state', params['state']);
  seeOther(ctx, target.href, [target.href]);
}

/** RFC 8628 §3.3.1: the user compares the code with the code on the device before anything happens. */
function showUserCode(
  ctx: KoaContextWithOIDC,
  pages: Pick<EnginePages, 'deviceCode'>,
  forms: Pick<DeviceForms, 'tokenOf'>,
): void {
  const given = ctx.oidc.params?.['user_code'];
  const userCode = typeof given === 'string' ? shownUserCode(given) : '';
  pages.deviceCode(ctx, { form: deviceForm(ctx, forms), userCode, problem: null });
}

/** Another user has signed in than the one who was: the engine ends the old session first, and then resumes. */
function switchSecret(ctx: KoaContextWithOIDC): string | null {
  const state = ctx.oidc.session?.['state'] as { secret: string; postLogoutRedirectUri?: string } | undefined;
  const here = ctx.oidc.urlFor(ctx.oidc.route, ctx['params'] as { uid: string });
  return state?.postLogoutRedirectUri === here ? state.secret : null;
}

function showSwitch(ctx: KoaContextWithOIDC, xsrf: string): void {
  const action = ownPathOf(ctx.oidc, 'end_session_confirm');
  show(ctx as never, 200, forwardView, { action, fields: { xsrf, logout: 'yes' } });
}
