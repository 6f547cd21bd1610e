import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import { RedisUnavailable } from '#kernel/redis/port.ts';
import type { Artifact, ArtifactStore, Found, Kind } from './artifact-store.ts';
import type { PostgresArtifacts } from './postgres-artifacts.ts';

/** Kinds whose loss costs a retry: a sign-in that is begun again, a token that a machine asks for again. */
export const spareKinds: ReadonlySet<Kind> = new Set(['Interaction', 'ClientCredentials']);

/** What ended is remembered longer than anything that may be lost lives. */
const KEEP_ENDED = 2 * DAY;

/**
 * What may be lost is in Redis, and in the database while Redis is away: for each artifact in whichever was there when it
 * was written. Its end is in the database always: a Redis that comes back with what it held before, or that a replica
 * stands in for, brings nothing back to life.
 */
export class SpareArtifacts implements ArtifactStore {
  readonly #clock: Clock;
  readonly #redis: ArtifactStore;
  readonly #database: PostgresArtifacts;

  constructor(clock: Clock, redis: ArtifactStore, database: PostgresArtifacts) {
    this.#clock = clock;
    this.#redis = redis;
    this.#database = database;
  }

  async put(kind: Kind, artifact: Artifact): Promise<boolean> {
    try {
      return await this.#redis.put(kind, artifact);
    } catch (error) {
      return unlessAway(error, () => this.#database.put(kind, artifact));
    }
  }

  async find(kind: Kind, idHash: Buffer): Promise<Found | null> {
    // A token is worth what it is worth until the moment it is revoked; a sign-in is asked whether it is over when it ends.
    if (kind === 'Interaction') return (await this.#findInRedis(kind, idHash)) ?? this.#database.find(kind, idHash);
    const [inRedis, inDatabase] = await Promise.all([
      this.#findInRedis(kind, idHash),
      this.#database.findOrEnd(kind, idHash),
    ]);
    return inDatabase === 'ended' ? null : (inRedis ?? inDatabase);
  }

  async findByLookup(kind: Kind): Promise<never> {
    throw new Error(`${kind} is found by its id alone`);
  }

  async consume(kind: Kind): Promise<never> {
    throw new Error(`${kind} is not used up but removed`);
  }

  async insertOnce(kind: Kind): Promise<never> {
    throw new Error(`${kind} may be lost, and so cannot be kept from coming twice`);
  }

  /** True to the one who ended it, over all nodes. */
  async remove(kind: Kind, idHash: Buffer): Promise<boolean> {
    const isFirst = await this.#database.end(kind, idHash, fromNow(this.#clock, KEEP_ENDED));
    try {
      await this.#redis.remove(kind, idHash);
    } catch (error) {
      await unlessAway(error, async () => undefined);
    }
    return isFirst;
  }

  /** These kinds belong to no grant. */
  async removeOfGrant(): Promise<void> {}
  async revokeGrant(): Promise<void> {}

  async purge(): Promise<number> {
    return this.#database.purge();
  }

  async #findInRedis(kind: Kind, idHash: Buffer): Promise<Found | null> {
    try {
      return await this.#redis.find(kind, idHash);
    } catch (error) {
      return unlessAway(error, async () => null);
    }
  }
}

async function unlessAway<T>(error: unknown, instead: () => Promise<T>): Promise<T> {
  if (!(error instanceof RedisUnavailable)) throw error;
  return instead();
}
