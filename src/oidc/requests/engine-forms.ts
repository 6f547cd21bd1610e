import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import { unsupported } from '#kernel/http/body.ts';
import { requestTooLong } from '../errors.ts';
import { FORM_LIMIT, LONGEST_TARGET } from '#kernel/http/limits.ts';

/** A page of ours names its button `action`; the engine wants a field of its own for each. */
const translations: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/oidc/logout/confirm': { logout: 'logout' },
  '/oidc/device': { confirm: 'confirm', abort: 'abort' },
};

/** Rewrites the forms of the engine's own pages, so that every form of the product speaks the same language. */
export const engineForms: Middleware = async function engineForms(ctx, next) {
  const buttons = ctx.method === 'POST' ? translations[ctx.path] : undefined;
  if (buttons && ctx.is('application/x-www-form-urlencoded')) {
    const form = new URLSearchParams(await readText(ctx.req));
    const field = buttons[form.get('action') ?? ''];
    if (field) form.set(field, 'yes');
    replaceBody(ctx.req, form.toString());
  }
  return next();
};

/**
 * OpenID Connect Core §3.1.2.1 and RP-Initiated Logout §2 allow POST. The session cookie does not come with a POST from
 * another site (SameSite=Lax), so the same request is made again by GET, with which it does.
 */
export const postedRequests: Middleware = async function postedRequests(ctx, next) {
  if (ctx.method !== 'POST' || (ctx.path !== '/oidc/auth' && ctx.path !== '/oidc/logout')) return next();
  const isForm = ctx.is('application/x-www-form-urlencoded');
  if (!isForm && ctx.get('Content-Type') !== '') throw unsupported('a form (application/x-www-form-urlencoded)');
  const parameters = isForm ? await readText(ctx.req) : '';
  const target = `${ctx.path}?${new URLSearchParams(parameters).toString()}`;
  if (target.length > LONGEST_TARGET) throw requestTooLong(LONGEST_TARGET);
  // In this order: for Koa an empty body means 204, until a status says otherwise.
  ctx.body = null;
  ctx.status = 303;
  ctx.set('Cache-Control', 'no-store');
  ctx.set('Location', target);
};

/** Reads a form body as UTF-8 text, up to the limit of a form. */
export async function readText(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > FORM_LIMIT) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Lets the engine, and `readText`, read another body than the one that came. */
export function replaceBody(req: IncomingMessage, text: string): void {
  const body = Buffer.from(text);
  req.headers['content-length'] = String(body.length);
  delete req.headers['transfer-encoding'];
  Object.defineProperty(req, 'readable', { value: true });
  async function* iterator(): AsyncGenerator<Buffer> {
    yield body;
  }
  Object.assign(req, { iterator, [Symbol.asyncIterator]: iterator });
}
