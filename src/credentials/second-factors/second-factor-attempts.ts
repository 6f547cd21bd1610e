import { type AuditLog, type By, byVisitor } from '#audit/module.ts';
import { DAY, SECOND } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { UserId } from '#directory/users/module.ts';
import type { AttemptCounter, AttemptPolicy } from '../attempts.ts';
import type { KnownDevices } from '../trusted-devices/known-device.ts';
import type { TellOwner } from './second-factor-notice.ts';
import { MOST_WRONG_CODES, SECOND_FACTOR_DELAYS } from '../limits.ts';
import { userSecondFactorBlocked } from '../events.ts';

export type FactorOutcome = { kind: 'verified' } | { kind: 'wrong' } | { kind: 'throttled'; until: Date | null };

/** The policy of wrong second-factor codes: `free` tries, then growing delays, then none. */
export const secondFactorPolicy = (free: number): AttemptPolicy => ({
  free,
  maximum: Math.max(MOST_WRONG_CODES, free),
  delays: SECOND_FACTOR_DELAYS,
});

/**
 * All browsers together that the account knows: fifty wrong codes, then one a day. Bounds an intruder who signed in from many
 * browsers before there was a second factor.
 */
export const knownTogetherPolicy = (free: number): AttemptPolicy => {
  const most = Math.max(50, free);
  return { free: most, maximum: 2 * most, delays: [DAY / SECOND] };
};

type Dependencies = {
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  attempts: Pick<AttemptCounter, 'take' | 'succeed' | 'release'>;
  /** Counts all known browsers together. */
  knownTogether: Pick<AttemptCounter, 'take' | 'succeed' | 'release'>;
  knownDevices: Pick<KnownDevices, 'counterOf'>;
  /** Wrong codes before the first wait. */
  free: () => number;
  tellOwner: TellOwner;
};

/**
 * The counters that every code of a second factor goes through, over all factors and nodes: one for all browsers that the
 * account does not know, one for each that it knows, so that a stranger who has the password cannot lock the owner out.
 * Neither a right password nor another sign-in takes anything back; a right code does.
 */
export class SecondFactorAttempts {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Counts the try, then makes it. */
  async guard(
    userId: UserId,
    { deviceSecret, ...by }: By & { deviceSecret?: string | undefined },
    check: () => Promise<boolean>,
  ): Promise<FactorOutcome> {
    const { attempts, knownTogether, knownDevices } = this.#deps;
    const counter = await knownDevices.counterOf(userId, deviceSecret);
    const key = counterKey(counter);
    const together = counter === userId ? null : togetherKey(userId);
    const take = await attempts.take(key);
    if (!take.allowed) return { kind: 'throttled', until: take.until };
    const takeTogether = together === null ? take : await knownTogether.take(together);
    if (!takeTogether.allowed) return { kind: 'throttled', until: takeTogether.until };
    if (await check()) {
      await attempts.succeed(key);
      if (together !== null) await knownTogether.succeed(together);
      return { kind: 'verified' };
    }
    if (take.failures === this.#deps.free()) await this.#warn(userId, by);
    return { kind: 'wrong' };
  }

  /** Forgets the failures: when an operator took all factors away. */
  async forget(userId: UserId): Promise<void> {
    await this.#deps.attempts.succeed(counterKey(userId));
    await this.#deps.knownTogether.succeed(togetherKey(userId));
  }

  /** The same, and says what they were: of browsers that the account does not know, and of those that it knows, together. */
  async release(em: EntityManager, userId: UserId) {
    return {
      unknown: await this.#deps.attempts.release(em, counterKey(userId)),
      known: await this.#deps.knownTogether.release(em, togetherKey(userId)),
    };
  }

  async #warn(userId: UserId, { visitor }: By): Promise<void> {
    await this.#deps.database.transaction(async (em) => {
      await this.#deps.audit.record(
        em,
        userSecondFactorBlocked({
          ...byVisitor(visitor),
          subject: { type: 'user', id: userId },
          outcome: 'failure',
        }),
      );
      await this.#deps.tellOwner(em, { kind: 'tries_used_up', userId, visitor });
    });
  }
}

const counterKey = (counter: string) => `second-factor:${counter}`;
const togetherKey = (userId: UserId) => `second-factor-known:${userId}`;
