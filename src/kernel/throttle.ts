/**
 * Named limits on how often something may be tried: counted before the work they guard, over all nodes where there is
 * Redis. While Redis is out each process counts for itself and allows half, so that an outage never lifts a limit.
 * Limits of an account are not here but in PostgreSQL, where they cannot be lost.
 */
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';
import { SECOND } from './clock.ts';
import { sha256 } from './crypto.ts';
import { KEY_PREFIX, RedisUnavailable, type RedisPort } from './redis/port.ts';

export type ThrottlePolicy = Readonly<{
  /** Unique; attempts are counted under it, so that another number of points keeps what was counted. */
  name: string;
  /** Attempts allowed within `duration`. */
  points: number;
  /** Milliseconds, in whole seconds, from the first attempt on. */
  duration: number;
  /**
   * Attempts that a process takes from the shared count at once, for limits with many points; 1 without. Unused ones are lost: no more
   * than `points` are allowed, and at most this many fewer for each process.
   */
  lot?: number;
}>;

type ThrottleOutcome = { allowed: true } | { allowed: false; /** Seconds, at least 1. */ retryAfter: number };

/** `lasting`: milliseconds until the count starts again. `remaining`: attempts that are left, as far as this process knows. */
type Counted = { allowed: true; lasting: number; remaining: number } | Extract<ThrottleOutcome, { allowed: false }>;

/** The rest of a limit after one attempt. */
export type Allowance = {
  allowed: boolean;
  /** Attempts that are left at least. */
  remaining: number;
  /** Seconds until the count starts again, at least 1. */
  resetAfter: number;
};

/** The user or the IP address that is counted. */
type Limited = readonly [ThrottlePolicy, key: string];

export type Throttle = {
  /** Counts one attempt; call it before the work. `key` may be anything, for example `addressKey(ctx.state.ip)`. */
  consume(policy: ThrottlePolicy, key: string): Promise<ThrottleOutcome>;
  /** The same, for callers who are told how much is left. */
  spend(policy: ThrottlePolicy, key: string): Promise<Allowance>;
  /** Whether the points of one of these are gone; counts nothing. */
  isUsedUp(...limits: readonly Limited[]): Promise<boolean>;
  /** Takes one attempt back, because it turned out to be harmless. */
  refund(policy: ThrottlePolicy, key: string): Promise<void>;
  /** Forgets all attempts. */
  reset(policy: ThrottlePolicy, key: string): Promise<void>;
};

/** The most callers whose unused attempts a process remembers. */
const MOST_LOTS = 10_000;

type Options = {
  redis: RedisPort | null;
  /** How many processes share one limit when each counts for itself. */
  processes: number;
};

