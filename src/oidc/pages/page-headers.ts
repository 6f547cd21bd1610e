import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Middleware } from 'koa';
import { allowFormTarget, keepOpener } from '#kernel/http/security-headers.ts';

/** What the relying party's own window needs of every answer on the way, redirects too. */
export function isForPopup({ display, response_mode: mode }: Readonly<Record<string, unknown>>): boolean {
  return display === 'popup' || (typeof mode === 'string' && mode.startsWith('web_message'));
}

/**
 * Loosens the headers of an answer of the engine exactly as far as it must: a page that posts itself to the relying party
 * (`form_post`), or a sign-out whose form ends there, may send forms to that one registered place; a popup keeps its opener.
 */
export const pageHeaders: Middleware = async function pageHeaders(ctx, next) {
  await next();
  const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
  // When another person signs in than the one who was, the engine shows a page that posts the old session away, before it
  // takes up the request again; that form ends at the relying party too.
  const kept: Readonly<Record<string, unknown>> | undefined = oidc?.entities.Interaction?.params;
  const params = oidc?.params ?? kept;
  if (!oidc || !params) return;
  if (isForPopup(params)) keepOpener(ctx);
  // Only what the engine has compared with the client's registration, as it had before it kept a request.
  if ((oidc.redirectUriCheckPerformed || params === kept) && typeof params['redirect_uri'] === 'string')
    allowFormTarget(ctx, params['redirect_uri']);
  const signedOut = oidc.route === 'end_session' && ctx.status === 200 ? params['post_logout_redirect_uri'] : undefined;
  if (typeof signedOut === 'string') allowFormTarget(ctx, signedOut);
};
