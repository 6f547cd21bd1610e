import type { Middleware } from 'koa';
import { readText, replaceBody } from '../requests/engine-forms.ts';

/** The id of `Basic id:`, form-encoded (RFC 6749 §2.3.1). */
const emptyBasic = /^basic ([A-Za-z\d+/]+={0,2})$/i;

/**
 * RFC 6749 §2.3.1: a secret that is empty may as well be left out. Libraries send `Basic id:` for a public client, which then
 * authenticates by nothing, as if it had sent its id in the body; a client with a secret is refused as without one. An empty
 * `client_secret` in the body is no parameter at all (§3.2).
 */
export function ignoreEmptySecrets(paths: ReadonlySet<string>, issuer: string): Middleware {
  return async function ignoreEmptySecrets(ctx, next) {
    const clientId = paths.has(ctx.path) ? idWithoutSecret(ctx.get('Authorization')) : null;
    if (clientId === null || !ctx.is('application/x-www-form-urlencoded')) return next();
    const body = await readText(ctx.req);
    const form = new URLSearchParams(body);
    const isNamed = (form.get('client_id') ?? '') !== '';
    if (!isNamed) form.set('client_id', clientId);
    replaceBody(ctx.req, isNamed ? body : form.toString());
    // Two names are a mismatch, which the engine refuses.
    if (form.get('client_id') !== clientId) return next();
    delete ctx.req.headers.authorization;
    await next();
    // RFC 6749 §5.2: the scheme that the client used.
    if (ctx.status === 401) ctx.append('WWW-Authenticate', `Basic realm="${issuer}", error="invalid_client"`);
  };
}

function idWithoutSecret(authorization: string): string | null {
  const [, encoded] = emptyBasic.exec(authorization) ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  if (!text.endsWith(':') || text.length < 2) return null;
  try {
    return decodeURIComponent(text.slice(0, -1).replaceAll('+', '%20'));
  } catch {
    return null;
  }
}
