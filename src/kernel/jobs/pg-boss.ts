/** Our pools, transactions and queues in the form that pg-boss takes. */
import type { Pool } from 'pg';
import { fromKysely, type fromPglite } from 'pg-boss';
import { DAY, SECOND } from '../clock.ts';
import type { EntityManager } from '../database.ts';

type Attempts = { retries: number; backoff: { first: number; max: number }; expire: number };

/** The options of a queue whose jobs are attempted so; times in milliseconds. */
export function queueOptions({ retries, backoff, expire }: Attempts) {
  return {
    retryLimit: retries,
    retryBackoff: true,
    retryDelay: Math.max(1, Math.ceil(backoff.first / SECOND)),
    retryDelayMax: Math.max(1, Math.ceil(backoff.max / SECOND)),
    expireInSeconds: Math.max(1, Math.ceil(expire / SECOND)),
    // Long enough to see what happened, short enough that tables do not grow.
    deleteAfterSeconds: DAY / SECOND,
  };
}

/** Statements on connections of a pool. */
export function fromPool(pool: Pool): ReturnType<typeof fromPglite> {
  return { executeSql: async (text, values) => pool.query(text, values) };
}

/** The option of a call whose statements belong to a transaction of the caller. */
export const inside = (em: EntityManager) => ({ db: fromKysely(em.getKysely() as never) });
