/**
 * Forms of ours can be sent from pages of ours alone.
 *
 * Two guards, each enough by itself: a token in the field `csrf` that only a page shown to this browser can hold, and what
 * the browser says about where the request comes from.
 */
import { createHmac, type KeyObject, randomBytes } from 'node:crypto';
import { AppError } from '../errors.ts';
import { equalSecrets, randomSecret, type KeyRing } from '../crypto.ts';
import { type BrowserCookies, browserCookies } from './cookies.ts';

type CookieContext = Parameters<BrowserCookies['write']>[0] & Parameters<BrowserCookies['readAll']>[0];
type Headers = { origin?: string | undefined; 'sec-fetch-site'?: string | string[] | undefined };

export type Csrf = {
  /**
   * A token for the forms of one answer. Sets the browser's cookie where there is none yet. With `holder`, what the forms
   * act for (a session), it is worth nothing in this browser when that is another one.
   */
  issue(ctx: CookieContext, holder?: string): string;
  isIssued(ctx: CookieContext, token: string, holder?: string): boolean;
  /** Whether what the browser says about the sender of the request allows it. */
  isFromHere(ctx: { req: { headers: Headers } }): boolean;
};

/** The label under which the key ring derives the key of these tokens, and of nothing else. */
const KEY_LABEL = 'csrf';
/** The salt makes every page's token another one, so that a compressed answer gives nothing away (BREACH). */
const SALT_BYTES = 9;
/** Of the name of a cookie, which says nothing. */
const NAME_BYTES = 6;
const COOKIE_VALUE = /^[\w-]{43}$/;
const TOKEN = /^([\w-]{12})\.([\w-]{43})$/;

/**
 * Creates the tokens of forms. A token is bound to a cookie of the browser and to the session that received the page.
 */
export function createCsrf({ issuer, keyRing }: { issuer: URL; keyRing: Pick<KeyRing, 'deriveKeys'> }): Csrf {
  // A browser without a cookie that opens several pages at once gets one with each, and each page must work.
  const cookies = browserCookies(issuer, 'csrf');
  const keys = keyRing.deriveKeys(KEY_LABEL);
  // Values that this very answer sets; the request that is being answered carries none.
  const fresh = new WeakMap<CookieContext, string>();

  function browserValues(ctx: CookieContext): readonly string[] {
    const value = fresh.get(ctx);
    if (value !== undefined) return [value];
    return cookies.readAll(ctx).flatMap(([, sent]) => (COOKIE_VALUE.test(sent) ? [sent] : []));
  }

  function begin(ctx: CookieContext): string {
    const value = randomSecret();
    fresh.set(ctx, value);
    cookies.write(ctx, randomBytes(NAME_BYTES).toString('base64url'), value);
    return value;
  }

  return {
    issue(ctx, holder = '') {
      const salt = randomBytes(SALT_BYTES).toString('base64url');
      return `${salt}.${mac(keys[0]!, salt, browserValues(ctx)[0] ?? begin(ctx), holder)}`;
    },
    isIssued(ctx, token, holder = '') {
      const [, salt, given] = TOKEN.exec(token) ?? [];
      if (salt === undefined || given === undefined) return false;
      // The older keys count too, so that a change of the secrets breaks no open form.
      return browserValues(ctx).some((browser) =>
        keys.some((key) => equalSecrets(mac(key, salt, browser, holder), given)),
      );
    },
    isFromHere: (ctx) => isFromHere(ctx.req.headers, issuer),
  };
}

function mac(key: KeyObject, salt: string, browser: string, holder: string): string {
  return createHmac('sha256', key).update(`${salt}.${browser}.${holder}`).digest('base64url');
}

/**
 * Whether the browser's own words allow the request (Fetch Metadata, and `Origin` of RFC 6454 §7).
 * Under `Referrer-Policy: no-referrer` a form of ours carries `Origin: null`, and a program may send neither header;
 * then the token decides alone.
 */
function isFromHere(headers: Headers, issuer: URL): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  return headers.origin === undefined || headers.origin === 'null' || headers.origin === issuer.origin;
}

/**
 * Refuses (403) what a page of another site sent, and, given a token, what does not hold one of this browser.
 * A handler that accepts a POST without `form()` calls it with the token.
 */
export function requireOwnForm(
  ctx: { state: { isFromHere(): boolean; isCsrfToken(token: string): boolean } },
  token?: string,
): void {
  if (ctx.state.isFromHere() && (token === undefined || ctx.state.isCsrfToken(token))) return;
  throw new AppError({
    code: 'request.form_not_ours',
    status: 403,
    message:
      'This form did not come from a page shown to this browser, or the page is too old. Go back, load the page again and retry.',
  });
}
