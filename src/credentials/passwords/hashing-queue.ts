import { availableParallelism } from 'node:os';
import { hashingBusy } from '../errors.ts';
import { LONGEST_HASH_WAIT, MOST_WAITING_HASHES } from '../limits.ts';

const PARALLEL = Math.max(1, availableParallelism());

/** Requests that wait for a free hashing thread; a wait that lasts too long is refused, never served late. */
type Waiting = { start: () => void; timer: NodeJS.Timeout };

/**
 * Password hashing uses memory and a thread for about 30 ms. It runs on as many threads as there are cores, and a flood of
 * sign-ins is answered 503 instead of starving tokens.
 */
export class HashingQueue {
  #running = 0;
  readonly #waiting: Waiting[] = [];

  get depth(): number {
    return this.#running + this.#waiting.length;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #enter(): Promise<void> {
    if (this.#running < PARALLEL) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= MOST_WAITING_HASHES) return Promise.reject(hashingBusy());
    return new Promise((resolve, reject) => {
      const entry: Waiting = {
        start: resolve,
        timer: setTimeout(() => {
          this.#waiting.splice(this.#waiting.indexOf(entry), 1);
          reject(hashingBusy());
        }, LONGEST_HASH_WAIT),
      };
      this.#waiting.push(entry);
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (!next) {
      this.#running -= 1;
      return;
    }
    clearTimeout(next.timer);
    next.start();
  }
}
