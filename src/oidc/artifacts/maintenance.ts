import { MINUTE, SECOND } from '#kernel/clock.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import { PURGE_BATCH } from '../limits.ts';

/** Keeps what will be over one day. */
export type Purgeable = {
  /** Removes at most `batch` of what is over, and answers how many. */
  purge(batch: number): Promise<number>;
};

/**
 * The job that removes what is over, on one node at a time: in short batches, as long as they are full. What
 * expired was refused from that moment on, so nothing depends on when this runs.
 */
export function purgeExpired(kept: readonly Purgeable[]): JobDefinition {
  return {
    schedule: '*/5 * * * *',
    retries: 1,
    backoff: { first: 10 * SECOND, max: MINUTE },
    expire: 4 * MINUTE,
    async handler({ signal }) {
      const faults: unknown[] = [];
      for (const part of kept) {
        try {
          let removed = PURGE_BATCH;
          while (removed >= PURGE_BATCH && !signal.aborted) removed = await part.purge(PURGE_BATCH);
        } catch (error) {
          // One table that cannot be cleaned keeps no other from it.
          faults.push(error);
        }
      }
      if (faults.length > 0) throw faults[0];
    },
  };
}
