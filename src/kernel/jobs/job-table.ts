/** The tables of the job queue: what they say about jobs. The data of a job is never read here. */
import type { Database, EntityManager } from '../database.ts';
import type { Page, PageRequest } from '../operations/list-operation.ts';
import { readSqlPage, sqlFilters } from '../operations/sql-page.ts';

export const JOBS_SCHEMA = 'latchkey_jobs';

export const jobStates = ['created', 'retry', 'active', 'completed', 'cancelled', 'failed'] as const;
type JobState = (typeof jobStates)[number];

export type JobRow = {
  /** A uuid. */
  id: string;
  queue: string;
  state: JobState;
  /** Attempts that began. */
  attempts: number;
  retryLimit: number;
  createdAt: Date;
  startAfter: Date;
  startedAt: Date | null;
  completedAt: Date | null;
  /** The message of the last failure. */
  lastError: string | null;
};

type JobFilters = { queue?: string | undefined; state?: JobState | undefined };

/** Characters of an error that are shown. */
const LONGEST_ERROR = 200;

const COLUMNS = `j.id, j.name as queue, j.state::text as state, j.retry_limit as "retryLimit",
  case when j.started_on is null then 0 else j.retry_count + 1 end as attempts,
  j.created_on as "createdAt", j.start_after as "startAfter", j.started_on as "startedAt",
  j.completed_on as "completedAt",
  left(coalesce(j.output ->> 'message', j.output -> 'value' ->> 'message'), ${LONGEST_ERROR}) as "lastError"`;

/** Reads a page of the jobs of these queues. */
export function readJobs(
  database: Pick<Database, 'sql'>,
  queues: readonly string[],
  { queue, state }: JobFilters,
  page: PageRequest,
): Promise<Page<JobRow>> {
  const { condition, values } = sqlFilters([queues], ['j.name =', queue], ['j.state::text =', state]);
  return readSqlPage<JobRow, JobRow>(database, page, {
    statement: (what) => `select ${what} from ${JOBS_SCHEMA}.job j where j.name = any($1::text[]) and ${condition}`,
    values,
    columns: COLUMNS,
    order: ['j.created_on', 'j.id'],
    show: (row) => row,
  });
}

/** Reads one job of these queues; null when there is none. */
export async function findJob(
  database: Pick<Database, 'sql'>,
  queues: readonly string[],
  id: string,
): Promise<JobRow | null> {
  const statement = `select ${COLUMNS} from ${JOBS_SCHEMA}.job j where j.id = $2 and j.name = any($1::text[])`;
  const [row] = await database.sql<JobRow>(statement, [queues, id]);
  return row ?? null;
}

/** Holds a job until the transaction ends: no worker takes it up meanwhile. Gives its state now; null when it is gone. */
export async function lockJob(
  em: EntityManager,
  { id, queue }: Pick<JobRow, 'id' | 'queue'>,
): Promise<JobState | null> {
  const statement = `select state::text as state from ${JOBS_SCHEMA}.job where id = ? and name = ? for update`;
  const [row] = await em.execute<{ state: JobState }[]>(statement, [id, queue]);
  return row?.state ?? null;
}

/** Holds a queue: no other transaction adds a job to it until this one ends, because each job refers to the row of its queue. */
export async function lockQueue(em: EntityManager, queue: string): Promise<void> {
  await em.execute(`select 1 from ${JOBS_SCHEMA}.queue where name = ? for update`, [queue]);
}

/** Finds the newest job of a queue that waits or runs; null without one. */
export async function newestOpenJob(em: EntityManager, queue: string): Promise<string | null> {
  const [row] = await em.execute<{ id: string }[]>(
    `select id from ${JOBS_SCHEMA}.job where name = ? and state < 'completed' order by created_on desc, id desc limit 1`,
    [queue],
  );
  return row?.id ?? null;
}

/** Whether another job of the same key waits in a queue that takes one of each; the key of a job may be missing. */
export async function hasWaitingTwin(em: EntityManager, { id, queue }: Pick<JobRow, 'id' | 'queue'>): Promise<boolean> {
  const rows = await em.execute(
    `select 1 from ${JOBS_SCHEMA}.job j join ${JOBS_SCHEMA}.job other on other.name = j.name and other.id <> j.id
       and other.state = 'created' and coalesce(other.singleton_key, '') = coalesce(j.singleton_key, '')
     where j.id = ? and j.name = ? and j.policy = 'short' limit 1`,
    [id, queue],
  );
  return rows.length > 0;
}

/** Reads when the last job of each queue began, of the jobs that are kept. */
export async function readLastRuns(
  database: Pick<Database, 'sql'>,
  queues: readonly string[],
): Promise<ReadonlyMap<string, Date>> {
  const rows = await database.sql<{ queue: string; at: Date }>(
    `select name as queue, max(started_on) as at from ${JOBS_SCHEMA}.job
     where name = any($1::text[]) and started_on is not null group by name`,
    [queues],
  );
  return new Map(rows.map(({ queue, at }) => [queue, at]));
}

/** The error that the table keeps says what kind it was; the rest, which may contain secrets, is in the log. */
export function forTheRecord(error: unknown): Error {
  const { name, code } =
    error instanceof Error ? (error as Error & { code?: unknown }) : { name: 'Error', code: undefined };
  return Object.assign(new Error(typeof code === 'string' ? `${name} ${code}` : name), { stack: '' });
}
