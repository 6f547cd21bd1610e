import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import type { Middleware } from 'koa';
import type { State } from '#kernel/http/context.ts';

/** Origins of a client: where its redirect URIs lead (web pages only). `null` and look-alikes never match. */
export function isAllowedOrigin(origin: string, client: Client): boolean {
  if (client.clientAuthMethod !== 'none') return false;
  return (client.redirectUris ?? []).some((uri) => {
    const url = URL.parse(uri);
    return (url?.protocol === 'https:' || url?.protocol === 'http:') && url.origin === origin;
  });
}

const granted = [
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Methods',
  'Access-Control-Allow-Headers',
  'Access-Control-Expose-Headers',
  'Access-Control-Max-Age',
];

/**
 * The engine compares the origin with the client's, once it knows the client. A preflight and a refusal before that know
 * none; the engine lets every origin read those, and here only one at which some client lives may.
 */
export function closeToStrangers(hasOrigin: (origin: string) => Promise<boolean>): Middleware {
  return async function closeToStrangers(ctx, next) {
    await next();
    const origin = ctx.get('Origin');
    // Documents for everybody say `*`, or are the same whoever asks.
    if (origin === '' || ctx.response.get('Access-Control-Allow-Origin') !== origin) return;
    if ((ctx.state as State).mount?.constant) return;
    const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
    if (oidc?.client || (await hasOrigin(origin).catch(() => false))) return;
    for (const header of granted) ctx.remove(header);
  };
}
