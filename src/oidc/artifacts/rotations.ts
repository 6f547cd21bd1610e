import { createHmac, type KeyObject } from 'node:crypto';
import type { Middleware } from 'koa';
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type Clock, fromNow, SECOND } from '#kernel/clock.ts';
import { type KeyRing, sha256 } from '#kernel/crypto.ts';
import { retryAfter } from '#kernel/http/problem.ts';
import type { Found, Rotation } from './artifact-store.ts';
import { mark } from './token-marks.ts';

type Dependencies = {
  clock: Clock;
  keyRing: Pick<KeyRing, 'deriveKeys'>;
  request: () => KoaContextWithOIDC | undefined;
  /** Seconds in which the client may use a refresh token again. */
  graceOf(client: Client, accountId: string | undefined): number;
};

type Refresh = {
  /** The time after which a used token may be answered again. */
  since: Date;
  /** The hash of the successor, if the token was used before. */
  known: Buffer | null;
  successor: string | null;
};

/** RFC 6585 §4. No code of RFC 6749 §5.2 says so; the family does not end, and its successor goes on. */
class TooManyRepeats extends errors.OIDCProviderError {
  override error_description = 'the refresh token was used too often; use its successor';

  constructor() {
    super(429, 'temporarily_unavailable');
  }
}

/**
 * Rotation of refresh tokens with a grace (RFC 9700 §4.14.2): the successor of a token is its MAC under a key of the ring, so that each node
 * can answer a repeated request with the same successor, and hashes alone are stored.
 */
export class Rotations {
  readonly #deps: Dependencies;
  /** One for each secret of the ring. A successor is made with the first, and found again with any of them. */
  readonly #keys: readonly KeyObject[];
  readonly #refreshes = new WeakMap<object, Refresh>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    this.#keys = dependencies.keyRing.deriveKeys('successor of a refresh token');
  }

  /**
   * A refresh token was read. True if it was used so lately that it may be answered again, and its successor was not used: it is then treated
   * like an unused one until the answer is written.
   */
  async read(
    { consumedAt, successorHash = null, payload }: Found,
    find: (idHash: Buffer) => Promise<Found | null>,
  ): Promise<boolean> {
    const ctx = this.#deps.request();
    if (ctx?.oidc.route !== 'token' || ctx.oidc.params?.['grant_type'] !== 'refresh_token') return false;
    const { client } = ctx.oidc;
    const seconds = client ? this.#deps.graceOf(client, payload['accountId'] as string | undefined) : 0;
    if (seconds === 0) return false;
    // The clock of the node that answers decides, as for every other time of a token.
    const refresh: Refresh = { since: fromNow(this.#deps.clock, -seconds * SECOND), known: null, successor: null };
    this.#refreshes.set(ctx, refresh);
    if (!consumedAt || !successorHash || consumedAt <= refresh.since) return false;
    const next = await find(successorHash);
    if (next === null || next.consumedAt) return false;
    refresh.known = successorHash;
    return true;
  }

  /**
   * The engine uses a refresh token, after all checks; undefined where no use may be answered again. Throws `invalid_grant` if the successor
   * was made under a secret that is not in the ring here: it cannot be named, and the grant does not end.
   */
  begin(token: string): Rotation | undefined {
    const ctx = this.#deps.request();
    const refresh = ctx && this.#refreshes.get(ctx);
    if (!refresh) return undefined;
    const { since, known } = refresh;
    refresh.successor = known ? this.#named(token, known) : successorOf(token, this.#keys[0]!);
    return { successorHash: sha256(refresh.successor), since, isRepeat: known !== null };
  }

  /** The next refresh token of the current request; null if any will do. */
  successor(): string | null {
    const ctx = this.#deps.request();
    return (ctx && this.#refreshes.get(ctx)?.successor) ?? null;
  }

  /** Another request was first, and this is the successor that it stored. Throws as `begin`. */
  repeated(token: string, successorHash: Buffer): void {
    const ctx = this.#deps.request();
    const refresh = ctx && this.#refreshes.get(ctx);
    if (refresh) refresh.successor = this.#named(token, successorHash);
  }

  /** It was answered again too often. */
  refuse(): never {
    this.#deps.request()?.set(retryAfter(1));
    throw new TooManyRepeats();
  }

  /** Around the engine: nodes may have different first secrets while the ring is changed, so the stored successor is the answer. */
  middleware(): Middleware {
    return async (ctx, next) => {
      await next();
      const successor = this.#refreshes.get(ctx)?.successor;
      const body = ctx.body as { refresh_token?: string } | undefined;
      if (successor && ctx.status === 200 && body?.refresh_token !== undefined) body.refresh_token = successor;
    };
  }

  #named(token: string, successorHash: Buffer): string {
    const found = this.#keys.map((key) => successorOf(token, key)).find((text) => sha256(text).equals(successorHash));
    if (found !== undefined) return found;
    throw new errors.InvalidGrant('the successor was made under a secret that is not in the key ring of this node');
  }
}

const successorOf = (token: string, key: KeyObject): string =>
  mark('RefreshToken', createHmac('sha256', key).update(token).digest('base64url'));
