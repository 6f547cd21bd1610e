import { MINUTE, SECOND } from '#kernel/clock.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import type { ClientSecrets } from './client-secrets.ts';

/** The job that deletes secrets of clients that have expired; they were refused from that moment on. */
export function purgeExpiredSecrets(secrets: Pick<ClientSecrets, 'purge'>): JobDefinition {
  return {
    schedule: '17 * * * *',
    retries: 1,
    backoff: { first: 10 * SECOND, max: MINUTE },
    expire: MINUTE,
    handler: async () => void (await secrets.purge()),
  };
}