/** Creates the limits. Without Redis each of the `processes` allows its share of the points. */
export function createThrottle({ redis, processes }: Options): Throttle {
  const limiters = new Map<string, RateLimiterAbstract>();

  function limiter(kind: 'redis' | 'process', { name, points, duration }: ThrottlePolicy): RateLimiterAbstract {
    const id = `${kind} ${name} ${points} ${duration}`;
    let made = limiters.get(id);
    if (!made) {
      const seconds = Math.max(1, Math.ceil(duration / SECOND));
      made =
        kind === 'redis'
          ? new RateLimiterRedis({
              storeClient: redis!.client,
              keyPrefix: KEY_PREFIX + prefixOf(name),
              points,
              duration: seconds,
            })
          : new RateLimiterMemory({
              keyPrefix: name,
              points: Math.max(1, Math.floor(points / (redis ? 2 : processes))),
              duration: seconds,
            });
      limiters.set(id, made);
    }
    return made;
  }

  async function onStore<T>(policy: ThrottlePolicy, work: (limiter: RateLimiterAbstract) => Promise<T>): Promise<T> {
    if (!redis) return work(limiter('process', policy));
    try {
      return await redis.run(() => work(limiter('redis', policy)));
    } catch (error) {
      if (error instanceof RedisUnavailable) return work(limiter('process', policy));
      throw error;
    }
  }

  const lots = new Lots();

  async function count(policy: ThrottlePolicy, key: string, attempts: number): Promise<Counted> {
    try {
      const { msBeforeNext, remainingPoints } = await onStore(policy, (limiter) =>
        limiter.consume(digest(key), attempts),
      );
      return { allowed: true, lasting: msBeforeNext, remaining: Math.max(0, remainingPoints) };
    } catch (outcome) {
      if (!(outcome instanceof RateLimiterRes)) throw outcome;
      return { allowed: false, retryAfter: Math.max(1, Math.ceil(outcome.msBeforeNext / SECOND)) };
    }
  }

  async function isUsedUpHere([policy, key]: Limited): Promise<boolean> {
    const found = await limiter('process', policy).get(digest(key));
    return found !== null && found.remainingPoints <= 0;
  }

  const countOne = (policy: ThrottlePolicy, key: string): Promise<Counted> => {
    const { name, lot = 1 } = policy;
    return lot === 1 ? count(policy, key, 1) : lots.take(`${name} ${key}`, lot, () => count(policy, key, lot));
  };

  return {
    consume: async (policy, key) => {
      const counted = await countOne(policy, key);
      return counted.allowed ? { allowed: true } : counted;
    },
    spend: async (policy, key) => {
      const counted = await countOne(policy, key);
      return counted.allowed
        ? {
            allowed: true,
            remaining: counted.remaining,
            resetAfter: Math.max(1, Math.ceil(counted.lasting / SECOND)),
          }
        : { allowed: false, remaining: 0, resetAfter: counted.retryAfter };
    },
    isUsedUp: async (...limits) => {
      try {
        // In one command: the limiter would ask for each by itself, in four.
        const found = await redis?.getAll(...limits.map(([{ name }, key]) => `${prefixOf(name)}:${digest(key)}`));
        if (found) return limits.some(([{ points }], place) => Number(found[place]) >= points);
      } catch (error) {
        if (!(error instanceof RedisUnavailable)) throw error;
      }
      return (await Promise.all(limits.map(isUsedUpHere))).includes(true);
    },
    refund: async (policy, key) => void (await onStore(policy, (limiter) => limiter.reward(digest(key)))),
    reset: async (policy, key) => void (await onStore(policy, (limiter) => limiter.delete(digest(key)))),
  };
}

/** Attempts that this process has taken from the shared count and not used. */
class Lots {
  readonly #left = new Map<string, { attempts: number; beyond: number; until: number }>();
  /** Attempts that come meanwhile wait for the same lot. */
  readonly #counting = new Map<string, Promise<Counted>>();

  async take(id: string, size: number, count: () => Promise<Counted>): Promise<Counted> {
    for (;;) {
      const left = this.#left.get(id);
      const lasting = left ? left.until - performance.now() : 0;
      if (left && left.attempts > 0 && lasting > 0) {
        left.attempts -= 1;
        return { allowed: true, lasting, remaining: left.beyond + left.attempts };
      }
      const outcome = await (this.#counting.get(id) ?? this.#count(id, size, count));
      if (!outcome.allowed) return outcome;
    }
  }

  async #count(id: string, size: number, count: () => Promise<Counted>): Promise<Counted> {
    const counting = count();
    this.#counting.set(id, counting);
    try {
      const outcome = await counting;
      if (outcome.allowed)
        this.#keep(id, { attempts: size, beyond: outcome.remaining, until: performance.now() + outcome.lasting });
      return outcome;
    } finally {
      this.#counting.delete(id);
    }
  }

  #keep(id: string, lot: { attempts: number; beyond: number; until: number }): void {
    this.#left.delete(id);
    this.#left.set(id, lot);
    if (this.#left.size > MOST_LOTS) this.#left.delete(this.#left.keys().next().value!);
  }
}

const prefixOf = (name: string): string => `limit:${name}`;

/** Of one length whatever came in, and no address or name lies readable in Redis. */
function digest(key: string): string {
  return sha256(key).toString('base64url').slice(0, 22);
}
