import type { Clock } from '../clock.ts';
import { type Log, writeFlatLine } from '../log.ts';
import type { Middleware } from './context.ts';
import type { Mount } from './mounts.ts';
import { LONGEST_LOGGED_PATH, LONGEST_LOGGED_REASON } from './limits.ts';
import { type Refusal, RefusalLines } from './refusal-lines.ts';

/** The record of a finished request. */
export type AnsweredRequest = { mount: Mount | undefined; method: string; status: number; seconds: number };

/** Sign-ins in progress and one-time links have their secret in the path; ids of things look like `usr_01h…`. */
const secretSegment = /\/(?![a-z]+_[0-9a-z]{26}(?:\/|$))[\w~-]{20,}/g;

const refusals = new WeakMap<object, Refusal>();

/** Notes the reason of a refused request for its line in the log. A later reason replaces an earlier one; what it leaves out stays. */
export function noteRefusal(ctx: object, { reason, ...about }: Refusal): void {
  refusals.set(ctx, { ...refusals.get(ctx), ...about, reason: reason.slice(0, LONGEST_LOGGED_REASON) });
}

/** Why this request was refused; undefined if nothing was noted. */
export const refusalNotedFor = (ctx: object): Refusal | undefined => refusals.get(ctx);

/**
 * One line a request: never its query, its headers or its body, where secrets travel. Files are of interest only to
 * a developer who debugs them. The line of a refused request has its reason, its client and the error code; there are so many
 * of them in a minute for each client and reason, and a later line says how many were left out.
 */
export function requestLog(log: Log, clock: Clock, observe?: (request: AnsweredRequest) => void): Middleware {
  const lines = new RefusalLines(clock);
  return async function requestLog(ctx, next) {
    const begin = performance.now();
    await next();
    const milliseconds = performance.now() - begin;
    const { method, path, status, state } = ctx;
    observe?.({ mount: state.mount, method, status, seconds: milliseconds / 1000 });
    if (!log.isLevelEnabled(levelOf(path))) return;
    for (const dropped of lines.takeDropped()) log.info(dropped, 'refused requests that were not logged');
    const refusal = refusals.get(ctx);
    if (refusal && !lines.admit(refusal)) return;
    const { requestId, ip, userAgent } = state;
    writeLine(log, { requestId, method, path, status, milliseconds, ip, userAgent, refusal });
  };
}

type Line = {
  requestId: string;
  method: string;
  path: string;
  status: number;
  milliseconds: number;
  ip: string;
  userAgent: string;
  refusal?: Refusal | undefined;
};

/** Writes the line of one request. */
export function writeLine(log: Log, { refusal, ...answered }: Line): void {
  const { requestId, method, path, status, milliseconds, ip, userAgent } = answered;
  const ms = Math.round(milliseconds * 10) / 10;
  const line = { requestId, method, path: shown(path), status, ms, ip, userAgent };
  if (!refusal) return writeFlatLine(log, levelOf(path), line, 'request');
  const { reason, error, clientId } = refusal;
  log[levelOf(path)]({ ...line, refusal: reason, error, clientId }, 'request');
}

const levelOf = (path: string): 'debug' | 'info' => (path.startsWith('/assets/') ? 'debug' : 'info');

function shown(path: string): string {
  return path.slice(0, LONGEST_LOGGED_PATH).replaceAll(secretSegment, '/…');
}
