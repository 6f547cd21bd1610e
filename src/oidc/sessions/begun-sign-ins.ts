import { createHash, createHmac } from 'node:crypto';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { SIGN_IN_LIFETIME } from '../lifetimes.ts';
import { type Clock, epochSeconds, SECOND } from '#kernel/clock.ts';
import { equalSecrets, type KeyRing } from '#kernel/crypto.ts';
import type { Context, Middleware } from '#kernel/http/context.ts';
import { type BrowserCookies, browserCookies } from '#kernel/http/cookies.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { signInExpired } from '../errors.ts';

/** Browsers keep some 180 cookies of a host and drop the oldest; a sign-in takes five, with those of the engine. */
const MOST = 25;
/** Ids of the engine: 256 random bits. */
const uidText = /^[\w-]{40,64}$/;
const valueText = /^([\da-z]{1,9})\.([\w-]{12})\.([\w-]{22})$/;

type Begun = { uid: string; at: number; request: string };
type Readable = Parameters<BrowserCookies['readAll']>[0];

/**
 * The list of sign-ins that this browser began. The engine binds a sign-in to cookies with paths, which cannot have the
 * prefix `__Host-`, so that a sibling host can plant those of an attacker. Nobody but this host can write this list.
 *
 * The list is one cookie for each sign-in: answers to requests that were sent at once would overwrite a common one.
 */
export class BegunSignIns {
  readonly #clock: Clock;
  readonly #cookies: BrowserCookies;
  readonly #keys: readonly Buffer[];

  constructor({ issuer, clock, keyRing }: { issuer: URL; clock: Clock; keyRing: Pick<KeyRing, 'deriveKeys'> }) {
    this.#clock = clock;
    this.#cookies = browserCookies(issuer, 'begun', { maxAge: SIGN_IN_LIFETIME });
    this.#keys = keyRing.deriveKeys('begun-sign-ins');
  }

  isBegunHere(ctx: Readable, uid: string): boolean {
    return this.#list(ctx).some((begun) => begun.uid === uid);
  }

  /** What the engine asked later for the same authorization request: each of its questions is one. The newest comes first. */
  laterOfSameRequest(ctx: Readable, uid: string): readonly string[] {
    const list = this.#list(ctx);
    const at = list.findIndex((begun) => begun.uid === uid);
    const later = list.slice(at + 1).filter((begun) => begun.request === list[at]?.request);
    return later.map((begun) => begun.uid).toReversed();
  }

  /**
   * Writes what the engine begins into the list, and refuses to resume (410) what is not in it. A sign-in that is resumed twice goes on
   * at the question that came of the first time.
   */
  middleware(): Middleware {
    return async (ctx, next) => {
      const resumed = resumedUid(ctx.path);
      if (resumed !== null && !this.isBegunHere(ctx, resumed)) throw signInExpired();
      await next();
      const begun = (ctx as unknown as Partial<KoaContextWithOIDC>).oidc?.entities.Interaction;
      if (begun !== undefined && begun.uid !== resumed) this.#add(ctx, begun);
      const [later] = resumed !== null && begun === undefined ? this.laterOfSameRequest(ctx, resumed) : [];
      if (later !== undefined && ctx.status === 400) seeOther(ctx, `/interaction/${later}`);
    };
  }

  #add(ctx: Context, { uid, cid }: { uid: string; cid: string }): void {
    const list = this.#list(ctx);
    for (const { uid: oldest } of list.slice(0, Math.max(0, list.length + 1 - MOST))) this.#cookies.clear(ctx, oldest);
    const content = `${epochSeconds(this.#clock).toString(36)}.${requestOf(cid)}`;
    this.#cookies.write(ctx, uid, `${content}.${mac(this.#keys[0]!, uid, content)}`);
  }

  /** What the browser sent and this server wrote, the oldest first. */
  #list(ctx: Readable): Begun[] {
    const earliest = epochSeconds(this.#clock) - SIGN_IN_LIFETIME / SECOND;
    return this.#cookies
      .readAll(ctx)
      .flatMap(([uid, value]) => this.#read(uid, value) ?? [])
      .filter(({ at }) => at >= earliest)
      .sort((a, b) => a.at - b.at);
  }

  #read(uid: string, value: string): Begun | null {
    const [, at, request, given] = valueText.exec(value) ?? [];
    if (!uidText.test(uid) || at === undefined || request === undefined || given === undefined) return null;
    const isOurs = this.#keys.some((key) => equalSecrets(mac(key, uid, `${at}.${request}`), given));
    return isOurs ? { uid, at: Number.parseInt(at, 36), request } : null;
  }
}

/** 128 bits. */
function mac(key: Buffer, uid: string, content: string): string {
  return createHmac('sha256', key).update(`${uid}.${content}`).digest('base64url').slice(0, 22);
}

/** The engine gives all questions of an authorization request one `cid`. */
function requestOf(cid: string): string {
  return createHash('sha256').update(cid).digest('base64url').slice(0, 12);
}

function resumedUid(path: string): string | null {
  const [, uid] = /^\/oidc\/(?:auth|device)\/([^/]+)$/.exec(path) ?? [];
  return uid === undefined || path === '/oidc/device/auth' ? null : uid;
}
