import { type Clock, MINUTE, SECOND } from '#kernel/clock.ts';
import { addressKey } from '#kernel/http/address.ts';
import type { Throttle } from '#kernel/throttle.ts';

const WINDOW = 5 * MINUTE;
/** How long a try waits for its turn, in milliseconds. */
const LONGEST_WAIT = 2 * SECOND;
/** Suspects remembered by this process; who falls out is counted again with the next failure. */
const MOST_SUSPECTS = 10_000;

/** One try of a client to prove who it is. */
export type Attempt = { settle(isProven: boolean): Promise<void> };
export type AttemptOutcome = { attempt: Attempt } | { retryAfter: number };

/**
 * Wrong proofs of one client from one address (IPv6: one /64) in five minutes. Every try of somebody who failed before is
 * counted before it is judged, over all nodes; whoever never failed costs nothing, except that no more than the limit are
 * judged at once and the others wait for their turn, so that a burst is no way around it.
 */
export class ClientFailures {
  readonly #clock: Clock;
  readonly #throttle: Pick<Throttle, 'consume' | 'refund'>;
  readonly #points: () => number;
  readonly #suspects = new Map<string, number>();
  readonly #pending = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(clock: Clock, throttle: Pick<Throttle, 'consume' | 'refund'>, points: () => number) {
    this.#clock = clock;
    this.#throttle = throttle;
    this.#points = points;
  }

  /** `clientId` is null for one that does not exist: those are counted together. */
  async begin(clientId: string | null, ip: string): Promise<AttemptOutcome> {
    const key = `${clientId ?? ''} ${addressKey(ip)}`;
    const policy = { name: 'client-failures', points: this.#points(), duration: WINDOW };
    if (!(await this.#enter(key, policy.points))) return { retryAfter: 1 };
    const isSuspect = this.#isSuspect(key);
    if (isSuspect) {
      const outcome = await this.#throttle.consume(policy, key);
      if (!outcome.allowed) {
        this.#leave(key);
        return { retryAfter: outcome.retryAfter };
      }
    }

    const settle = async (isProven: boolean): Promise<void> => {
      if (!isProven) this.#suspect(key);
      this.#leave(key);
      if (isProven) return isSuspect ? this.#throttle.refund(policy, key) : undefined;
      if (!isSuspect) await this.#throttle.consume(policy, key);
    };
    return { attempt: { settle } };
  }

  /** Comes in when less than the limit are under way, or when somebody has failed: then each try is counted. */
  async #enter(key: string, points: number): Promise<boolean> {
    const end = performance.now() + LONGEST_WAIT;
    while (!this.#isSuspect(key) && (this.#pending.get(key) ?? 0) >= points) {
      const left = end - performance.now();
      if (left <= 0) return false;
      await this.#turn(key, left);
    }
    this.#pending.set(key, (this.#pending.get(key) ?? 0) + 1);
    return true;
  }

  #leave(key: string): void {
    const left = (this.#pending.get(key) ?? 1) - 1;
    if (left > 0) this.#pending.set(key, left);
    else this.#pending.delete(key);
    this.#waiting.get(key)?.shift()?.();
  }

  async #turn(key: string, milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, waiting);
    waiting.push(resolve);
    const timer = setTimeout(resolve, milliseconds);
    await promise;
    clearTimeout(timer);
    const place = waiting.indexOf(resolve);
    if (place >= 0) waiting.splice(place, 1);
    if (waiting.length === 0) this.#waiting.delete(key);
  }

  #isSuspect(key: string): boolean {
    const until = this.#suspects.get(key);
    if (until === undefined) return false;
    if (until > this.#now()) return true;
    this.#suspects.delete(key);
    return false;
  }

  #suspect(key: string): void {
    for (const wake of this.#waiting.get(key) ?? []) wake();
    this.#suspects.delete(key);
    this.#suspects.set(key, this.#now() + WINDOW + SECOND);
    const [oldest] = this.#suspects.keys();
    if (this.#suspects.size > MOST_SUSPECTS && oldest !== undefined) this.#suspects.delete(oldest);
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}
