import { decodeJwt } from 'jose';
import type { Middleware } from 'koa';
import { isPlainJson } from '#kernel/http/body.ts';
import { readText, replaceBody } from './engine-forms.ts';
import { requestUnreadable } from '../errors.ts';

/** Besides the authorization endpoint, where posted requests come again by GET. */
const posted: ReadonlySet<string> = new Set(['/oidc/par', '/oidc/device/auth']);

/**
 * Refuses request objects (RFC 9101) that no client could have meant. The engine makes text of each member before it knows who
 * signed it, and would fail over one that cannot become text; it stores what it reads, and the database would fail over NUL.
 */
export const readableRequests: Middleware = async function readableRequests(ctx, next) {
  if (ctx.path === '/oidc/auth') requireReadable([ctx.query['request']].flat());
  else if (ctx.method === 'POST' && posted.has(ctx.path) && ctx.is('application/x-www-form-urlencoded')) {
    const body = await readText(ctx.req);
    // A name may be written with escapes as well; what comes without any is spared the work.
    if (/request|%/.test(body)) requireReadable(new URLSearchParams(body).getAll('request'));
    replaceBody(ctx.req, body);
  }
  return next();
};

function requireReadable(requests: readonly (string | undefined)[]): void {
  if (!requests.every((request) => request === undefined || isReadable(request))) throw requestUnreadable();
}

function isReadable(jwt: string): boolean {
  let claims;
  try {
    claims = decodeJwt(jwt);
  } catch {
    // The engine itself distinguishes non-JWTs and encrypted JWTs.
    return true;
  }
  return isPlainJson(claims) && Object.values(claims).every(canBecomeText);
}

function canBecomeText(value: unknown): boolean {
  try {
    return typeof String(value) === 'string';
  } catch {
    return false;
  }
}
