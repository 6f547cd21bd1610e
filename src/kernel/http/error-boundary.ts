/**
 * Whatever was thrown becomes an answer here, in the form that its audience reads. Refusals (AppError) say what they say;
 * a fault says nothing but the id of the request, under which it is logged once.
 */
import type { Clock } from '../clock.ts';
import { isTransient } from '../database-errors.ts';
import { AppError, RETRY_AFTER } from '../errors.ts';
import { show } from '../views.ts';
import type { Context, Middleware } from './context.ts';
import { errorView, type ErrorKind } from './error-view.ts';
import { noteRefusal } from './request-log.ts';
import { Detour, ownPath, seeOther } from './redirect.ts';
import { retryAfter, sendProblem } from './problem.ts';
import { RETRY_WHEN_AWAY_SECONDS } from './limits.ts';

const faults = new WeakMap<Context, unknown>();

/** For code that answers faults itself, as the engine does: the boundary logs it, and makes 503 of a transient one. */
export function noteFault(ctx: Context, error: unknown): void {
  faults.set(ctx, error);
}

/**
 * Middleware that turns each error into the response for its audience: page, problem document or OAuth error. It logs
 * faults once.
 */
export function errorBoundary(clock: Clock): Middleware {
  return async function errorBoundary(ctx, next) {
    try {
      await next();
    } catch (error) {
      return answer(ctx, clock, error);
    }
    if (faults.has(ctx)) return answerNoted(ctx, clock, faults.get(ctx));
    if (ctx.status >= 400 && isUnanswered(ctx)) return answer(ctx, clock, plainRefusal(ctx.status));
    return undefined;
  };
}

/** A router that found nothing, or no such method, leaves a status and no body. */
function isUnanswered(ctx: Context): boolean {
  return (ctx.body === undefined || ctx.body === null) && !ctx.res.headersSent && ctx.respond !== false;
}

function answerNoted(ctx: Context, clock: Clock, error: unknown): void {
  if (ctx.status >= 500 && isTransient(error)) return answer(ctx, clock, error);
  log(ctx, error);
}

function answer(ctx: Context, clock: Clock, error: unknown): void {
  if (error instanceof Detour) return seeOther(ctx, error.path);
  const refusal = refusalOf(ctx, error);
  const audience = ctx.state.mount?.audience;
  if (refusal.status >= 500) log(ctx, error);
  else if (audience === 'oauth') noteRefusal(ctx, { reason: refusal.message, error: refusal.code });
  if (ctx.res.headersSent) {
    ctx.respond = false;
    ctx.res.destroy();
    return;
  }
  for (const header of [
    'Content-Encoding',
    'Content-Length',
    'Content-Disposition',
    'ETag',
    'Last-Modified',
    'Location',
  ])
    ctx.remove(header);
  ctx.set('Cache-Control', 'no-store');
  const wait = refusal.details?.[RETRY_AFTER];
  if (typeof wait === 'number') ctx.set(retryAfter(wait));
  if (audience === 'oauth') return sendOAuthError(ctx, refusal);
  if (audience === 'problem' || ctx.accepts('html', 'json') === 'json') return sendProblem(ctx, refusal);
  return showError(ctx, clock, refusal);
}

/** The public part of an error. */
function refusalOf(ctx: Context, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isHangUp(ctx)) return plainRefusal(400);
  if (isTransient(error))
    return new AppError({
      code: 'server.unavailable',
      status: 503,
      message: 'A service that this server needs is unavailable. Try again shortly.',
      details: { [RETRY_AFTER]: RETRY_WHEN_AWAY_SECONDS },
    });
  if (isHttpError(error)) return plainRefusal(error.status);
  return new AppError({
    code: 'server.fault',
    status: 500,
    message: 'The server failed. The request id identifies the error in its log.',
  });
}

/** The client left in the middle of its request; no one receives the answer. */
function isHangUp(ctx: Context): boolean {
  return ctx.req.destroyed && !ctx.req.complete;
}

/** Errors of Koa and its libraries for bad requests carry a status; their words are theirs and stay here. */
function isHttpError(error: unknown): error is Error & { status: number } {
  return (
    error instanceof Error &&
    'status' in error &&
    typeof error.status === 'number' &&
    error.status >= 400 &&
    error.status < 500
  );
}

function plainRefusal(status: number): AppError {
  if (status === 404)
    return new AppError({ code: 'request.not_found', status, message: 'There is nothing at this address.' });
  if (status === 405 || status === 501)
    return new AppError({
      code: 'request.method_not_allowed',
      status: 405,
      message: 'This address does not accept this method.',
    });
  return new AppError({ code: 'request.refused', status, message: 'The request cannot be answered.' });
}

function sendOAuthError(ctx: Context, { status, message }: AppError): void {
  const error =
    status === 500 ? 'server_error' : status === 503 || status === 429 ? 'temporarily_unavailable' : 'invalid_request';
  ctx.status = status;
  ctx.body = JSON.stringify({ error, error_description: message, request_id: ctx.state.requestId });
  ctx.set('Content-Type', 'application/json; charset=utf-8');
}

function showError(ctx: Context, clock: Clock, refusal: AppError): void {
  const kind = kindOf(refusal);
  const wait = refusal.details?.[RETRY_AFTER];
  try {
    show(ctx, refusal.status, errorView, {
      kind,
      requestId: ctx.state.requestId,
      at: clock.now(),
      protocol:
        kind === 'invalid-request'
          ? { error: refusal.code, description: refusal.message, received: null, clientId: null }
          : null,
      client: null,
      retryUrl: ['fault', 'unavailable', 'throttled', 'forbidden-form'].includes(kind)
        ? ownPath(ctx.originalUrl)
        : null,
      waitSeconds: typeof wait === 'number' ? wait : null,
    });
  } catch (error) {
    log(ctx, error);
    ctx.status = refusal.status;
    ctx.body = `${refusal.message} (${ctx.state.requestId})`;
    ctx.set('Content-Type', 'text/plain; charset=utf-8');
  }
}

const kinds: Readonly<Record<number, ErrorKind>> = {
  403: 'forbidden',
  404: 'not-found',
  410: 'expired',
  429: 'throttled',
  500: 'fault',
  502: 'unavailable',
  503: 'unavailable',
};

function kindOf({ code, status }: AppError): ErrorKind {
  return code === 'request.form_not_ours' ? 'forbidden-form' : (kinds[status] ?? 'invalid-request');
}

function log(ctx: Context, error: unknown): void {
  if (isTransient(error)) ctx.state.log.warn({ err: error }, 'a dependency is away');
  else ctx.state.log.error({ err: error }, 'fault');
}
