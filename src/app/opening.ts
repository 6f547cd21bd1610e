import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '#kernel/log.ts';
import { LONGEST_CLOSE } from '#main/limits.ts';

/**
 * Opens what depends on one another. Every part says on the stack how it is closed, which happens in reverse order, at the end or
 * when the start fails half-way.
 */
export async function openTogether<T>(
  log: Pick<Log, 'warn'>,
  open: (opened: AsyncDisposableStack) => Promise<T>,
): Promise<T> {
  const opened = new AsyncDisposableStack();
  try {
    return await open(opened);
  } catch (error) {
    // The reason counts, not what fails or hangs because of it.
    const closed = opened.disposeAsync().catch((err: unknown) => log.warn({ err }, 'not everything could be closed'));
    await Promise.race([closed, delay(LONGEST_CLOSE, undefined, { ref: false })]);
    throw error;
  }
}
