import { createHmac, type KeyObject } from 'node:crypto';
import { equalSecrets, sha256 } from '#kernel/crypto.ts';

/**
 * Ids of artifacts are bearer secrets, so only their SHA-256 is kept. Where the engine finds an artifact by another key
 * (a session by its uid, a device code by its user code) and then wants its id, it gets a handle: the hash with a MAC
 * that only this deployment can make. A hash read from a stolen database is therefore no handle.
 */
export class Handles {
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  make(idHash: Buffer): string {
    const hash = idHash.toString('base64url');
    return `~${hash}.${this.#mac(hash)}`;
  }

  /** The hash of an id, or the one inside a handle. */
  hashOf(id: string): Buffer {
    return this.#inside(id) ?? sha256(id);
  }

  isHandle(text: string): boolean {
    return this.#inside(text) !== null;
  }

  /** A second key of an artifact, such as a user code: too short for a plain hash, so it is keyed. */
  lookup(text: string): Buffer {
    return createHmac('sha256', this.#key).update('lookup:').update(text).digest();
  }

  #inside(text: string): Buffer | null {
    const parts = /^~([\w-]{43})\.([\w-]{43})$/.exec(text);
    if (!parts?.[1] || !parts[2] || !equalSecrets(parts[2], this.#mac(parts[1]))) return null;
    return Buffer.from(parts[1], 'base64url');
  }

  #mac(hash: string): string {
    return createHmac('sha256', this.#key).update(hash).digest('base64url');
  }
}
