import { Provider } from 'oidc-provider';
import type { Middleware } from 'koa';
import type { Artifact, Batch, Kind, Use, Write, Written } from './artifact-store.ts';

/** Where a sign-in or a code ends: the engine stores the grant, then the code, then the session. */
const endOfSignIn: ReadonlySet<string | undefined> = new Set(['authorization', 'resume']);

const storedTogether: ReadonlySet<Kind> = new Set(['Grant', 'AuthorizationCode', 'AccessToken', 'Session']);
const exchanged: ReadonlySet<Kind> = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode']);
const issued: ReadonlySet<Kind> = new Set(['AccessToken', 'RefreshToken']);

/**
 * The engine's single writes of one request, held back and written at once: all of them succeed
 * together, or none. They are written before any other read or write of the request, and before the response.
 */
export class HeldWrites {
  readonly #write: (batch: Batch) => Promise<Written>;
  readonly #held = new WeakMap<
    object,
    { consumed: Batch['consumed']; puts: Write[]; settle: (outcome: Written) => void }
  >();

  constructor(write: (batch: Batch) => Promise<Written>) {
    this.#write = write;
  }

  /** False where it has to be written now. */
  holdsPut(kind: Kind, artifact: Artifact): boolean {
    const route = Provider.ctx?.oidc.route;
    const isHeld = endOfSignIn.has(route) ? storedTogether.has(kind) : route === 'token' && issued.has(kind);
    if (!isHeld) return false;
    const held = this.#of(Provider.ctx!);
    held.puts = [
      ...held.puts.filter((put) => put.kind !== kind || !put.artifact.idHash.equals(artifact.idHash)),
      { kind, artifact },
    ];
    return true;
  }

  /** `settle` throws what is answered when another request was first. False where it has to be written now. */
  holdsUse(consumed: Use, settle: (outcome: Written) => void): boolean {
    if (Provider.ctx?.oidc.route !== 'token' || !exchanged.has(consumed.kind)) return false;
    Object.assign(this.#of(Provider.ctx), { consumed, settle });
    return true;
  }

  async flush(): Promise<void> {
    const request = Provider.ctx;
    const held = request && this.#held.get(request);
    if (!held) return;
    this.#held.delete(request);
    held.settle(await this.#write(held));
  }

  /** Around the engine: nothing that it answered with is left unwritten, and what it consumed stays so when it then refuses. */
  middleware(): Middleware {
    return async (ctx, next) => {
      await next();
      const held = this.#held.get(ctx);
      if (!held) return;
      this.#held.delete(ctx);
      const outcome = await this.#write(held);
      if (ctx.status < 400) held.settle(outcome);
    };
  }

  #of(request: object) {
    const held = this.#held.get(request) ?? { consumed: null, puts: [], settle: () => undefined };
    this.#held.set(request, held);
    return held;
  }
}
