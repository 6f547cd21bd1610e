import type { Middleware, ParameterizedContext } from 'koa';
import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import { ownPathOf } from '../engine.ts';
import { seeOther } from '#kernel/http/redirect.ts';

const CONFIRMED = '/oidc/logout/confirm';
/** A sign-out without a question ends at the first of them. */
const endPaths: ReadonlySet<string> = new Set(['/oidc/logout', CONFIRMED]);
/** Says on the last page that the user chose to stay signed in. */
export const STAYED = 'stayed';

/** The page that says that the user is signed out. */
const DONE = '/oidc/logout/success';

/** The sign-out at the provider with which the session began. */
type Upstream = {
  leaveUpstream(sessionId: string, connection: string, next: string): Promise<string | null>;
  offerUpstream(sessionId: string): Promise<{ slug: string; name: string } | null>;
};
type PageState = { keepRefusal(page: string, what: object): void };

/** Applications of another protocol, which hear of a sign-out in another way. */
export type LogoutElsewhere = {
  /** The way of the browser through applications that it must tell itself, before `location`; null where there are none. */
  detour(sessionId: string, location: string): Promise<string | null>;
  /** Tells an application of the end of its session. False for a client that this is not for; throws to be called again. */
  deliver(notice: { clientId: string; sid: string | null }, signal: AbortSignal): Promise<boolean>;
};

/**
 * Where a sign-out leads was checked when it was asked for. The client may be gone since, or have given the address up: then
 * the user stays on our page, and the page tells what they chose. Applications that the browser must tell come before all of it.
 */
export function settleLogoutReturn(upstream: Upstream, elsewhere: LogoutElsewhere): Middleware {
  return async function settleLogoutReturn(ctx, next) {
    await next();
    const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
    if (!oidc || !endPaths.has(ctx.path)) return;
    if (ctx.path === CONFIRMED) await settleConfirmed(ctx, oidc, upstream);
    if (!isSignOut(ctx, oidc)) return;
    if (ctx.path !== CONFIRMED) await offer(ctx, oidc, upstream);
    const way = await elsewhere.detour(oidc.session!.uid, ctx.response.get('Location'));
    if (way !== null) seeOther(ctx, way);
  };
}

/** A sign-out without a question has asked nothing about the provider either: where it ends at our page, the page offers it. */
async function offer(
  ctx: ParameterizedContext,
  oidc: KoaContextWithOIDC['oidc'],
  { offerUpstream }: Upstream,
): Promise<void> {
  const target = new URL(ctx.response.get('Location'), oidc.issuer);
  if (target.origin + target.pathname !== oidc.urlFor('end_session_success')) return;
  const { uid: session } = oidc.session!;
  const upstream = await offerUpstream(session);
  if (upstream !== null) (ctx.state as PageState).keepRefusal(DONE, { upstream: { ...upstream, session } });
}

/** A session was ended, and no sign-in to another account goes on behind it. */
function isSignOut(ctx: ParameterizedContext, { params, session, issuer }: KoaContextWithOIDC['oidc']): boolean {
  if (ctx.status !== 303 || !params?.['logout'] || session?.accountId === undefined) return false;
  const target = new URL(ctx.response.get('Location'), issuer);
  return target.origin !== new URL(issuer).origin || !/\/oidc\/(?:auth|device)\//.test(target.pathname);
}

async function settleConfirmed(
  ctx: ParameterizedContext,
  oidc: KoaContextWithOIDC['oidc'],
  { leaveUpstream }: Upstream,
): Promise<void> {
  settle(ctx, oidc);
  const chosen = oidc.body?.['also'];
  if (ctx.status !== 303 || !oidc.params?.['logout'] || typeof chosen !== 'string') return;
  const onwards = new URL(ctx.response.get('Location'), oidc.issuer).href;
  const away = await leaveUpstream(oidc.session?.uid ?? '', chosen, onwards);
  if (away !== null) ctx.set('Location', away);
}

function settle(ctx: ParameterizedContext, oidc: KoaContextWithOIDC['oidc']): void {
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
