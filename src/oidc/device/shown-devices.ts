import { randomBytes } from 'node:crypto';
import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, SealError } from '#kernel/crypto.ts';
import { type BrowserCookies, browserCookies } from '#kernel/http/cookies.ts';
import { SHOWN_DEVICE_KNOWN_FOR } from '../lifetimes.ts';
import { MOST_SHOWN_DEVICES } from '../limits.ts';

type CookieContext = Parameters<BrowserCookies['write']>[0] & Parameters<BrowserCookies['readAll']>[0];

/** The request of a device: a handle of its device code, and the user code as the device shows it. */
export type ShownDevice = { handle: string; userCode: string };
type Kept = ShownDevice & { until: number };

/** Of the name of a cookie, which says nothing. */
const NAME_BYTES = 8;

/**
 * Which request of a device each confirmation page of a browser is about: a page has an address of its own, in which no code stands.
 * The code travels in a cookie, encrypted and bound to the session that claimed it.
 */
export class ShownDevices {
  readonly #cookies: BrowserCookies;
  readonly #keyRing: Pick<KeyRing, 'seal' | 'open'>;
  readonly #clock: Clock;

  constructor({ issuer, keyRing, clock }: { issuer: URL; keyRing: Pick<KeyRing, 'seal' | 'open'>; clock: Clock }) {
    this.#cookies = browserCookies(issuer, 'device', { maxAge: SHOWN_DEVICE_KNOWN_FOR });
    this.#keyRing = keyRing;
    this.#clock = clock;
  }

  /** Keeps the request for this browser, and answers with the name of its page. */
  keep(ctx: CookieContext, session: string, device: ShownDevice): string {
    const known = this.#all(ctx, session);
    const same = known.find(([, { handle }]) => handle === device.handle);
    if (same) return same[0];
    for (const [oldest] of known.slice(0, Math.max(0, known.length + 1 - MOST_SHOWN_DEVICES)))
      this.#cookies.clear(ctx, oldest);
    const page = randomBytes(NAME_BYTES).toString('base64url');
    const kept: Kept = { ...device, until: this.#clock.now().valueOf() + SHOWN_DEVICE_KNOWN_FOR };
    this.#cookies.write(ctx, page, this.#keyRing.seal(JSON.stringify(kept), placeOf(page, session)));
    return page;
  }

  /** The device request of the page; null when this session has no such page, or had it too long ago. */
  find(ctx: CookieContext, session: string, page: string): ShownDevice | null {
    return this.#all(ctx, session).find(([known]) => known === page)?.[1] ?? null;
  }

  /** The name of the page about a request; null when this session has none. */
  pageOf(ctx: CookieContext, session: string, isMeant: (device: ShownDevice) => boolean): string | null {
    return this.#all(ctx, session).find(([, device]) => isMeant(device))?.[0] ?? null;
  }

  /** The oldest first. */
  #all(ctx: CookieContext, session: string): readonly (readonly [string, Kept])[] {
    const now = this.#clock.now().valueOf();
    return this.#cookies
      .readAll(ctx)
      .flatMap(([page, sealed]) => {
        const kept = this.#open(page, session, sealed);
        return kept !== null && kept.until > now ? [[page, kept] as const] : [];
      })
      .sort(([, a], [, b]) => a.until - b.until);
  }

  #open(page: string, session: string, sealed: string): Kept | null {
    try {
      return JSON.parse(this.#keyRing.open(sealed, placeOf(page, session))) as Kept;
    } catch (error) {
      if (error instanceof SealError) return null;
      throw error;
    }
  }
}

const placeOf = (page: string, session: string): string => `shown-device:${page}:${session}`;
