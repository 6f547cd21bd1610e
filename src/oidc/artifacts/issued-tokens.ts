import type { Artifact, Found } from './artifact-store.ts';
import type { RecentFinds } from './recent-finds.ts';

type Exchange = { code: Found; mark: object; token: { key: string; artifact: Artifact } | null };

/**
 * Access tokens that were issued for a code a moment ago: an application asks for userinfo right after, and the token need not be
 * read for that. It is found with the grant and the session that were read with the code, for as short a time as after a read.
 */
export class IssuedTokens {
  readonly #request: () => object | undefined;
  readonly #recent: Pick<RecentFinds, 'mark' | 'keep'>;
  readonly #exchanges = new WeakMap<object, Exchange>();

  constructor(request: () => object | undefined, recent: Pick<RecentFinds, 'mark' | 'keep'>) {
    this.#request = request;
    this.#recent = recent;
  }

  /** Reads a code. A revocation on this node from now on prevents that its token is cached. */
  async readCode(read: () => Promise<Found | null>): Promise<Found | null> {
    const mark = this.#recent.mark();
    const code = await read();
    const request = this.#request();
    if (request && code?.grant) this.#exchanges.set(request, { code, mark, token: null });
    return code;
  }

  /** A token will be written in one statement with the use of its code. */
  hold(key: string, artifact: Artifact): void {
    const exchange = this.#current();
    if (exchange && isCovered(artifact, exchange.code)) exchange.token = { key, artifact };
  }

  /** The code was used, and what was held is written. */
  keep(): void {
    const { code, mark, token } = this.#current() ?? {};
    if (!code || !mark || !token) return;
    const { idHash, payload, sessionHash } = token.artifact;
    const found = { idHash, payload: JSON.parse(JSON.stringify(payload)) as Found['payload'], consumedAt: null };
    this.#recent.keep(
      token.key,
      { ...found, grant: code.grant!, ...(sessionHash ? { session: code.session! } : {}) },
      mark,
    );
  }

  #current(): Exchange | undefined {
    const request = this.#request();
    return request && this.#exchanges.get(request);
  }
}

/** The grant and the session of the token were read with the code. */
function isCovered({ grantHash, sessionHash, payload }: Artifact, code: Found): boolean {
  if (grantHash === null || !code.grant?.idHash.equals(grantHash)) return false;
  return sessionHash === null || (!!code.session && code.payload['sessionUid'] === payload['sessionUid']);
}
