import { randomSecret } from '#kernel/crypto.ts';
import type { Clock } from '#kernel/clock.ts';
import type { DemoResultPage } from './result-view.ts';
import { DEMO_SIGN_IN_LIFETIME, MOST_PENDING_SIGN_INS, MOST_VISITS, VISIT_LIFETIME } from './limits.ts';

export type DemoFailure = { error: string; description: string | null };

export type DemoTokens = {
  idToken: string;
  accessToken: string;
  expiresInSeconds: number;
  scope: string;
  refreshToken: string | null;
  claims: Readonly<Record<string, unknown>> & { sub: string };
};

/** State of an authorization request: the values that the response must repeat, and the secrets that stay in this process. */
export type PendingSignIn = { verifier: string; nonce: string; until: number };

/** One browser at the demo. */
export type DemoVisit = {
  /** By `state`: two tabs may sign in at once. */
  pending: Map<string, PendingSignIn>;
  tokens: DemoTokens | null;
  userinfo: Readonly<Record<string, unknown>> | null;
  /** The result of the last request, shown once. */
  news: DemoResultPage['news'];
  failure: DemoFailure | null;
};

/** Kept in memory: the embedded database has one process, and a demo that forgets at a restart loses nothing. */
export class DemoVisits {
  readonly #visits = new Map<string, { visit: DemoVisit; until: number }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  find(secret: string | undefined): DemoVisit | null {
    const kept = secret === undefined ? undefined : this.#visits.get(secret);
    if (secret === undefined || kept === undefined) return null;
    this.#visits.delete(secret);
    if (kept.until <= this.#now()) return null;
    this.#keep(secret, kept.visit);
    return kept.visit;
  }

  /** A secret for the browser's cookie. */
  open(): { secret: string; visit: DemoVisit } {
    const visit: DemoVisit = { pending: new Map(), tokens: null, userinfo: null, news: null, failure: null };
    const secret = randomSecret();
    this.#keep(secret, visit);
    return { secret, visit };
  }

  /** The same visit under another secret, so that a planted secret is useless after a sign-in. */
  renew(old: string, visit: DemoVisit): string {
    this.#visits.delete(old);
    const secret = randomSecret();
    this.#keep(secret, visit);
    return secret;
  }

  end(secret: string): void {
    this.#visits.delete(secret);
  }

  begin(visit: DemoVisit, state: string, { verifier, nonce }: Pick<PendingSignIn, 'verifier' | 'nonce'>): void {
    visit.pending.set(state, { verifier, nonce, until: this.#now() + DEMO_SIGN_IN_LIFETIME });
    dropOldest(visit.pending, MOST_PENDING_SIGN_INS);
  }

  /** The sign-in that this state belongs to, once. */
  take(visit: DemoVisit | null, state: string): PendingSignIn | null {
    const pending = visit?.pending.get(state);
    visit?.pending.delete(state);
    return pending && pending.until > this.#now() ? pending : null;
  }

  /** The visit with the latest request is dropped last. */
  #keep(secret: string, visit: DemoVisit): void {
    this.#visits.set(secret, { visit, until: this.#now() + VISIT_LIFETIME });
    dropOldest(this.#visits, MOST_VISITS);
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
