import type { Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { State } from '#kernel/http/context.ts';
import { isFapi } from '../profiles.ts';

const HEADER = 'x-fapi-interaction-id';
/** RFC 9562 §4. Nothing else is sent back. */
const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * FAPI 1.0 Part 1 §6.2.1-11, at userinfo: the answer bears the id that the client gave the exchange, so that both find it in their logs.
 * To a client with a FAPI profile that gave none, the id of the request is told.
 */
export const interactionIds: Middleware = async function interactionIds(ctx, next) {
  await next();
  if (ctx.path !== '/oidc/userinfo') return;
  const given = ctx.get(HEADER);
  if (uuid.test(given)) ctx.set(HEADER, given);
  else if (isFapi((ctx as unknown as KoaContextWithOIDC).oidc?.client)) ctx.set(HEADER, (ctx.state as State).requestId);
};
