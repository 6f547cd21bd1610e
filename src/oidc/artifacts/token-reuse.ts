import type { AdapterPayload } from 'oidc-provider';
import type { Kind } from './artifact-store.ts';

/** Single-use artifacts that are exchanged for tokens. */
const exchanged: ReadonlySet<Kind> = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode']);

type Shown = { grantId: string | undefined; accountId: string | undefined; isUsed: boolean };

/**
 * Requests in which a code or a refresh token was shown a second time (RFC 9700 §4.14.2). The adapter knows them by what is stored: what
 * was read had been consumed and the engine then revoked its grant, or another request used it up first. Of many requests, the one that
 * ended the grant counts. The words in which the engine refuses play no part.
 */
export class Reuse {
  readonly #request: () => object | undefined;
  readonly #shown = new WeakMap<object, Shown>();
  readonly #detected = new WeakSet<object>();

  constructor(request: () => object | undefined) {
    this.#request = request;
  }

  /** Something was read. That it had been consumed proves nothing yet: the engine may refuse it because it is of another client. */
  shown(kind: Kind, { grantId, accountId, consumed }: AdapterPayload): void {
    const request = this.#request();
    if (request && exchanged.has(kind)) this.#shown.set(request, { grantId, accountId, isUsed: Boolean(consumed) });
  }

  /** The engine ended a grant; of several requests that do so at once it is the first. */
  ended(grantId: string): void {
    const request = this.#request();
    const shown = request && this.#shown.get(request);
    if (shown?.isUsed && shown.grantId === grantId) this.#detected.add(request!);
  }

  /** Another request was first, and the store revoked the grant for this one. */
  lost(kind: Kind): void {
    const request = this.#request();
    if (request && exchanged.has(kind)) this.#detected.add(request);
  }

  /** The owner of a code or token that a request reused; null without reuse. */
  of(request: object): { accountId: string | undefined } | null {
    return this.#detected.has(request) ? { accountId: this.#shown.get(request)?.accountId } : null;
  }
}
