/**
 * doctor: a report about the installation, with the next step for each line that is not well.
 *
 * Owns    the report, and what environment variables, the database and other servers tell.
 * Leaves  signing keys to oidc/keys, settings to settings, certificates for SAML to saml: each gives its lines (finding.ts).
 * URLs    none.
 */
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { Database } from '#kernel/database.ts';
import type { Log } from '#kernel/log.ts';
import type { RedisPort } from '#kernel/redis/port.ts';
import { certificateFindings, type CertificateSources } from './certificates.ts';
import { issuerFindings, mailFindings, redisFindings, tlsFindings } from './connections.ts';
import { databaseFindings } from './database.ts';
import { examine } from './doctor.ts';
import { environmentFindings } from './environment.ts';
import type { Look } from './finding.ts';

export type Dependencies = {
  config: Config;
  clock: Clock;
  log: Pick<Log, 'warn'>;
  database: Pick<Database, 'sql' | 'embedded' | 'pendingMigrations'>;
  redis: Pick<RedisPort, 'get' | 'connected'> | null;
  /** Of other slices, by name, in the order of the report. */
  others: Readonly<Record<string, Look>>;
  certificates: CertificateSources;
};

/** Creates the doctor. It changes nothing. */
export function createDoctor({ config, clock, log, database, redis, others, certificates }: Dependencies) {
  const connections = config.databasePool * config.webConcurrency;
  return {
    examine: () =>
      examine({
        configuration: () => environmentFindings(config),
        database: () => databaseFindings({ database, clock, connections }),
        redis: () => redisFindings({ redis, config }),
        mail: () => mailFindings({ config }),
        issuer: () => issuerFindings({ config, clock, log }),
        tls: () => tlsFindings({ config, clock }),
        ...others,
        certificates: () => certificateFindings(certificates, clock),
      }),
  };
}

export type { Report } from './doctor.ts';
