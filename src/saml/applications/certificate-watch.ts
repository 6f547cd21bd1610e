import type { AuditLog } from '#audit/module.ts';
import { system } from '#audit/module.ts';
import { type Clock, MINUTE } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import { samlApplicationCertificateWarned } from './events.ts';
import { dueWarning, endOfCertificates } from './expiry.ts';
import { ServiceProvider } from './service-provider.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
};

/** Warns before the certificates of an application end: 30, 7 and 1 days before, and when they have. Each warning is given once. */
export class CertificateWatch {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  job(): JobDefinition {
    return {
      schedule: '41 5 * * *',
      retries: 3,
      backoff: { first: MINUTE, max: 10 * MINUTE },
      expire: 5 * MINUTE,
      handler: async () => void (await this.warn()),
    };
  }

  /** How many applications it warned about. */
  async warn(): Promise<number> {
    const { clock, database, audit } = this.#deps;
    const now = clock.now();
    return database.transaction(async (em) => {
      let warned = 0;
      for (const provider of await em.find(ServiceProvider, {})) {
        const end = endOfCertificates(provider);
        const days = dueWarning(end, now);
        const last = provider.warnedDays ?? null;
        if (end === null || days === null || (last !== null && last <= days)) continue;
        const { clientId } = provider;
        provider.warnedDays = days;
        await em.flush();
        const details = { entity_id: provider.entityId, days_left: days, not_after: end.toISOString() };
        await audit.record(
          em,
          samlApplicationCertificateWarned({ ...system, subject: { type: 'client', id: clientId }, clientId, details }),
        );
        warned += 1;
      }
      return warned;
    });
  }
}
