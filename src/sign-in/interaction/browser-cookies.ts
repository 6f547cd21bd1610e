import { DEVICE_KNOWN_FOR } from '#credentials/module.ts';
import { browserCookie, type BrowserCookie } from '#kernel/http/cookies.ts';
import { LONGEST_DEVICE_TRUST } from './limits.ts';

/** Cookies that a sign-in leaves in a browser for the next one. */
export type BrowserCookies = {
  /** By which an account knows the browser. */
  deviceCookie: BrowserCookie;
  /** The browser is trusted with the second factor. */
  trustCookie: BrowserCookie;
  /** Set where the browser says that it could keep a passkey of its own. */
  canCreateCookie: BrowserCookie;
};

/** The cookies of sign-ins: known device, trusted browser, and passkey support of the browser. */
export function browserCookies(issuer: URL): BrowserCookies {
  return {
    deviceCookie: browserCookie(issuer, 'device', { maxAge: DEVICE_KNOWN_FOR }),
    trustCookie: browserCookie(issuer, 'trusted', { maxAge: LONGEST_DEVICE_TRUST }),
    // As long as the browser runs: it may be moved to another device afterwards.
    canCreateCookie: browserCookie(issuer, 'passkeys'),
  };
}
