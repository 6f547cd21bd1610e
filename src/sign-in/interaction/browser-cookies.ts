import { DEVICE_KNOWN_FOR } from '#credentials/module.ts';
import { randomSecret } from '#kernel/crypto.ts';
import { browserCookie, type BrowserCookie } from '#kernel/http/cookies.ts';
import { ACCOUNT_REMEMBERED_FOR, LONGEST_DEVICE_TRUST } from './limits.ts';

/** The part of a request and its answer that cookies need. */
export type CookieContext = Parameters<BrowserCookie['write']>[0];

/** Cookies that a sign-in leaves in a browser for the next one. */
export type BrowserCookies = {
  /** By which an account knows the browser. */
  deviceCookie: BrowserCookie;
  /** The secret in it, which a browser without one gets with this answer, for longer each time. */
  holdDevice(ctx: CookieContext): string;
  /** The browser is trusted with the second factor. */
  trustCookie: BrowserCookie;
  /** Set where the browser says that it could keep a passkey of its own. */
  canCreateCookie: BrowserCookie;
  /** The accounts that the browser remembers (remembered-accounts.ts). */
  rememberedCookie: BrowserCookie;
  /** The accounts with a passkey that was made here (passkeys-here.ts). */
  passkeysCookie: BrowserCookie;
};

/** The cookies of sign-ins: known device, trusted browser, passkey support of the browser, remembered accounts, passkeys made here. */
export function browserCookies(issuer: URL): BrowserCookies {
  const deviceCookie = browserCookie(issuer, 'device', { maxAge: DEVICE_KNOWN_FOR });
  // The request that is being answered does not carry what its answer sets.
  const held = new WeakMap<CookieContext, string>();
  return {
    deviceCookie,
    holdDevice(ctx) {
      const known = held.get(ctx);
      if (known !== undefined) return known;
      const secret = deviceCookie.read(ctx) ?? randomSecret();
      held.set(ctx, secret);
      deviceCookie.write(ctx, secret);
      return secret;
    },
    trustCookie: browserCookie(issuer, 'trusted', { maxAge: LONGEST_DEVICE_TRUST }),
    // As long as the browser runs: it may be moved to another device afterwards.
    canCreateCookie: browserCookie(issuer, 'passkeys'),
    rememberedCookie: browserCookie(issuer, 'remembered', { maxAge: ACCOUNT_REMEMBERED_FOR }),
    passkeysCookie: browserCookie(issuer, 'passkeys-here', { maxAge: ACCOUNT_REMEMBERED_FOR }),
  };
}
