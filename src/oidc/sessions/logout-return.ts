import type { Middleware } from 'koa';
import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import { ownPathOf } from '../engine.ts';
import { seeOther } from '#kernel/http/redirect.ts';

const CONFIRMED = '/oidc/logout/confirm';
/** Says on the last page that the user chose to stay signed in. */
export const STAYED = 'stayed';

type LeaveUpstream = (sessionId: string, connection: string, next: string) => Promise<string | null>;

/**
 * Where a sign-out leads was checked when it was asked for. The client may be gone since, or have given the address up: then
 * the user stays on our page, and the page tells what they chose.
 */
export function settleLogoutReturn(leaveUpstream: LeaveUpstream): Middleware {
  return async function settleLogoutReturn(ctx, next) {
    await next();
    if (ctx.path !== CONFIRMED) return;
    const { oidc } = ctx as unknown as KoaContextWithOIDC;
    settle(ctx, oidc);
    const chosen = oidc.body?.['also'];
    if (ctx.status !== 303 || !oidc.params?.['logout'] || typeof chosen !== 'string') return;
    const onwards = new URL(ctx.response.get('Location'), oidc.issuer).href;
    const away = await leaveUpstream(oidc.session?.uid ?? '', chosen, onwards);
    if (away !== null) ctx.set('Location', away);
  };
}

function settle(ctx: Parameters<Middleware>[0], oidc: KoaContextWithOIDC['oidc']): void {
  // The button was pressed twice, or on a page that was left open: what it asks for is done.
  if (ctx.status === 400 && ctx.method === 'POST' && oidc.session !== undefined && !oidc.session.accountId)
    return seeOther(ctx, ownPathOf(oidc, 'end_session_success'));
  if (ctx.status !== 303) return;
  const target = new URL(ctx.response.get('Location'), oidc.issuer);
  const done = new URL(oidc.urlFor('end_session_success'));
  const isOurs = target.origin === done.origin;
  // A sign-in to another account goes on after the sign-out.
  if (isOurs && target.pathname !== done.pathname) return;
  if (!isOurs && isRegistered(target, oidc.client)) return;
  if (!oidc.params?.['logout']) done.searchParams.set(STAYED, '1');
  if (isOurs && oidc.client && target.searchParams.has('client_id'))
    done.searchParams.set('client_id', oidc.client.clientId);
  ctx.set('Location', done.href);
}

function isRegistered(target: URL, client: Client | undefined): boolean {
  if (!client) return false;
  const withoutState = new URL(target);
  withoutState.searchParams.delete('state');
  const known = (client['postLogoutRedirectUris'] ?? []).map((uri) => new URL(uri).href);
  return [target.href, withoutState.href].some(
    (uri) => known.includes(uri) || client.postLogoutRedirectUriAllowed(uri),
  );
}
