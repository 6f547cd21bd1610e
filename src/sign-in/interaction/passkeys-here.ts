import { type Clock, epochSeconds, SECOND } from '#kernel/clock.ts';
import { type KeyRing, SealError, sha256 } from '#kernel/crypto.ts';
import { instance, type Policies } from '#settings/module.ts';
import { canonicalIdentifier, type User } from '#directory/users/module.ts';
import type { BrowserCookies, CookieContext } from './browser-cookies.ts';
import { ACCOUNT_REMEMBERED_FOR, LARGEST_REMEMBERED, MOST_REMEMBERED } from './limits.ts';

/** A hash of an identifier and the device cookie, and the NumericDate at which a passkey was made or used. */
type Row = [hash: string, at: number];
type Named = Pick<User, 'email' | 'username'>;

type Dependencies = {
  clock: Clock;
  keyRing: Pick<KeyRing, 'seal' | 'open'>;
  policies: Policies<'signIn'>;
  cookies: Pick<BrowserCookies, 'passkeysCookie' | 'deviceCookie' | 'holdDevice'>;
};

/** An address and a username are two rows of one account. */
const MOST_ROWS = 2 * MOST_REMEMBERED;

/**
 * For which accounts a passkey was made in this browser, so that it comes first there once the address is typed. One cookie, sealed
 * under the key ring and bound to the device cookie, with hashes alone. The server stores nothing and looks up no account: for every
 * address, the answer depends on this browser alone.
 */
export class PasskeysHere {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Since when there is a passkey here for the account with an identifier, as a user may have typed it; null for one that is unknown here. */
  of(ctx: CookieContext): (identifier: string) => number | null {
    const device = this.#deps.cookies.deviceCookie.read(ctx);
    const rows = this.#list(ctx, device);
    return (identifier) => {
      const hash = rows.length === 0 ? null : hashOf(identifier, device ?? '');
      return rows.find(([known]) => known === hash)?.[1] ?? null;
    };
  }

  /** A passkey of the user was made here, which can sign in alone. */
  made(ctx: CookieContext, user: Named): void {
    const device = this.#deps.cookies.holdDevice(ctx);
    const at = epochSeconds(this.#deps.clock);
    const own = hashesOf(user, device);
    const others = this.#list(ctx, device).filter(([hash]) => !own.includes(hash));
    this.#write(ctx, [...own.map((hash): Row => [hash, at]), ...others]);
  }

  /** A passkey signed in here. One that is unknown here stays so unless the browser is to keep the sign-in. */
  used(ctx: CookieContext, user: Named, { keep }: { keep: boolean | null }): void {
    const since = this.of(ctx);
    const isKnown = identifiersOf(user).some((identifier) => since(identifier) !== null);
    if (keep === true || isKnown) this.made(ctx, user);
  }

  /** The user has no passkey any more, or wants this browser to forget the account. */
  forget(ctx: CookieContext, user: Named): void {
    const device = this.#deps.cookies.deviceCookie.read(ctx);
    const rows = this.#list(ctx, device);
    const own = hashesOf(user, device ?? '');
    const others = rows.filter(([hash]) => !own.includes(hash));
    if (others.length < rows.length) this.#write(ctx, others);
  }

  #list(ctx: CookieContext, device: string | undefined): readonly Row[] {
    const { clock, cookies, policies, keyRing } = this.#deps;
    const sealed = cookies.passkeysCookie.read(ctx);
    if (!sealed || !device || sealed.length > 2 * LARGEST_REMEMBERED) return [];
    if (!policies.for(instance).signIn.rememberAccounts) return [];
    try {
      const rows = JSON.parse(keyRing.open(sealed, placeOf(device))) as Row[];
      return rows.filter(([, at]) => at > epochSeconds(clock) - ACCOUNT_REMEMBERED_FOR / SECOND);
    } catch (error) {
      if (error instanceof SealError) return [];
      throw error;
    }
  }

  #write(ctx: CookieContext, rows: readonly Row[]): void {
    const { cookies, keyRing, policies } = this.#deps;
    if (!policies.for(instance).signIn.rememberAccounts) return;
    if (rows.length === 0) return cookies.passkeysCookie.clear(ctx);
    const text = JSON.stringify(rows.slice(0, MOST_ROWS));
    cookies.passkeysCookie.write(ctx, keyRing.seal(text, placeOf(cookies.holdDevice(ctx))));
  }
}

/** The version is a part of the place: another form of the rows would open in no older process. */
const placeOf = (device: string): string => `passkeys-here.1:${device}`;

const identifiersOf = ({ email, username }: Named): readonly string[] =>
  [email, username].filter((name): name is string => typeof name === 'string' && name !== '');

const hashesOf = (user: Named, device: string): readonly string[] =>
  identifiersOf(user).map((identifier) => hashOf(identifier, device));

/** The device cookie is a secret, so no list of addresses can be tried against a cookie alone. */
const hashOf = (identifier: string, device: string): string =>
  sha256(`${device}:${canonicalIdentifier(identifier) ?? identifier}`)
    .subarray(0, 16)
    .toString('base64url');
