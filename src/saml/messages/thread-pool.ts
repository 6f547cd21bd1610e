import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Job, Outcome } from './job.ts';
import { MOST_WAITING, READING_TIME, THREAD_MEMORY, THREAD_START_TIME } from './limits.ts';

type Waiting = Readonly<{ job: Job; settle: (outcome: Outcome<unknown>) => void }>;

/** Reading costs a core: two threads leave the others to requests. */
const MOST_THREADS = Math.min(2, availableParallelism());

/** The published package has the file of the thread next to this one, as JavaScript. */
const threadFile = new URL(`./thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url);

/**
 * Threads that read messages, each one at a time. The first starts with the first message. A thread that takes too long for a message is
 * ended, and its message refused; the next message starts another thread.
 */
export class ThreadPool {
  readonly #threads = new Set<Thread>();
  readonly #file: URL;
  readonly #waiting: Waiting[] = [];
  #isClosed = false;

  constructor(file: URL = threadFile) {
    this.#file = file;
  }

  read(job: Job): Promise<Outcome<unknown>> {
    if (this.#isClosed || this.#waiting.length >= MOST_WAITING)
      return Promise.resolve({ kind: 'refused', reason: 'busy' });
    return new Promise((settle) => {
      this.#waiting.push({ job, settle });
      this.#next();
    });
  }

  /** Ends the threads. Messages that wait are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { settle } of this.#waiting.splice(0)) settle({ kind: 'refused', reason: 'busy' });
    await Promise.all([...this.#threads].map((thread) => thread.end('busy')));
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    let thread = [...this.#threads].find(({ isIdle }) => isIdle);
    if (!thread && this.#threads.size < MOST_THREADS) {
      thread = new Thread(this.#file);
      const added = thread;
      this.#threads.add(added);
      added.ended.then(
        () => {
          this.#threads.delete(added);
          this.#next();
        },
        () => undefined,
      );
    }
    const waiting = thread && this.#waiting.shift();
    if (!thread || !waiting) return;
    void thread.read(waiting.job).then((outcome) => {
      waiting.settle(outcome);
      this.#next();
    });
  }
}

/** One thread. An idle one does not keep the process alive. */
class Thread {
  readonly #worker: Worker;
  readonly ended: Promise<void>;
  #isReady = false;
  #isEnding = false;
  #timer: NodeJS.Timeout | undefined;
  #current: { job: Job; settle: (outcome: Outcome<unknown>) => void } | undefined;

  constructor(file: URL) {
    this.#worker = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb: THREAD_MEMORY }, env: {} });
    this.#worker.on('message', (message: Outcome<unknown> | 'ready') => this.#hear(message));
    this.#worker.on('error', () => void this.end('failed'));
    this.ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#isEnding = true;
        this.#settle({ kind: 'refused', reason: 'failed' });
        resolve();
      });
    });
  }

  get isIdle(): boolean {
    return this.#current === undefined && !this.#isEnding;
  }

  read(job: Job): Promise<Outcome<unknown>> {
    this.#worker.ref();
    return new Promise((settle) => {
      this.#current = { job, settle };
      if (this.#isReady) this.#post();
      else this.#limit(THREAD_START_TIME);
    });
  }

  async end(reason: 'too_slow' | 'busy' | 'failed'): Promise<void> {
    this.#isEnding = true;
    this.#settle({ kind: 'refused', reason });
    await this.#worker.terminate();
  }

  #hear(message: Outcome<unknown> | 'ready'): void {
    if (message !== 'ready') return this.#settle(message);
    this.#isReady = true;
    return this.#post();
  }

  #post(): void {
    if (!this.#current) return;
    this.#limit(READING_TIME);
    this.#worker.postMessage(this.#current.job, []);
  }

  #limit(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.end('too_slow'), milliseconds);
  }

  #settle(outcome: Outcome<unknown>): void {
    clearTimeout(this.#timer);
    this.#worker.unref();
    const current = this.#current;
    this.#current = undefined;
    current?.settle(outcome);
  }
}
