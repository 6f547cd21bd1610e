import { createHash } from 'node:crypto';
import { type Clock, fromNow } from '#kernel/clock.ts';
import type { Outbound } from '#kernel/http/outbound.ts';
import type { Log } from '#kernel/log.ts';
import type { Policy } from '#settings/module.ts';
import { BREACH_ANSWER_LIMITS, BREACH_PAUSE } from '../limits.ts';

/** The outcome of a breach check, for the metrics. */
export const breachChecks = ['found', 'not_found', 'failed', 'skipped'] as const;
export type BreachCheck = (typeof breachChecks)[number];

type BreachPolicy = Pick<Policy<'password'>, 'breachCheck' | 'breachUrl'>;

export type BreachDependencies = {
  clock: Clock;
  outbound: Pick<Outbound, 'fetchOk'>;
  log: Pick<Log, 'warn'>;
  counted?: ((outcome: BreachCheck) => void) | undefined;
};

const PREFIX_LENGTH = 5;

/**
 * Passwords known from breaches elsewhere, by k-anonymity: the service receives the first five of forty digits of a SHA-1
 * and answers with all that begin so, padded, so that neither it nor the length of its answer tells which one was meant.
 * Where it does not answer, the local list of common passwords stands alone.
 */
export class BreachedPasswords {
  readonly #deps: BreachDependencies;
  #pausedUntil: Date | null = null;

  constructor(dependencies: BreachDependencies) {
    this.#deps = dependencies;
  }

  /** False also when the check is impossible. */
  async has(password: string, policy: BreachPolicy): Promise<boolean> {
    const outcome = await this.#check(password, policy);
    this.#deps.counted?.(outcome);
    return outcome === 'found';
  }

  async #check(password: string, { breachCheck, breachUrl }: BreachPolicy): Promise<BreachCheck> {
    const { clock, outbound, log } = this.#deps;
    if (!breachCheck || (this.#pausedUntil !== null && clock.now() < this.#pausedUntil)) return 'skipped';
    const digest = createHash('sha1').update(password.normalize('NFC')).digest('hex').toUpperCase();
    try {
      const answer = await outbound.fetchOk(
        `${breachUrl}${digest.slice(0, PREFIX_LENGTH)}`,
        { headers: { 'add-padding': 'true' } },
        BREACH_ANSWER_LIMITS,
      );
      this.#pausedUntil = null;
      return holds(await answer.text(), digest.slice(PREFIX_LENGTH)) ? 'found' : 'not_found';
    } catch (err) {
      this.#pausedUntil = fromNow(clock, BREACH_PAUSE);
      log.warn(
        { err, until: this.#pausedUntil },
        'passwords are checked against the local list alone: no answer about breaches',
      );
      return 'failed';
    }
  }
}

/** Lines of `SUFFIX:COUNT`; padding has a count of 0. */
function holds(range: string, suffix: string): boolean {
  return range.split(/\r?\n/).some((line) => {
    const [found = '', count = ''] = line.trim().split(':');
    return found.toUpperCase() === suffix && Number(count) > 0;
  });
}
