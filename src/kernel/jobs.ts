/**
 * Work that must happen without a waiting request: mails, notices to clients, clean-up. A job is a row (pg-boss, in a
 * schema of its own), written in the caller's transaction where there is one, so that it exists exactly when the change
 * that asks for it does. It runs at least once, on any node; what it carries is sealed at rest.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fromPglite, PgBoss, type JobWithMetadata } from 'pg-boss';
import { HOUR, SECOND, type Clock } from './clock.ts';
import type { Config } from './config.ts';
import { type KeyRing, type SealedAgain, sealAgain } from './crypto.ts';
import type { Database, EntityManager } from './database.ts';
import type { Log } from './log.ts';
import { forTheRecord, JOBS_SCHEMA as SCHEMA } from './jobs/job-table.ts';
import { fromPool, inside, queueOptions } from './jobs/pg-boss.ts';
import { createJobsPool } from './postgres/patient-pool.ts';

export type JobData = Readonly<Record<string, unknown>>;

export type Job = {
  id: string;
  data: JobData;
  createdAt: Date;
  /** 1 for the first. */
  attempt: number;
  isLastAttempt: boolean;
  /** Aborted when the time is up or the process stops. */
  signal: AbortSignal;
};

export type JobDefinition = {
  /** Throws to be tried again. May run more than once for one job. */
  handler(job: Job): Promise<void>;
  /** Data of the job, besides its id, in the log line of a failure: nothing secret. */
  describe?(data: JobData): Readonly<Record<string, unknown>>;
  /** Attempts after the first. */
  retries: number;
  /** Milliseconds: the first wait, doubled with jitter from attempt to attempt, and the longest. */
  backoff: { first: number; max: number };
  /** Milliseconds that one attempt may take. */
  expire: number;
  /** Jobs of this queue at the same time in each process; 1 unless said otherwise. */
  concurrency?: number;
  /** At most one waiting job for each `singletonKey`, on all nodes. */
  unique?: boolean;
  /** Five fields of cron, in UTC: runs once on all nodes, with empty data. */
  schedule?: string;
};

type SendOptions = {
  /** The transaction that the job belongs to: it exists when and only when that commits. */
  em?: EntityManager;
  startAfter?: Date;
  /** For queues that are `unique`. */
  singletonKey?: string;
};

export type Jobs = {
  /** Before `open`. */
  define(queue: string, definition: JobDefinition): void;
  /** Brings schema and queues up to date; from then on jobs can be sent. Safe on many nodes at once. */
  open(): Promise<void>;
  /** Begins to work on jobs and to keep schedules. */
  start(): Promise<void>;
  send(queue: string, data: JobData, options?: SendOptions): Promise<void>;
  /** The names of all queues. */
  queues(): readonly string[];
  /** The queues that have a schedule, each with its cron and the next time. */
  schedules(): readonly { queue: string; cron: string; next: Date | null }[];
  /** Lets a job wait again that failed or was cancelled, in the transaction of the caller. */
  retry(queue: string, id: string, state: 'failed' | 'cancelled', em: EntityManager): Promise<void>;
  /** Cancels a job that waits, in the transaction of the caller. */
  cancel(queue: string, id: string, em: EntityManager): Promise<void>;
  /** Seals the data of waiting jobs under the first secret of the ring. */
  reencrypt(): Promise<SealedAgain>;
  /** Lets running jobs end for at most `milliseconds`, then hands them back to be tried again. */
  stop(milliseconds: number): Promise<void>;
};

const WAITING_DATA = { table: `${SCHEMA}.job`, column: 'data', member: 'sealed' } as const;
/** A node looks for jobs of others, and for retries that are due, this often; its own it takes up at once. */
const POLL_SECONDS = { embedded: 5, server: 2 };
/** While the database is out every queue says so at every look; one line in this time is enough. */
const SAME_LINE_EVERY = 10 * SECOND;
/** The pause after a start of the workers that failed. */
const START_RETRY = 2 * SECOND;
/** The first worker of a queue looks often; the others help it and look seldom. */
const HELPER_POLL_SECONDS = 60;

type Options = {
  database: Pick<Database, 'pglite'>;
  config: Pick<Config, 'databaseUrl'> & Partial<Pick<Config, 'databaseConnectSeconds' | 'databaseMigrationUrl'>>;
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
  clock: Clock;
  log: Log;
};

