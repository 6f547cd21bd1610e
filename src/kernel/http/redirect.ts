/**
 * Allowed redirect targets: a local path, or one of the exact addresses that the caller names because
 * they are registered. This is the only place that writes `Location`.
 */
type RedirectContext = {
  status: number;
  body: unknown;
  set(field: string, value: string): void;
};

/** Any origin serves: a path that stays below this one stays below every one. */
const anyOrigin = 'http://origin.invalid';

/**
 * Redirects with 303 See Other, never 307 or 308: those would repeat a form with a password at the target
 * (RFC 9700 §4.12).
 *
 * @param exactly registered addresses; `location` must equal one of them.
 * @throws Error when `location` is neither; targets that come with a request go through `ownPath` first.
 */
export function seeOther(ctx: RedirectContext, location: string, exactly: readonly string[] = []): void {
  const target = exactly.includes(location) ? URL.parse(location)?.href : ownPath(location);
  if (target === null || target === undefined) throw new Error('a redirect would have left this origin');
  // In this order: for Koa an empty body means 204, until a status says otherwise.
  ctx.body = null;
  ctx.status = 303;
  ctx.set('Location', target);
  ctx.set('Cache-Control', 'no-store');
}

/**
 * A path (with query and fragment) below this origin, as the browser's own URL parser writes it; null for anything that
 * could lead elsewhere.
 */
export function ownPath(text: string): string | null {
  // A browser drops tabs and line ends from a URL and reads a backslash as a slash (WHATWG URL §4.4).
  if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text)) return null;
  const url = URL.parse(text, anyOrigin);
  if (url === null || url.origin !== anyOrigin) return null;
  const path = `${url.pathname}${url.search}${url.hash}`;
  // `/..//host` is a path here and becomes `//host` when its dots are resolved.
  return /^\/(?!\/)/.test(path) ? path : null;
}

/**
 * Thrown where a browser must go on at another path of ours, by code that its callers ask for something else. The error boundary
 * answers it with 303.
 */
export class Detour extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`goes on at ${path}`);
    this.name = 'Detour';
    this.path = path;
  }
}
