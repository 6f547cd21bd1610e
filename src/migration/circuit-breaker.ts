import { type Clock, fromNow } from '#kernel/clock.ts';
import { BREAKER_REST, FAILURES_TO_OPEN, MOST_QUESTIONS_AT_ONCE } from './limits.ts';

/**
 * Leaves another system alone that fails or is slow: after five failures in a row no request is sent for half a minute, and
 * never more than sixteen at once. Then one is sent to see.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  #failures = 0;
  #running = 0;
  #restsUntil = new Date(0);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Null without asking while it is open. Throws what `ask` throws. */
  async run<T>(ask: () => Promise<T>): Promise<T | null> {
    if (this.#running >= MOST_QUESTIONS_AT_ONCE || this.#clock.now() < this.#restsUntil) return null;
    // Requests during the trial request still find the circuit open.
    if (this.#failures >= FAILURES_TO_OPEN) this.#rest();
    this.#running += 1;
    try {
      const answer = await ask();
      this.#failures = 0;
      this.#restsUntil = new Date(0);
      return answer;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures >= FAILURES_TO_OPEN) this.#rest();
      throw error;
    } finally {
      this.#running -= 1;
    }
  }

  #rest(): void {
    this.#restsUntil = fromNow(this.#clock, BREAKER_REST);
  }
}
