import type { Found } from './artifact-store.ts';
import { FOUND_FRESH_FOR } from '../lifetimes.ts';
import { MOST_RECENT_FINDS } from '../limits.ts';

type Entry = { found: Found; until: number };

/**
 * Tokens that were looked up a moment ago: an API introspects the same one again and again. Nothing single-use may be
 * found here. A revocation on this node takes effect at once, on other nodes after the short lifetime.
 */
export class RecentFinds {
  #kept = new Map<string, Entry>();
  #loading = new Map<string, Promise<Found | null>>();

  async find(key: string, read: () => Promise<Found | null>): Promise<Found | null> {
    // Not a clock that may be set back.
    const now = performance.now();
    const entry = this.#kept.get(key);
    if (entry && entry.until > now) return entry.found;
    return this.#loading.get(key) ?? this.#load(key, now + FOUND_FRESH_FOR, read);
  }

  /** Stands for all that was not forgotten until now. */
  mark(): object {
    return this.#kept;
  }

  /** Keeps what was written by this process, unless something was forgotten since `mark`. */
  keep(key: string, found: Found, mark: object): void {
    if (mark === this.#kept) this.#keep(key, found, performance.now() + FOUND_FRESH_FOR);
  }

  forget(): void {
    // A read in progress may be older than the revocation: its callers get it, and it is not cached.
    this.#kept = new Map();
    this.#loading = new Map();
  }

  async #load(key: string, until: number, read: () => Promise<Found | null>): Promise<Found | null> {
    const [kept, loading] = [this.#kept, this.#loading];
    const work = read();
    loading.set(key, work);
    try {
      const found = await work;
      if (found) this.#keep(key, found, until, kept);
      else kept.delete(key);
      return found;
    } finally {
      loading.delete(key);
    }
  }

  #keep(key: string, found: Found, until: number, kept = this.#kept): void {
    kept.delete(key);
    kept.set(key, { found, until });
    if (kept.size > MOST_RECENT_FINDS) kept.delete(kept.keys().next().value ?? key);
  }
}
