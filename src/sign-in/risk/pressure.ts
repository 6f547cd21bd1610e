import { HOUR, MINUTE } from '#kernel/clock.ts';
import { addressKey } from '#kernel/http/address.ts';
import type { Throttle, ThrottlePolicy } from '#kernel/throttle.ts';
import { instance, type Policies } from '#settings/module.ts';
import { canonicalIdentifier } from '#directory/users/module.ts';

/** The IP address of a try, if known, and the account, whether or not it exists. */
type Trial = { ip: string | undefined; identifier: string };

/**
 * Detects guessing: from an IP address, at an account, or on the whole instance. It never refuses, it is only a reason to ask
 * for more, so it may be forgotten; an account that does not exist is guessed at like any other.
 */
export class Pressure {
  readonly #throttle: Throttle;
  readonly #policies: Policies<'risk' | 'limits'>;

  constructor(throttle: Throttle, policies: Policies<'risk' | 'limits'>) {
    this.#throttle = throttle;
    this.#policies = policies;
  }

  async noteFailure({ ip, identifier }: Trial): Promise<void> {
    for (const [policy, key] of this.#floods(ip)) await this.#throttle.consume(policy, key);
    await this.#throttle.consume(this.#accountPolicy(), accountKey(identifier));
  }

  /** Whether a proof of work is asked for at this address now. An account by itself is guarded by its own waits. */
  async isOn(ip: string): Promise<boolean> {
    const { proofOfWork } = this.#policies.for(instance).risk;
    if (proofOfWork !== 'pressure') return proofOfWork === 'always';
    return this.#throttle.isUsedUp(...this.#floods(ip));
  }

  /** Whether an account had many failures recently, from any browser. */
  async hasManyFailures(identifier: string): Promise<boolean> {
    return this.#throttle.isUsedUp([this.#accountPolicy(), accountKey(identifier)]);
  }

  #floods(ip: string | undefined): [ThrottlePolicy, string][] {
    const { risk, limits } = this.#policies.for(instance);
    const { failuresPerMinute, failuresPerAddress = Math.ceil(2.5 * limits.passwordFailuresPerAddress) } = risk;
    const policy = { name: 'pressure-address', points: failuresPerAddress, duration: 15 * MINUTE };
    return [
      ...(ip === undefined ? [] : [[policy, addressKey(ip)] satisfies [ThrottlePolicy, string]]),
      [{ name: 'pressure-instance', points: failuresPerMinute, duration: MINUTE }, 'all'],
    ];
  }

  #accountPolicy(): ThrottlePolicy {
    return { name: 'pressure-account', points: this.#policies.for(instance).risk.failuresPerAccount, duration: HOUR };
  }
}

const accountKey = (identifier: string): string => canonicalIdentifier(identifier) ?? identifier;
