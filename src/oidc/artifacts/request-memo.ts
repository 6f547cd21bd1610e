import type { Found, Kind } from './artifact-store.ts';

/**
 * Rows that one look-up of a request loads for the next one: the engine finds a token, then its session, then its
 * grant. Nothing outlives the request, and what is written is forgotten.
 */
export class RequestMemo {
  readonly #request: () => object | undefined;
  readonly #kept = new WeakMap<object, Map<string, Found | null>>();

  constructor(request: () => object | undefined) {
    this.#request = request;
  }

  keep(kind: Kind, hash: Buffer, found: Found | null): void {
    const request = this.#request();
    if (!request) return;
    const kept = this.#kept.get(request) ?? new Map<string, Found | null>();
    this.#kept.set(request, kept.set(keyOf(kind, hash), found));
  }

  /** Undefined when nothing is known; null when it is known that there is none. */
  recall(kind: Kind, hash: Buffer): Found | null | undefined {
    const request = this.#request();
    return request && this.#kept.get(request)?.get(keyOf(kind, hash));
  }

  /** To be called before a write. */
  forget(): void {
    const request = this.#request();
    if (request) this.#kept.delete(request);
  }
}

const keyOf = (kind: Kind, hash: Buffer): string => `${kind} ${hash.toString('base64url')}`;
