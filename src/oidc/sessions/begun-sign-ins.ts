import { createHash, createHmac, type KeyObject } from 'node:crypto';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { type Clock, epochSeconds, SECOND } from '#kernel/clock.ts';
import { equalSecrets, type KeyRing } from '#kernel/crypto.ts';
import type { Context, Middleware } from '#kernel/http/context.ts';
import { type BrowserCookies, browserCookies } from '#kernel/http/cookies.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { pathOf } from '../artifacts/open-sign-ins.ts';
import { isSignInExpired, signInExpired } from '../errors.ts';
import { GONE_SIGN_IN_KNOWN_FOR, SIGN_IN_LIFETIME } from '../lifetimes.ts';
import { LONGEST_CLIENT_ID, MOST_BEGUN_SIGN_INS } from '../limits.ts';

/** Ids of the engine: 256 random bits. */
const uidText = /^[\w-]{40,64}$/;
const valueText = /^(?<content>(?<at>[\da-z]{1,9})\.(?<request>[\w-]{12}))\.(?<given>[\w-]{22})$/;
const askerText = /^(?<content>(?<kind>[adAD])(?<client>[\w-]*))\.(?<given>[\w-]{22})$/;

type Begun = {
  uid: string;
  /** NumericDate. */
  at: number;
  request: string;
};
type Asker = {
  /** Of the application; null where it is not known. */
  clientId: string | null;
  /** Begun for a device without a browser. */
  isForDevice: boolean;
  /** The application, or the device, has its answer. */
  isAnswered: boolean;
};
type Readable = Parameters<BrowserCookies['readAll']>[0];
/** A question of the engine. */
type Asked = { uid: string; cid: string; returnTo: string; params: Readonly<Record<string, unknown>> };

/**
 * The list of sign-ins that this browser began. The engine binds a sign-in to cookies with paths, which cannot have the
 * prefix `__Host-`, so a sibling host can plant an attacker's cookies. Only this host can write this list.
 *
 * The list is one cookie for each sign-in: answers to requests that were sent at once would overwrite a common one. A second one
 * says who asked for it: nodes of the previous release, which may run at the same time, read the first by its exact form.
 */
export class BegunSignIns {
  readonly #clock: Clock;
  readonly #cookies: BrowserCookies;
  readonly #askers: BrowserCookies;
  readonly #keys: readonly KeyObject[];

  constructor({ issuer, clock, keyRing }: { issuer: URL; clock: Clock; keyRing: Pick<KeyRing, 'deriveKeys'> }) {
    this.#clock = clock;
    this.#cookies = browserCookies(issuer, 'begun', { maxAge: GONE_SIGN_IN_KNOWN_FOR });
    this.#askers = browserCookies(issuer, 'asker', { maxAge: GONE_SIGN_IN_KNOWN_FOR });
    this.#keys = keyRing.deriveKeys('begun-sign-ins');
  }

  isBegunHere(ctx: Readable, uid: string): boolean {
    return this.#list(ctx).some((begun) => begun.uid === uid);
  }

