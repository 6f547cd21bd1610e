import { Pool } from 'pg';
import { SECOND } from '../clock.ts';
import { type Config, DEFAULT_CONNECT_SECONDS } from '../config.ts';
import type { Log } from '../log.ts';
import { connectPatiently } from './patient-pool.ts';

type Reach = Pick<Config, 'databaseUrl'> & Partial<Pick<Config, 'databaseConnectSeconds'>>;

/** The few connections of the job queue, apart from the connections of requests. */
export function createJobsPool({ databaseUrl, databaseConnectSeconds }: Reach, log: Pick<Log, 'warn'>): Pool {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: 3,
    connectionTimeoutMillis: (databaseConnectSeconds ?? DEFAULT_CONNECT_SECONDS) * SECOND,
    query_timeout: 60 * SECOND,
    idleTimeoutMillis: 30 * SECOND,
    keepAlive: true,
    application_name: 'latchkey jobs',
  });
  connectPatiently(pool);
  return pool.on('error', (err) => log.warn({ err }, 'jobs: a connection was lost'));
}
