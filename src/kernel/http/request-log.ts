import type { Log } from '../log.ts';
import type { Context, Middleware } from './context.ts';
import type { Mount } from './mounts.ts';
import { LONGEST_LOGGED_PATH } from './limits.ts';

/** The record of a finished request. */
export type AnsweredRequest = { mount: Mount | undefined; method: string; status: number; seconds: number };

/** Sign-ins in progress and one-time links have their secret in the path; ids of things look like `usr_01h…`. */
const secretSegment = /\/(?![a-z]+_[0-9a-z]{26}(?:\/|$))[\w~-]{20,}/g;

const refusals = new WeakMap<Context, string>();

/** Why a request is refused, for the log alone: in fixed words, never with what came in the request. */
export function noteRefusal(ctx: Context, reason: string): void {
  refusals.set(ctx, reason);
}

/**
 * One line a request: never its query, its headers or its body, where secrets travel. Files are of interest only to
 * a developer who debugs them.
 */
export function requestLog(log: Log, observe?: (request: AnsweredRequest) => void): Middleware {
  return async function requestLog(ctx, next) {
    const begin = performance.now();
    await next();
    const milliseconds = performance.now() - begin;
    const { method, path, status, state } = ctx;
    observe?.({ mount: state.mount, method, status, seconds: milliseconds / 1000 });
    const level = path.startsWith('/assets/') ? 'debug' : 'info';
    if (!log.isLevelEnabled(level)) return;
    log[level](
      {
        requestId: state.requestId,
        method,
        path: shown(path),
        status,
        ms: Math.round(milliseconds * 10) / 10,
        ip: state.ip,
        userAgent: state.userAgent,
        ...(refusals.has(ctx) ? { refusal: refusals.get(ctx) } : {}),
      },
      'request',
    );
  };
}

function shown(path: string): string {
  return path.slice(0, LONGEST_LOGGED_PATH).replaceAll(secretSegment, '/…');
}
