import { type Clock, epochSeconds, SECOND } from '#kernel/clock.ts';
import { type KeyRing, SealError } from '#kernel/crypto.ts';
import { instance, type Policies } from '#settings/module.ts';
import {
  canonicalIdentifier,
  shownAccount,
  type ShownAccount,
  type User,
  type UserId,
} from '#directory/users/module.ts';
import type { BrowserCookies, CookieContext } from './browser-cookies.ts';
import type { Way, Ways } from './offered-first-factors.ts';
import { ACCOUNT_REMEMBERED_FOR, LARGEST_REMEMBERED, LONGEST_REMEMBERED_NAME, MOST_REMEMBERED } from './limits.ts';

/** An account that signed in here and was to be kept. Only a hint: it has the weight of a typed address, and says nothing about the account today. */
/** With the name and the identifier at the last sign-in in this browser. */
export type RememberedAccount = ShownAccount & {
  id: UserId;
  /** The first page of that sign-in; where it is closed since, the one that policy puts first. */
  way: Way;
  /** NumericDate of it. */
  at: number;
};

/** In the cookie, to be short. */
type Row = [id: UserId, identifier: string, name: string | null, way: Way, at: number];

type Dependencies = {
  clock: Clock;
  keyRing: Pick<KeyRing, 'seal' | 'open'>;
  policies: Policies<'signIn'>;
  ways: Pick<Ways, 'open' | 'isOpen'>;
  cookies: Pick<BrowserCookies, 'rememberedCookie' | 'deviceCookie' | 'holdDevice'>;
};

/**
 * The accounts that a browser remembers, in one cookie: sealed under the key ring, and bound to the device cookie of this browser, so
 * that it opens in no other. The server stores nothing, and no page learns from the cookie what the account is today.
 */
export class RememberedAccounts {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The accounts of this browser, the last one used at the front; none while the setting is off, or for a cookie of another browser. */
  list(ctx: CookieContext): readonly RememberedAccount[] {
    const { clock, policies, ways, cookies } = this.#deps;
    const sealed = cookies.rememberedCookie.read(ctx);
    const device = cookies.deviceCookie.read(ctx);
    if (!sealed || !device || !policies.for(instance).signIn.rememberAccounts) return [];
    const earliest = epochSeconds(clock) - ACCOUNT_REMEMBERED_FOR / SECOND;
    return this.#open(sealed, device)
      .map(([id, identifier, name, way, at]) => ({
        id,
        identifier,
        name,
        way: ways.isOpen(way) ? way : ways.open[0],
        at,
      }))
      .filter(({ at }) => at > earliest);
  }

  /**
   * After a sign-in. `keep`: true where it was to be kept, false where it was not, so that the account is forgotten; null where
   * nothing was asked, so that an account that is remembered stays so. `way` is null where the first factor has no page.
   */
  note(
    ctx: CookieContext,
    user: Pick<User, 'id' | 'email' | 'username' | 'profile'>,
    { keep, way }: { keep: boolean | null; way: Way | null },
  ): void {
    const known = this.list(ctx);
    const { id } = user;
    const before = known.find((account) => account.id === id);
    const others = known.filter((account) => account !== before);
    if (keep === false || (keep === null && before === undefined)) {
      if (before !== undefined) this.#write(ctx, others);
      return;
    }
    const at = epochSeconds(this.#deps.clock);
    this.#write(ctx, [{ id, ...shown(user), way: way ?? before?.way ?? 'password', at }, ...others]);
  }

  /** The owner has another address or name since, and is signed in here. */
  update(ctx: CookieContext, user: Pick<User, 'id' | 'email' | 'username' | 'profile'>): void {
    const { id } = user;
    const { identifier, name } = shown(user);
    const known = this.list(ctx);
    const isOld = known.some((each) => each.id === id && (each.identifier !== identifier || each.name !== name));
    if (isOld)
      this.#write(
        ctx,
        known.map((each) => (each.id === id ? { ...each, identifier, name } : each)),
      );
  }

  forget(ctx: CookieContext, id: string): void {
    this.#write(
      ctx,
      this.list(ctx).filter((account) => account.id !== id),
    );
  }

  #write(ctx: CookieContext, accounts: readonly RememberedAccount[]): void {
    const { cookies, keyRing, policies } = this.#deps;
    if (!policies.for(instance).signIn.rememberAccounts) return;
    const rows = accounts
      .slice(0, MOST_REMEMBERED)
      .map(({ id, identifier, name, way, at }): Row => [id, identifier, name, way, at]);
    while (rows.length > 1 && Buffer.byteLength(JSON.stringify(rows)) > LARGEST_REMEMBERED) rows.pop();
    if (rows.length === 0) return cookies.rememberedCookie.clear(ctx);
    cookies.rememberedCookie.write(ctx, keyRing.seal(JSON.stringify(rows), placeOf(cookies.holdDevice(ctx))));
  }

  #open(sealed: string, device: string): readonly Row[] {
    if (sealed.length > 2 * LARGEST_REMEMBERED) return [];
    try {
      return JSON.parse(this.#deps.keyRing.open(sealed, placeOf(device))) as Row[];
    } catch (error) {
      if (error instanceof SealError) return [];
      throw error;
    }
  }
}

/** The version is a part of the place: another form of the rows would open in no older process. */
const placeOf = (device: string): string => `remembered-accounts.1:${device}`;

function shown(user: Pick<User, 'email' | 'username' | 'profile'>): ShownAccount {
  const { name, identifier } = shownAccount(user);
  return { name: name?.slice(0, LONGEST_REMEMBERED_NAME) ?? null, identifier };
}

/** The one with this identifier, as a user may have typed it. */
export function rememberedAs(
  accounts: readonly RememberedAccount[],
  identifier: string | null,
): RememberedAccount | null {
  const typed = accounts.length === 0 ? null : canonicalIdentifier(identifier ?? '');
  return (typed && accounts.find((account) => canonicalIdentifier(account.identifier) === typed)) || null;
}
