/** How long a session lasts: shorter in a browser that is forgotten when it closes, longer where "remember me" was chosen. */
import type { Policy } from '#settings/module.ts';

type KnownSession = { accountId?: string | undefined; transient?: boolean | undefined; loginTs?: number | undefined };

/** Seconds that a session which is used `now` (NumericDate) lives from then on: positive, so what has no time left gets one. */
export function sessionSeconds(
  { idleSeconds, absoluteSeconds, rememberSeconds }: Policy<'session'>,
  { accountId, transient, loginTs }: KnownSession,
  now: number,
): number {
  const isRemembered = accountId !== undefined && !transient;
  const absolute = isRemembered ? rememberSeconds : absoluteSeconds;
  const left = loginTs === undefined ? absolute : loginTs + absolute - now;
  return Math.max(1, Math.min(isRemembered ? rememberSeconds : idleSeconds, left));
}
