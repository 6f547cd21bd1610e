import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import type { Middleware } from 'koa';
import { ownMember } from '#applications/clients/module.ts';
import type { State } from '#kernel/http/context.ts';

/**
 * Origins of a client: what its member `allowed_origins` lists, and where the redirect URIs of a public client lead (web pages only).
 * `null` and look-alikes never match.
 */
function isAllowedOrigin(origin: string, client: Client): boolean {
  if (ownMember(client, 'allowed_origins')?.includes(origin)) return true;
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
 * The one place that decides which origin may read an answer. A request from any other origin is judged as if it had none, because no
 * endpoint here reads cookies; its page sees nothing of the answer. The engine grants every origin, and a preflight or an early refusal
 * knows no client: such an answer may be read where some client lives.
 */
export function closeToStrangers(hasOrigin: (origin: string) => Promise<boolean>): Middleware {
  return async function closeToStrangers(ctx, next) {
    await next();
    const origin = ctx.get('Origin');
    const { mount } = ctx.state as State;
    // Public documents say `*`, or are the same for every origin.
    if (origin === '' || mount?.constant) return;
    const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
    const isOpen =
      mount?.crossOrigin === true &&
      (oidc?.client ? isAllowedOrigin(origin, oidc.client) : await hasOrigin(origin).catch(() => false));
    if (!isOpen) for (const header of granted) ctx.remove(header);
  };
}
