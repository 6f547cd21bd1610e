import { type Clock, fromNow } from '#kernel/clock.ts';
import { type RedisPort, RedisUnavailable } from '#kernel/redis/port.ts';
import type { Artifact, ArtifactStore, Found, Kind } from './artifact-store.ts';
import type { PostgresArtifacts } from './postgres-artifacts.ts';
import { KEEP_ENDED } from '../lifetimes.ts';

/**
 * Artifacts whose loss costs only a retry: a machine requests another token. They are in
 * Redis, and in the database while Redis is down: each artifact is in the store that was up when it was written. Its end is
 * always in the database: a Redis that returns with old data, or a replica that replaces it, revives no
 * token.
 */
export class SpareArtifacts implements ArtifactStore {
  readonly #clock: Clock;
  readonly #port: Pick<RedisPort, 'answersAgain'>;
  readonly #redis: ArtifactStore;
  readonly #database: Pick<PostgresArtifacts, 'put' | 'findOrEnd' | 'end' | 'purge'>;

  constructor(
    clock: Clock,
    port: Pick<RedisPort, 'answersAgain'>,
    redis: ArtifactStore,
    database: Pick<PostgresArtifacts, 'put' | 'findOrEnd' | 'end' | 'purge'>,
  ) {
    this.#clock = clock;
    this.#port = port;
    this.#redis = redis;
    this.#database = database;
  }

  async put(kind: Kind, artifact: Artifact): Promise<boolean> {
    return orElse(this.#redis.put(kind, artifact), () => this.#database.put(kind, artifact));
  }

  async find(kind: Kind, idHash: Buffer): Promise<Found | null> {
    const [inRedis, inDatabase] = await Promise.all([
      orElse(this.#redis.find(kind, idHash), () => this.#findAgain(kind, idHash)),
      this.#database.findOrEnd(kind, idHash),
    ]);
    return inDatabase === 'ended' ? null : (inRedis ?? inDatabase);
  }

  /** A Redis that was late once, or a process that did not listen for a moment, makes no valid token invalid. */
  async #findAgain(kind: Kind, idHash: Buffer): Promise<Found | null> {
    if (!(await this.#port.answersAgain())) return null;
    return orElse(this.#redis.find(kind, idHash), async () => null);
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
    await orElse(this.#redis.remove(kind, idHash), async () => false);
    return isFirst;
  }

  /** These kinds belong to no grant. */
  async removeOfGrant(): Promise<void> {}
  async revokeGrant(): Promise<void> {}

  async purge(): Promise<number> {
    return this.#database.purge();
  }
}

async function orElse<T>(work: Promise<T>, instead: () => Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof RedisUnavailable)) throw error;
    return instead();
  }
}