  /** Sign-ins that this browser began, kept for longer than they stay open. */
  find(ctx: Readable, uid: string): (Begun & Asker & { isOver: boolean }) | null {
    const begun = this.#all(ctx).find((each) => each.uid === uid);
    return begun ? { ...begun, ...this.#askerOf(ctx, uid), isOver: begun.at < this.#earliest() } : null;
  }

  /** Later prompts of the engine for the same authorization request. The newest comes first. */
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
      try {
        await next();
      } catch (error) {
        const [later] = resumed !== null && isSignInExpired(error) ? this.laterOfSameRequest(ctx, resumed) : [];
        if (later === undefined) throw error;
        return seeOther(ctx, `/interaction/${later}`);
      }
      const begun = (ctx as unknown as Partial<KoaContextWithOIDC>).oidc?.entities.Interaction;
      if (resumed !== null) this.#noteAnswer(ctx, resumed);
      if (begun !== undefined && begun.uid !== resumed) this.#add(ctx, begun);
      return undefined;
    };
  }

  #add(ctx: Context, { uid, cid, returnTo, params }: Asked): void {
    const list = this.#all(ctx);
    for (const { uid: oldest } of list.slice(0, Math.max(0, list.length + 1 - MOST_BEGUN_SIGN_INS))) {
      this.#cookies.clear(ctx, oldest);
      this.#askers.clear(ctx, shortened(oldest));
    }
    const clientId = String(params['client_id'] ?? '');
    const client = clientId.length > LONGEST_CLIENT_ID ? '' : Buffer.from(clientId).toString('base64url');
    const kind = resumedKind(pathOf(returnTo, uid)) === 'device' ? 'd' : 'a';
    this.#cookies.write(ctx, uid, this.#signed(uid, `${epochSeconds(this.#clock).toString(36)}.${requestOf(cid)}`));
    this.#askers.write(ctx, shortened(uid), this.#signed(uid, `${kind}${client}`));
  }

  #noteAnswer(ctx: Context, uid: string): void {
    const { clientId, isForDevice } = this.#askerOf(ctx, uid);
    const client = Buffer.from(clientId ?? '').toString('base64url');
    this.#askers.write(ctx, shortened(uid), this.#signed(uid, `${isForDevice ? 'D' : 'A'}${client}`));
  }

  /** Those that may still be open. */
  #list(ctx: Readable): Begun[] {
    const earliest = this.#earliest();
    return this.#all(ctx).filter(({ at }) => at >= earliest);
  }

  #earliest(): number {
    return epochSeconds(this.#clock) - SIGN_IN_LIFETIME / SECOND;
  }

  /** Valid entries in the browser's cookies, the oldest first. */
  #all(ctx: Readable): Begun[] {
    const earliest = epochSeconds(this.#clock) - GONE_SIGN_IN_KNOWN_FOR / SECOND;
    return this.#cookies
      .readAll(ctx)
      .flatMap(([uid, value]) => this.#read(uid, value) ?? [])
      .filter(({ at }) => at >= earliest)
      .sort((a, b) => a.at - b.at);
  }

  #read(uid: string, value: string): Begun | null {
    const { content, at, request, given } = valueText.exec(value)?.groups ?? {};
    if (!uidText.test(uid) || !at || !request || !this.#isSigned(uid, content, given)) return null;
    return { uid, at: Number.parseInt(at, 36), request };
  }

  #askerOf(ctx: Readable, uid: string): Asker {
    for (const [member, value] of this.#askers.readAll(ctx)) {
      const { content, kind, client, given } = askerText.exec(value)?.groups ?? {};
      if (member !== shortened(uid) || !this.#isSigned(uid, content, given)) continue;
      return {
        clientId: client ? Buffer.from(client, 'base64url').toString() : null,
        isForDevice: kind?.toLowerCase() === 'd',
        isAnswered: kind === kind?.toUpperCase(),
      };
    }
    return { clientId: null, isForDevice: false, isAnswered: false };
  }

  #signed(uid: string, content: string): string {
    return `${content}.${mac(this.#keys[0]!, uid, content)}`;
  }

  #isSigned(uid: string, content: string | undefined, given: string | undefined): boolean {
    if (content === undefined || given === undefined) return false;
    return this.#keys.some((key) => equalSecrets(mac(key, uid, content), given));
  }
}

/** 66 bits: all cookies of a browser have to fit in the 8 kB that proxies take. The value is bound to the whole id. */
const shortened = (uid: string): string => uid.slice(0, 11);

/** 128 bits. */
function mac(key: KeyObject, uid: string, content: string): string {
  return createHmac('sha256', key).update(`${uid}.${content}`).digest('base64url').slice(0, 22);
}

/** The engine gives all questions of an authorization request one `cid`. */
function requestOf(cid: string): string {
  return createHash('sha256').update(cid).digest('base64url').slice(0, 12);
}

const resumePath = /^\/oidc\/(auth|device)\/([^/]+)$/;

function resumedUid(path: string): string | null {
  const uid = resumePath.exec(path)?.[2];
  return uid === undefined || path === '/oidc/device/auth' ? null : uid;
}

const resumedKind = (path: string): string | undefined => resumePath.exec(path)?.[1];
