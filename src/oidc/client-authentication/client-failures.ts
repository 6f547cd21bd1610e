import { type Clock, SECOND } from '#kernel/clock.ts';
import { addressKey } from '#kernel/http/address.ts';
import type { Throttle } from '#kernel/throttle.ts';
import { instance, type Policies } from '#settings/module.ts';
import { CLIENT_FAILURE_WINDOW, LONGEST_CLIENT_WAIT, MOST_SUSPECTS } from '../limits.ts';

/** One try of a client to prove who it is. */
export type Attempt = { settle(isProven: boolean): Promise<void> };
/** A try that is under way; what is counted is given back when it turns out right. */
type Open = { isCounted: boolean };
type AttemptOutcome = { attempt: Attempt } | { retryAfter: number };

/**
 * Wrong secrets of one client from one IP address (IPv6: one /64) in five minutes. After a failure every try is
 * counted before it is checked, over all nodes; without a failure nothing is counted, except that no more than the limit are
 * checked at once and the others wait, so that parallel requests do not bypass it.
 */
export class ClientFailures {
  readonly #clock: Clock;
  readonly #throttle: Pick<Throttle, 'consume' | 'refund'>;
  readonly #policies: Policies<'limits'>;
  readonly #suspects = new Map<string, number>();
  readonly #open = new Map<string, Set<Open>>();
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(clock: Clock, throttle: Pick<Throttle, 'consume' | 'refund'>, policies: Policies<'limits'>) {
    this.#clock = clock;
    this.#throttle = throttle;
    this.#policies = policies;
  }

  /** `clientId` is null for one that does not exist: those are counted together. */
  async begin(clientId: string | null, ip: string): Promise<AttemptOutcome> {
    const key = `${clientId ?? ''} ${addressKey(ip)}`;
    const { limits } = this.#policies.for(clientId === null ? instance : { client: clientId });
    const policy = {
      name: 'client-failures',
      points: limits.clientFailuresPerAddress,
      duration: CLIENT_FAILURE_WINDOW,
    };
    const current: Open = { isCounted: false };
    if (!(await this.#enter(key, policy.points, current))) return { retryAfter: 1 };
    if (!current.isCounted && this.#isSuspect(key)) {
      current.isCounted = true;
      const outcome = await this.#throttle.consume(policy, key);
      if (!outcome.allowed) {
        this.#leave(key, current);
        return { retryAfter: outcome.retryAfter };
      }
    }

    const settle = async (isProven: boolean): Promise<void> => {
      if (isProven) {
        this.#leave(key, current);
        return current.isCounted ? this.#throttle.refund(policy, key) : undefined;
      }
      // With the first failure all tries in progress count, before another one is admitted.
      const uncounted = [...(this.#open.get(key) ?? [])].filter(({ isCounted }) => !isCounted);
      for (const open of uncounted) open.isCounted = true;
      const counted = Promise.all(uncounted.map(() => this.#throttle.consume(policy, key)));
      this.#suspect(key);
      this.#leave(key, current);
      await counted;
    };
    return { attempt: { settle } };
  }

  /** Admits a try when less than the limit are in progress, or after a failure: then each try is counted. */
  async #enter(key: string, points: number, current: Open): Promise<boolean> {
    const end = performance.now() + LONGEST_CLIENT_WAIT;
    while (!this.#isSuspect(key) && (this.#open.get(key)?.size ?? 0) >= points) {
      const left = end - performance.now();
      if (left <= 0) return false;
      await this.#turn(key, left);
    }
    this.#open.set(key, (this.#open.get(key) ?? new Set()).add(current));
    return true;
  }

  #leave(key: string, current: Open): void {
    const open = this.#open.get(key);
    open?.delete(current);
    if (open?.size === 0) this.#open.delete(key);
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
    this.#suspects.set(key, this.#now() + CLIENT_FAILURE_WINDOW + SECOND);
    const [oldest] = this.#suspects.keys();
    if (this.#suspects.size > MOST_SUSPECTS && oldest !== undefined) this.#suspects.delete(oldest);
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}
