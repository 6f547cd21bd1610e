import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { RecentFinds } from './artifacts/recent-finds.ts';
import { CHECK_FRESH_FOR } from './lifetimes.ts';
import { MOST_RECENT_CHECKS } from './limits.ts';

type Entry<Checked> = { checked: Checked; exp: number; until: number };
type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'onCommit'>;
  recent: Pick<RecentFinds, 'mark'>;
};

/**
 * Bearer tokens that were found valid a moment ago: a service calls the API many times a second with one token. A commit and a
 * revocation on this node take effect at once, changes of other nodes after the short lifetime.
 */
export class RecentChecks<Checked extends object> {
  readonly #clock: Clock;
  readonly #recent: Pick<RecentFinds, 'mark'>;
  #kept = new Map<string, Entry<Checked>>();
  #tokens: object;

  constructor({ clock, database, recent }: Dependencies) {
    this.#clock = clock;
    this.#recent = recent;
    this.#tokens = recent.mark();
    database.onCommit(() => this.#forget());
  }

  find(key: string): Checked | undefined {
    if (this.#tokens !== this.#recent.mark()) this.#forget();
    const entry = this.#kept.get(key);
    // The lifetime of an entry is not one of a clock that may be set back.
    if (!entry || entry.until <= performance.now() || entry.exp <= epochSeconds(this.#clock)) return undefined;
    return entry.checked;
  }

  /** Stands for what is valid now: a check that began before a change is not kept. */
  mark(): object {
    return this.#kept;
  }

  /** `exp`: seconds since the epoch. */
  keep(key: string, checked: Checked, exp: number, mark: object): void {
    if (mark !== this.#kept || this.#tokens !== this.#recent.mark()) return;
    this.#kept.delete(key);
    this.#kept.set(key, { checked, exp, until: performance.now() + CHECK_FRESH_FOR });
    if (this.#kept.size > MOST_RECENT_CHECKS) this.#kept.delete(this.#kept.keys().next().value!);
  }

  #forget(): void {
    this.#kept = new Map();
    this.#tokens = this.#recent.mark();
  }
}
