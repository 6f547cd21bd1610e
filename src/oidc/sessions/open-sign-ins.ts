import type { KoaContextWithOIDC } from 'oidc-provider';
import { MINUTE } from '#kernel/clock.ts';
import type { Context, Middleware } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';

/** More tabs than anybody signs in with at once. */
const MOST = 50;
/** As long as a sign-in stands open. */
const LIFETIME = 15 * MINUTE;
/** Ids of the engine: 256 random bits. */
const id = /^[\w-]{40,64}$/;

/**
 * One browser has at most so many sign-ins open; with each one more the oldest is over. Which they are is known to the
 * browser alone, in a cookie of its own, so that a request costs no look-up: the ids are secrets of this browser anyway.
 */
export function boundOpenSignIns(issuer: URL): Middleware {
  const cookie = browserCookie(issuer, 'open', { maxAge: LIFETIME });
  return async function boundOpenSignIns(ctx: Context, next) {
    await next();
    const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
    const begun = oidc?.route === 'authorization' ? oidc.entities.Interaction : undefined;
    if (!oidc || !begun) return;
    const open = (cookie.read(ctx) ?? '').split('.').filter((uid) => id.test(uid));
    const ended = open.slice(0, Math.max(0, open.length + 1 - MOST));
    for (const uid of ended) await (await oidc.provider.Interaction.find(uid))?.destroy();
    cookie.write(ctx, [...open.slice(ended.length), begun.uid].join('.'));
  };
}
