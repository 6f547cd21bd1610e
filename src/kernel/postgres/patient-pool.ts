/** How the pools of PostgreSQL come to their connections. */
import { type PoolClient, Pool } from 'pg';
import { isTransient } from '../database-errors.ts';
import { databaseMend } from '../log/mend.ts';
import { SECOND } from '../clock.ts';
import { type Config, DEFAULT_CONNECT_SECONDS } from '../config.ts';
import type { Log } from '../log.ts';

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

/** `timestamptz` and its array, as pg_type numbers them. */
const TIMESTAMPTZ = 1184;
const TIMESTAMPTZ_ARRAY = 1185;

type Parser = (text: string) => unknown;
type Types = { getTypeParser(oid: number, format?: string): Parser; setTypeParser(oid: number, parser: Parser): void };

/**
 * Rows of plain SQL hold dates, as they do on the embedded database: the mapper has the driver leave them as text. JSON is a
 * value on both.
 */
export function readTimes(pool: Pool): void {
  const { types } = pool.options as unknown as { types: Types };
  const elements = types.getTypeParser(TIMESTAMPTZ_ARRAY);
  types.setTypeParser(TIMESTAMPTZ, (text) => new Date(text));
  types.setTypeParser(TIMESTAMPTZ_ARRAY, (text) =>
    (elements(text) as (string | null)[]).map((element) => (element === null ? null : new Date(element))),
  );
}

/** There is no connection. Says where to and what helps, and neither as which user nor with which password. */
export class DatabaseAway extends Error {
  override readonly name = 'DatabaseAway';

  constructor(cause: unknown, { host, port }: { host: string; port: number }) {
    super(databaseMend(cause, `${host}:${port}`), { cause });
  }
}

/** Asking again is for what is over in a moment: a restart, a full queue of connections, a hiccup of the network. */
const LONGEST_PATIENCE = SECOND;
/** Milliseconds before the first further try; each pause is longer than the one before. */
const FIRST_PAUSE = 40;

type Connected = (error: Error | undefined, client: PoolClient | undefined, release: PoolClient['release']) => void;

/**
 * A connection that fails quickly is asked for again, with jitter, for a second: nothing was sent yet, so nothing happens
 * twice. A slower failure has already waited long enough.
 */
export function connectPatiently(pool: Pool): void {
  const connect = pool.connect.bind(pool) as (done: Connected) => void;
  const { host = 'localhost', port = 5432 } = pool.options as { host?: string; port?: number };

  function patient(done: Connected, begun = performance.now(), pause = FIRST_PAUSE): void {
    connect((error, client, release) => {
      if (!error) return done(undefined, client, release);
      const wait = pause * (0.5 + Math.random());
      const isOver = performance.now() - begun + wait > LONGEST_PATIENCE;
      if (pool.ending || isOver || !isTransient(error))
        return done(new DatabaseAway(error, { host, port }), undefined, release);
      setTimeout(patient, wait, done, begun, 2 * pause);
      return undefined;
    });
  }

  pool.connect = ((done?: Connected) =>
    done
      ? patient(done)
      : new Promise<PoolClient>((resolve, reject) => {
          patient((error, client) => (client ? resolve(client) : reject(error ?? new Error('no connection'))));
        })) as Pool['connect'];
}