/** Creates the job queue (pg-boss) on the database. Job payloads are encrypted under the key ring. */
export function createJobs({ database, config, keyRing, clock, log }: Options): Jobs {
  const definitions = new Map<string, JobDefinition>();
  const workers = new Map<string, string[]>();
  const stopping = new AbortController();
  let isOpen = false;
  const { pglite } = database;
  const pool = pglite ? null : createJobsPool(config, log);
  const db = pglite ? fromPglite(pglite) : fromPool(pool!);
  const common = { db, schema: SCHEMA, backend: pglite ? 'pglite' : 'postgres' } as const;
  const ownerUrl = config.databaseMigrationUrl ?? config.databaseUrl;
  /** Another role owns the tables, and it alone may make and change them. */
  const hasOwner = ownerUrl !== config.databaseUrl;
  // Sending needs no timers and no maintenance, and so is ready in milliseconds.
  const sender = quietly(new PgBoss({ ...common, schedule: false, supervise: false, migrate: !hasOwner }));
  const worker = quietly(new PgBoss({ ...common, migrate: false }));

  function quietly(boss: PgBoss): PgBoss {
    let lastLine = 0;
    boss.on('warning', ({ message, data }) => {
      // Of a slow statement pg-boss passes the text and the values too.
      const { elapsed, queue } = (data ?? {}) as { elapsed?: unknown; queue?: unknown };
      log.warn({ elapsed, queue }, `jobs: ${message}`);
    });
    return boss.on('error', (err) => {
      if (clock.now().getTime() - lastLine < SAME_LINE_EVERY) return;
      lastLine = clock.now().getTime();
      log.warn({ err }, 'jobs: the database did not answer');
    });
  }

  async function migrateAsOwner(): Promise<void> {
    const ownerPool = createJobsPool({ ...config, databaseUrl: ownerUrl }, log);
    try {
      const owner = quietly(new PgBoss({ ...common, db: fromPool(ownerPool), schedule: false, supervise: false }));
      await owner.start();
      await owner.stop({ graceful: false, close: false });
    } finally {
      await ownerPool.end();
    }
  }

  async function open(): Promise<void> {
    if (hasOwner) await migrateAsOwner();
    await sender.start();
    const known = new Map((await sender.getQueues()).map((queue) => [queue.name, queue]));
    let isNew = false;
    for (const [name, definition] of definitions) {
      const wanted = queueOptions(definition);
      const queue = known.get(name);
      if (queue && Object.entries(wanted).every(([option, value]) => queue[option as keyof typeof queue] === value))
        continue;
      if (queue) await sender.updateQueue(name, wanted);
      else await sender.createQueue(name, { ...wanted, policy: definition.unique ? 'short' : 'standard' });
      isNew = true;
    }
    // A queue that it does not know yet it would look up when something is sent, outside the caller's transaction, and
    // the embedded database would wait for that transaction for ever.
    if (isNew) {
      await sender.stop({ close: false });
      await sender.start();
    }
    isOpen = true;
  }

  async function start(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await worker.start();
        for (const [name, definition] of definitions) await work(name, definition);
        await keepSchedules();
        return;
      } catch (err) {
        if (stopping.signal.aborted) return;
        log.warn({ err }, 'jobs: cannot begin to work yet');
        workers.clear();
        await worker.stop({ graceful: false, close: false });
        await sleep(START_RETRY, undefined, { ref: false });
      }
    }
  }

  async function work(name: string, definition: JobDefinition): Promise<void> {
    const ids: string[] = [];
    workers.set(name, ids);
    for (let i = 0; i < (definition.concurrency ?? 1); i += 1) {
      const seconds = i > 0 ? HELPER_POLL_SECONDS : pglite ? POLL_SECONDS.embedded : POLL_SECONDS.server;
      const options = { includeMetadata: true, batchSize: 1, pollingIntervalSeconds: seconds } as const;
      ids.push(await worker.work(name, options, async ([job]) => perform(name, definition, job as JobWithMetadata)));
    }
  }

  async function keepSchedules(): Promise<void> {
    for (const { name } of await worker.getSchedules())
      if (!definitions.get(name)?.schedule) await worker.unschedule(name);
    for (const [name, { schedule }] of definitions)
      if (schedule) await worker.schedule(name, schedule, undefined, { tz: 'UTC' });
  }

  async function perform(queue: string, definition: JobDefinition, row: JobWithMetadata): Promise<void> {
    // Where one job was, others may be: for the helpers of this worker, and for itself when it is done.
    wake(queue);
    const job = {
      id: row.id,
      createdAt: row.createdOn,
      attempt: row.retryCount + 1,
      isLastAttempt: row.retryCount >= row.retryLimit,
      signal: row.signal,
    };
    let about: Readonly<Record<string, unknown>> | undefined;
    try {
      const data = unseal(queue, row.data);
      about = definition.describe?.(data);
      await definition.handler({ ...job, data });
    } catch (err) {
      const fields = { err, queue, ...about, job: job.id, attempt: job.attempt };
      if (job.isLastAttempt) log.error(fields, 'a job failed for good');
      else log.warn(fields, 'a job failed and will be tried again');
      // Between half of this and all of it, by the dice of pg-boss.
      const longestWait = Math.min(definition.backoff.max, definition.backoff.first * 2 ** (row.retryCount + 1));
      if (!job.isLastAttempt && longestWait < HOUR)
        wakeAfter(
          queue,
          [0.6, 0.8, 1].map((part) => part * longestWait + SECOND / 10),
        );
      throw forTheRecord(err);
    }
  }

  function wake(queue: string): void {
    for (const id of workers.get(queue) ?? []) worker.notifyWorker(id);
  }

  /** A job of a transaction is there when that has committed, without a notification; a look too early finds nothing. */
  function wakeAfter(queue: string, milliseconds: readonly number[]): void {
    for (const wait of milliseconds) setTimeout(() => wake(queue), wait).unref();
  }

  function wakeSent(queue: string, wait: number, em?: EntityManager): void {
    wakeAfter(queue, em && !pglite ? [wait + 20, wait + 200, wait + SECOND] : [wait]);
  }

  function unseal(queue: string, data: unknown): JobData {
    if (data === null) return {};
    return JSON.parse(keyRing.open((data as { sealed: string }).sealed, `job:${queue}`)) as JobData;
  }

  return {
    open,
    start,
    define: (queue, definition) => {
      if (isOpen) throw new Error(`the queue ${queue} is defined too late`);
      definitions.set(queue, definition);
    },
    send: async (queue, data, { em, startAfter, singletonKey } = {}) => {
      if (!isOpen) throw new Error('jobs are not open');
      if (!definitions.has(queue)) throw new Error(`the queue ${queue} is not defined`);
      const sealed = keyRing.seal(JSON.stringify(data), `job:${queue}`);
      await sender.send(
        queue,
        { sealed },
        {
          ...(em ? inside(em) : {}),
          ...(startAfter ? { startAfter } : {}),
          ...(singletonKey === undefined ? {} : { singletonKey }),
        },
      );
      const wait = startAfter ? Math.max(0, startAfter.getTime() - clock.now().getTime()) : 0;
      if (wait < HOUR) wakeSent(queue, wait, em);
    },
    queues: () => [...definitions.keys()],
    schedules: () =>
      [...definitions].flatMap(([queue, { schedule: cron }]) =>
        cron ? [{ queue, cron, next: sender.previewSchedule(cron, { tz: 'UTC', count: 1 })[0] ?? null }] : [],
      ),
    retry: async (queue, id, state, em) => {
      await sender[state === 'failed' ? 'retry' : 'resume'](queue, id, inside(em));
      wakeSent(queue, 0, em);
    },
    cancel: async (queue, id, em) => void (await sender.cancel(queue, id, inside(em))),
    reencrypt: () =>
      sealAgain<{ id: string; name: string }>(
        { database: { sql: async (text, values) => (await db.executeSql(text, [...(values ?? [])])).rows }, keyRing },
        {
          ...WAITING_DATA,
          key: ['id', 'name'],
          place: ({ name }) => `job:${name}`,
        },
      ),
    stop: async (milliseconds) => {
      stopping.abort();
      isOpen = false;
      await within(milliseconds + SECOND, worker.stop({ graceful: true, close: false, timeout: milliseconds }));
      await within(SECOND, sender.stop({ graceful: false, close: false }));
      await within(SECOND, pool?.end());
    },
  };
}

async function within(milliseconds: number, work: Promise<unknown> | undefined): Promise<void> {
  await Promise.race([work?.catch(() => undefined), sleep(milliseconds, undefined, { ref: false })]);
}
