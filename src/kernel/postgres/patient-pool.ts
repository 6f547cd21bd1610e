/** How the pools of PostgreSQL come to their connections. */
import type { Pool, PoolClient } from 'pg';
import { SECOND } from '../clock.ts';
import { isTransient } from '../database-errors.ts';
import { databaseMend } from '../log/mend.ts';

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
