import { STATUS_CODES } from 'node:http';
import type { AppError } from '../errors.ts';
import type { Context } from './context.ts';

/**
 * Problem Details for HTTP APIs, RFC 9457 §3.1, with our code and what the refusal adds (§3.2): of input that is wrong, each
 * member by its name under `errors`.
 */
type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  [extension: string]: unknown;
};

/** Answers with a problem document (RFC 9457): type `urn:latchkey:problem:<code>`, status, message and details. */
export function sendProblem(
  ctx: Context,
  { code, status, message, details }: Pick<AppError, 'code' | 'status' | 'message' | 'details'>,
): void {
  const problem: Problem = {
    ...(status === 422 && details ? { errors: details } : details),
    type: `urn:latchkey:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    code,
    requestId: ctx.state.requestId,
  };
  ctx.status = status;
  ctx.body = JSON.stringify(problem);
  ctx.set(requestIdField(ctx.state.requestId));
  // RFC 9457 §6.1; JSON is UTF-8 by itself, and the parameter keeps old browsers from guessing otherwise.
  ctx.set('Content-Type', 'application/problem+json; charset=utf-8');
}

/** The header that says when to come back (RFC 9110 §10.2.3), in whole seconds and at least one. No other file names it. */
export const retryAfter = (seconds: number): { 'Retry-After': string } => ({
  'Retry-After': String(Math.max(1, Math.ceil(seconds))),
});

/** The header with the id of the request, under which the log of this server has it. No other file names it. */
export const requestIdField = (requestId: string): { 'X-Request-Id': string } => ({ 'X-Request-Id': requestId });
