/**
 * The only place where a process of the product ends: when its work is done, when it fails, and on a signal. It closes open
 * resources in reverse order within a time limit; then the process exits, whatever still keeps its event loop busy.
 */
import cluster from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import { LONGEST_FLUSH, LONGEST_ORDER, LONGEST_PROCESS_CLOSE, SAME_ORDER_WITHIN } from './limits.ts';

/** The signals that tell a process to stop, by name: a worker gets them as messages of its supervisor. */
export type Order = 'SIGTERM' | 'SIGINT';

export type ProcessLife = {
  /** Closed in reverse order before the process exits. */
  opened: AsyncDisposableStack;
  /** How the first order is carried out; answers with the exit code. Without it the process closes what is open and ends. */
  onOrder(carryOut: (order: Order) => Promise<number>): void;
  /** The handler of an uncaught exception; without it the process ends. */
  onUncaught(judge: (error: unknown, origin: NodeJS.UncaughtExceptionOrigin) => void): void;
};

const FAILED = 1;
/** Numbers of the signals, which a shell adds to 128. */
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

/** Runs `work`, whose answer is the exit code, and ends the process. `explain` says why it failed. */
export function runToEnd(work: (life: ProcessLife) => Promise<number>, explain: (error: unknown) => void): void {
  const opened = new AsyncDisposableStack();
  let carryOut: ((order: Order) => Promise<number>) | undefined;
  let judge: ((error: unknown, origin: NodeJS.UncaughtExceptionOrigin) => void) | undefined;
  let orderedAt: number | undefined;
  let isEnding = false;

  async function end(code: number): Promise<void> {
    if (isEnding) return;
    isEnding = true;
    // Not awaited alone: what hangs while it closes must not keep the process.
    await within(LONGEST_PROCESS_CLOSE, opened.disposeAsync());
    await within(LONGEST_FLUSH, Promise.all([flushed(process.stdout), flushed(process.stderr)]));
    process.exit(code);
  }
  function fail(error: unknown): void {
    if (!isEnding) explain(error);
    void end(FAILED);
  }

  listenForOrders((order) => {
    if (orderedAt !== undefined) {
      if (performance.now() - orderedAt > SAME_ORDER_WITHIN) process.exit(FAILED);
      return;
    }
    orderedAt = performance.now();
    void within(LONGEST_ORDER, undefined).then(() => process.exit(FAILED));
    if (carryOut) carryOut(order).then(end, fail);
    else void end(128 + signalNumbers[order]);
  });
  process.on('uncaughtException', (error, origin) => (judge ?? fail)(error, origin));
  // A closed pipe receives no more output.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? void end(FAILED) : fail(error)));

  work({
    opened,
    onOrder: (next) => (carryOut = next),
    onUncaught: (next) => (judge = next),
  }).then(
    // An order that is being carried out has the last word.
    (code) => (orderedAt === undefined ? end(code) : undefined),
    (error: unknown) => (orderedAt === undefined ? fail(error) : undefined),
  );
}

/** A worker takes its orders from the supervisor: a terminal sends its interrupt to both, which would count twice. */
function listenForOrders(onOrder: (order: Order) => void): void {
  process.on('SIGTERM', () => onOrder('SIGTERM'));
  if (!cluster.isWorker) {
    process.on('SIGINT', () => onOrder('SIGINT'));
    return;
  }
  process.on('SIGINT', () => undefined);
  process.on('message', (message) => {
    if (message === 'SIGTERM' || message === 'SIGINT') onOrder(message);
  });
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

async function within(milliseconds: number, work: Promise<unknown> | undefined): Promise<void> {
  const late = delay(milliseconds);
  await Promise.race(work ? [work.catch(() => undefined), late] : [late]);
}
