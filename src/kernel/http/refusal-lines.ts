import { type Clock } from '../clock.ts';
import { MOST_REFUSAL_WINDOWS, REFUSAL_LINE_WINDOW, REFUSAL_LINES } from './limits.ts';

/** Why a request is refused, for the log alone: in words of ours, never with a secret, an assertion or a token that came in the request. */
export type Refusal = {
  reason: string;
  /** The client that asks, or that it says it is. */
  clientId?: string | undefined;
  /** Whether such a client exists; all others count as one. */
  isKnownClient?: boolean | undefined;
  /** The error code of the answer. */
  error?: string | undefined;
};

/** Lines that were not written: so many about this client and reason, since the time in which they came began. */
type DroppedLines = Pick<Refusal, 'clientId'> & { refusal: string; dropped: number; seconds: number };

type Window = { refusal: Refusal; begin: number; count: number };

/**
 * The one limit on lines about refused requests: so many in a minute for each client and reason. Further lines are counted, and the
 * count is written with a later request.
 */
export class RefusalLines {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a line about this refusal is written; one that is not is counted. */
  admit(refusal: Refusal): boolean {
    const { clientId, isKnownClient, reason } = refusal;
    const key = JSON.stringify([isKnownClient === false ? null : clientId, reason]);
    let window = this.#windows.get(key);
    if (!window) {
      window = { refusal, begin: this.#now(), count: 0 };
      this.#windows.set(key, window);
    }
    window.count += 1;
    return window.count <= REFUSAL_LINES;
  }

  /** Forgets what is over, and returns how many lines it dropped; also the oldest, when there are too many to remember. */
  takeDropped(): DroppedLines[] {
    const now = this.#now();
    const dropped: DroppedLines[] = [];
    for (const [key, { refusal, begin, count }] of this.#windows) {
      if (now - begin < REFUSAL_LINE_WINDOW && this.#windows.size <= MOST_REFUSAL_WINDOWS) break;
      this.#windows.delete(key);
      if (count <= REFUSAL_LINES) continue;
      const { clientId, isKnownClient, reason } = refusal;
      dropped.push({
        ...(clientId === undefined || isKnownClient === false ? {} : { clientId }),
        refusal: reason,
        dropped: count - REFUSAL_LINES,
        seconds: Math.round((now - begin) / 1000),
      });
    }
    return dropped;
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}
