/** The kernel of one process: what knows no word of the domain, opened in order. */
import { tokenGrantTypes } from '#applications/clients/module.ts';
import { breachChecks } from '#credentials/module.ts';
import { signInOutcomes } from '#sign-in/interaction/module.ts';
import { type Clock, SECOND } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createOutbound, type Outbound } from '#kernel/http/outbound.ts';
import { createInvalidation } from '#kernel/invalidation.ts';
import { ownUrls } from '#kernel/issuer.ts';
import { createJobs } from '#kernel/jobs.ts';
import type { Log } from '#kernel/log.ts';
import { createMail } from '#kernel/mail.ts';
import { openRedis } from '#kernel/redis/port.ts';
import { createTxtRecords } from '#kernel/txt-records.ts';
import { createThrottle } from '#kernel/throttle.ts';
import { openTracing } from '#kernel/tracing.ts';
import { createMailbox } from '#trial/mailbox/module.ts';

export type Kernel = Awaited<ReturnType<typeof openKernel>>;

/** Opens the services of the kernel in order. `opened` closes them in reverse order. */
export async function openKernel(
  {
    config,
    log,
    clock,
    outbound = createOutbound({ allow: config.outboundAllow, log, own: ownUrls(config, '') }),
  }: { config: Config; log: Log; clock: Clock; outbound?: Outbound },
  keyRing: KeyRing,
  database: Database,
  opened: AsyncDisposableStack,
) {
  const tracing = await openTracing(config);
  opened.defer(() => tracing?.close());
  const redis = openRedis({ url: config.redisUrl, log });
  opened.defer(() => redis?.close());
  const invalidation = createInvalidation({ redis, database, databaseUrl: config.databaseMigrationUrl, log });
  opened.defer(() => invalidation.close());
  const throttle = createThrottle({ redis, processes: config.webConcurrency });
  const findTxt = createTxtRecords(config.dnsServers);
  const jobs = createJobs({ database, config, keyRing, clock, log });
  opened.defer(() => jobs.stop(SECOND));
  // Where mails are kept while there is no mail server: on the embedded database alone.
  const mailbox = createMailbox({ config, database, keyRing, clock });
  const mailer = createMail({ config, clock, database, jobs, log, mailbox: mailbox?.mailbox });

  const metrics =
    config.metricsPort === undefined
      ? undefined
      : (await import('#kernel/metrics.ts')).createMetrics({
          signIns: signInOutcomes,
          tokens: tokenGrantTypes,
          breachChecks,
        });
  metrics?.watchDatabasePool(database.pool);
  tracing?.watchQueries(database.pool);
  return {
    config,
    log,
    clock,
    keyRing,
    database,
    redis,
    invalidation,
    throttle,
    outbound,
    findTxt,
    jobs,
    mailbox,
    mailer,
    metrics,
    tracing,
  };
}
