import { type Clock, fromNow } from '#kernel/clock.ts';
import { type Artifact, type ArtifactStore, type Consumed, type Found, type Kind, ofGrant } from './artifact-store.ts';
import { KEEP_REVOKED } from '../lifetimes.ts';
import { PURGE_BATCH } from '../limits.ts';

type Entry = Omit<Artifact, 'payload'> & { payload: string; consumedAt: Date | null; isRevoked: boolean };

/** In this process alone: what may be lost, where one process is all there is. */
export class MemoryArtifacts implements ArtifactStore {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #entries = new Map<string, Entry>();
  readonly #lookups = new Map<string, string>();

  /** Above `most` the oldest are dropped: a flood of sign-ins cannot fill the memory. */
  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  async put(kind: Kind, artifact: Artifact): Promise<boolean> {
    const key = keyOf(kind, artifact.idHash);
    const before = this.#entries.get(key);
    if (before?.isRevoked || !this.#hasLiveGrant(kind, artifact.grantHash)) return false;
    if (before && artifact.stage !== null && (before.stage ?? artifact.stage) >= artifact.stage) return false;
    const lookupHash = artifact.lookupHash ?? before?.lookupHash ?? null;
    const payload = JSON.stringify(artifact.payload);
    this.#keep(key, { ...artifact, lookupHash, payload, consumedAt: before?.consumedAt ?? null, isRevoked: false });
    if (lookupHash) this.#lookups.set(keyOf(kind, lookupHash), key);
    return true;
  }

  async find(kind: Kind, idHash: Buffer): Promise<Found | null> {
    return this.#read(kind, keyOf(kind, idHash));
  }

  async findByLookup(kind: Kind, lookupHash: Buffer): Promise<Found | null> {
    return this.#read(kind, this.#lookups.get(keyOf(kind, lookupHash)) ?? '');
  }

  async consume(kind: Kind, idHash: Buffer): Promise<Consumed> {
    const entry = this.#entries.get(keyOf(kind, idHash));
    if (!entry) return 'unknown';
    if (entry.consumedAt) {
      if (entry.grantHash) await this.revokeGrant(entry.grantHash);
      return 'spent';
    }
    if (entry.isRevoked || !this.#hasLiveGrant(kind, entry.grantHash)) return 'unknown';
    entry.consumedAt = this.#clock.now();
    return 'consumed';
  }

  async insertOnce(kind: Kind, { idHash, expiresAt }: Pick<Artifact, 'idHash' | 'expiresAt'>): Promise<boolean> {
    const key = keyOf(kind, idHash);
    const before = this.#entries.get(key);
    if (before && before.expiresAt > this.#clock.now()) return false;
    this.#keep(key, { ...nothing, idHash, expiresAt });
    return true;
  }

  async remove(kind: Kind, idHash: Buffer): Promise<boolean> {
    if (kind === 'Grant') return this.#revoke(idHash);
    return this.#drop(keyOf(kind, idHash));
  }

  async removeOfGrant(kind: Kind, grantHash: Buffer): Promise<void> {
    for (const [key, entry] of this.#entries)
      if (key.startsWith(`${kind} `) && entry.grantHash?.equals(grantHash)) this.#drop(key);
  }

  async revokeGrant(grantHash: Buffer): Promise<void> {
    this.#revoke(grantHash);
  }

  async purge(): Promise<number> {
    const now = this.#clock.now();
    let removed = 0;
    for (const [key, { expiresAt }] of this.#entries) {
      if (removed >= PURGE_BATCH) break;
      if (expiresAt < now && this.#drop(key)) removed += 1;
    }
    return removed;
  }

  #revoke(grantHash: Buffer): boolean {
    const key = keyOf('Grant', grantHash);
    const before = this.#entries.get(key);
    const leastExpiry = fromNow(this.#clock, KEEP_REVOKED);
    const expiresAt = before && before.expiresAt > leastExpiry ? before.expiresAt : leastExpiry;
    this.#keep(key, { ...nothing, idHash: grantHash, expiresAt, isRevoked: true });
    for (const [other, entry] of this.#entries)
      if (entry.grantHash?.equals(grantHash) && !entry.consumedAt) this.#drop(other);
    return !before?.isRevoked;
  }

  #hasLiveGrant(kind: Kind, grantHash: Buffer | null): boolean {
    if (!ofGrant.has(kind) || grantHash === null) return true;
    return this.#entries.get(keyOf('Grant', grantHash))?.isRevoked === false;
  }

  #read(kind: Kind, key: string): Found | null {
    const entry = this.#entries.get(key);
    if (!entry || entry.isRevoked || !this.#hasLiveGrant(kind, entry.grantHash)) return null;
    const payload = JSON.parse(entry.payload) as Record<string, unknown>;
    return { idHash: entry.idHash, payload, consumedAt: entry.consumedAt };
  }

  #keep(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#most && oldest !== undefined) this.#drop(oldest);
  }

  #drop(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry?.lookupHash)
      this.#lookups.delete(`${key.slice(0, key.indexOf(' '))} ${entry.lookupHash.toString('base64url')}`);
    return this.#entries.delete(key);
  }
}

const nothing = {
  lookupHash: null,
  grantHash: null,
  sessionHash: null,
  accountId: null,
  clientId: null,
  stage: null,
  payload: '{}',
  consumedAt: null,
  isRevoked: false,
};

const keyOf = (kind: Kind, hash: Buffer): string => `${kind} ${hash.toString('base64url')}`;
