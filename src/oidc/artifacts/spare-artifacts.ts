import { type Clock, DAY, fromNow, MINUTE, SECOND } from '#kernel/clock.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RedisPort, RedisUnavailable } from '#kernel/redis/port.ts';
import type { Artifact, ArtifactStore, Found, Kind } from './artifact-store.ts';
import type { PostgresArtifacts } from './postgres-artifacts.ts';

/** What ended is remembered longer than anything that may be lost lives. */
const KEEP_ENDED = 2 * DAY;
/** Longer than a sign-in stands open: so long after an outage a sign-in may be in both, in two states. */
const UNSETTLED = 20 * MINUTE;
/** How long a person waits for a Redis that stumbled, before they begin their sign-in again; in milliseconds. */
const PATIENCE = SECOND;
const LOOK = 50;

/**
 * What may be lost because its loss costs a retry: a sign-in is begun again, a machine asks for another token. It is in
 * Redis, and in the database while Redis is away: for each artifact in whichever was there when it was written. Its end is
 * in the database always: a Redis that comes back with what it held before, or that a replica stands in for, brings nothing
 * back to life.
 */
export class SpareArtifacts implements ArtifactStore {
  readonly #clock: Clock;
  readonly #redis: ArtifactStore;
  readonly #database: PostgresArtifacts;
  readonly #port: Pick<RedisPort, 'isUp'>;
  #unsettledUntil = -Infinity;

  constructor(clock: Clock, port: Pick<RedisPort, 'isUp'>, redis: ArtifactStore, database: PostgresArtifacts) {
    this.#clock = clock;
    this.#port = port;
    this.#redis = redis;
    this.#database = database;
  }

  async put(kind: Kind, artifact: Artifact): Promise<boolean> {
    const dated = { ...artifact, payload: { ...artifact.payload, writtenAt: this.#clock.now().getTime() } };
    return this.#orElse(this.#redis.put(kind, dated), () => this.#database.put(kind, dated));
  }

  async find(kind: Kind, idHash: Buffer): Promise<Found | null> {
    // A token is worth what it is worth until the moment it is revoked; a sign-in is asked whether it is over when it ends.
    if (kind === 'Interaction') return this.#findSignIn(idHash);
    const [inRedis, inDatabase] = await Promise.all([
      this.#findInRedis(kind, idHash),
      this.#database.findOrEnd(kind, idHash),
    ]);
    if (inDatabase === 'ended') return null;
    return inRedis === null || inRedis === 'away' ? inDatabase : inRedis;
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
    await this.#orElse(this.#redis.remove(kind, idHash), async () => false);
    return isFirst;
  }

  /** These kinds belong to no grant. */
  async removeOfGrant(): Promise<void> {}
  async revokeGrant(): Promise<void> {}

  async purge(): Promise<number> {
    return this.#database.purge();
  }

  #findInRedis(kind: Kind, idHash: Buffer): Promise<Found | 'away' | null> {
    return this.#orElse<Found | 'away' | null>(this.#redis.find(kind, idHash), async () => 'away');
  }

  async #findSignIn(idHash: Buffer): Promise<Found | null> {
    const inRedis = await this.#findInRedis('Interaction', idHash);
    if (inRedis === 'away') return (await this.#database.find('Interaction', idHash)) ?? this.#findLate(idHash);
    // A write that Redis did not answer may have been carried out all the same, or be carried out late.
    if (inRedis && performance.now() > this.#unsettledUntil) return inRedis;
    const inDatabase = await this.#database.find('Interaction', idHash);
    if (!inRedis || !inDatabase) return inRedis ?? inDatabase;
    return Number(inRedis.payload['writtenAt']) > Number(inDatabase.payload['writtenAt']) ? inRedis : inDatabase;
  }

  async #findLate(idHash: Buffer): Promise<Found | null> {
    const end = performance.now() + PATIENCE;
    do await sleep(LOOK);
    while (!this.#port.isUp() && performance.now() < end);
    const found = await this.#findInRedis('Interaction', idHash);
    return found === 'away' ? null : found;
  }

  async #orElse<T>(work: Promise<T>, instead: () => Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      this.#unsettledUntil = performance.now() + UNSETTLED;
      return instead();
    }
  }
}
