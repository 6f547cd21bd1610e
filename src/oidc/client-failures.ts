import { type Clock, MINUTE, SECOND } from '#kernel/clock.ts';
import { addressKey } from '#kernel/http/address.ts';
import type { Throttle } from '#kernel/throttle.ts';

const WINDOW = 5 * MINUTE;
/** Suspects remembered by this process; who falls out is counted again with the next failure. */
const MOST_SUSPECTS = 10_000;

/** One try of a client to prove who it is. */
export type Attempt = { settle(isProven: boolean): Promise<void> };
export type AttemptOutcome = { attempt: Attempt } | { retryAfter: number };

/**
 * Wrong proofs of one client from one address (IPv6: one /64) in five minutes. Every try of somebody who failed before is
 * counted before it is judged, over all nodes; whoever never failed costs nothing, except that no more than the limit may be
 * under way at once, so that a burst is no way around it.
 */
export class ClientFailures {
  readonly #clock: Clock;
  readonly #throttle: Pick<Throttle, 'consume' | 'refund'>;
  readonly #points: () => number;
  readonly #suspects = new Map<string, number>();
  readonly #pending = new Map<string, number>();

  constructor(clock: Clock, throttle: Pick<Throttle, 'consume' | 'refund'>, points: () => number) {
    this.#clock = clock;
    this.#throttle = throttle;
    this.#points = points;
  }

  /** `clientId` is null for one that does not exist: those are counted together. */
  async begin(clientId: string | null, ip: string): Promise<AttemptOutcome> {
    const key = `${clientId ?? ''} ${addressKey(ip)}`;
    const policy = { name: 'client-failures', points: this.#points(), duration: WINDOW };
    const isSuspect = this.#isSuspect(key);
    if (isSuspect) {
      const outcome = await this.#throttle.consume(policy, key);
      if (!outcome.allowed) return { retryAfter: outcome.retryAfter };
    } else if ((this.#pending.get(key) ?? 0) >= policy.points) return { retryAfter: 1 };
    this.#pending.set(key, (this.#pending.get(key) ?? 0) + 1);

    const settle = async (isProven: boolean): Promise<void> => {
      const left = (this.#pending.get(key) ?? 1) - 1;
      if (left > 0) this.#pending.set(key, left);
      else this.#pending.delete(key);
      if (isProven) return isSuspect ? this.#throttle.refund(policy, key) : undefined;
      this.#suspect(key);
      if (!isSuspect) await this.#throttle.consume(policy, key);
    };
    return { attempt: { settle } };
  }

  #isSuspect(key: string): boolean {
    const until = this.#suspects.get(key);
    if (until === undefined) return false;
    if (until > this.#now()) return true;
    this.#suspects.delete(key);
    return false;
  }

  #suspect(key: string): void {
    this.#suspects.delete(key);
    this.#suspects.set(key, this.#now() + WINDOW + SECOND);
    const [oldest] = this.#suspects.keys();
    if (this.#suspects.size > MOST_SUSPECTS && oldest !== undefined) this.#suspects.delete(oldest);
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}
