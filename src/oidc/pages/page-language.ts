import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Context, Middleware } from '#kernel/http/context.ts';

/**
 * OpenID Connect Core §3.1.2.1: the languages that the relying party wishes for hold for all pages of the sign-in, also
 * when the request was pushed or signed and its address says nothing.
 */
export const pageLanguage: Middleware = async function pageLanguage(ctx: Context, next) {
  await next();
  const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
  const wish = oidc?.route === 'authorization' ? oidc.params?.['ui_locales'] : undefined;
  if (typeof wish === 'string') ctx.state.wishLanguage(wish);
};
