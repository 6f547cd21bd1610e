import { MINUTE, SECOND } from '#kernel/clock.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import type { KeyRotation } from './key-rotation.ts';

/** The job that rotates what is due and retires what has expired: cheap, on one node at a time, every five minutes. */
export function maintenance(rotation: Pick<KeyRotation, 'maintain'>): JobDefinition {
  return {
    schedule: '*/5 * * * *',
    retries: 3,
    backoff: { first: 10 * SECOND, max: MINUTE },
    expire: 2 * MINUTE,
    handler: async () => void (await rotation.maintain()),
  };
}
