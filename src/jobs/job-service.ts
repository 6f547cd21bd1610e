import type { AuditLog, By } from '#audit/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, type Id, toUuid } from '#kernel/ids.ts';
import type { Jobs } from '#kernel/jobs.ts';
import {
  findJob,
  hasWaitingTwin,
  type JobRow,
  lockJob,
  lockQueue,
  newestOpenJob,
  readJobs,
  readLastRuns,
} from '#kernel/jobs/job-table.ts';
import type { Page, PageRequest } from '#kernel/operations/list-operation.ts';
import { jobNotFailed, jobNotFound, jobNotWaiting, jobReplaced, scheduleBusy, scheduleNotFound } from './errors.ts';
import { jobCancelled, jobRetried, scheduleStarted } from './events.ts';

export type JobDependencies = {
  database: Pick<Database, 'sql' | 'transaction'>;
  jobs: Pick<Jobs, 'queues' | 'schedules' | 'send' | 'retry' | 'cancel'>;
  audit: Pick<AuditLog, 'record'>;
};

type JobId = Id<'job'>;

type ScheduleFacts = { queue: string; cron: string; next: Date | null; last: Date | null };

/** Jobs and schedules for operators: what waits, runs and failed. The queues of the job software itself are no part of it. */
export class JobService {
  readonly #deps: JobDependencies;

  constructor(dependencies: JobDependencies) {
    this.#deps = dependencies;
  }

  /** A page of the jobs that match. */
  page(filters: Parameters<typeof readJobs>[2], page: PageRequest): Promise<Page<JobRow>> {
    const { database, jobs } = this.#deps;
    return readJobs(database, jobs.queues(), filters, page);
  }

  /** Throws jobs.not_found. */
  async require(id: JobId): Promise<JobRow> {
    const { database, jobs } = this.#deps;
    const found = await findJob(database, jobs.queues(), toUuid(id));
    if (found === null) throw jobNotFound(id);
    return found;
  }

  /** Lets a job wait again. Throws jobs.not_found, jobs.not_failed and jobs.replaced. */
  async retry(id: JobId, by: By): Promise<JobRow> {
    return this.#change(id, async (em, job) => {
      const state = await lockJob(em, job);
      if (state !== 'failed' && state !== 'cancelled') throw jobNotFailed();
      await lockQueue(em, job.queue);
      if (state === 'cancelled' && (await hasWaitingTwin(em, job))) throw jobReplaced();
      await this.#deps.jobs.retry(job.queue, job.id, state, em);
      return jobRetried({ ...by, subject: { type: 'job', id }, details: { queue: job.queue } });
    });
  }

  /** Cancels a job before it begins. Throws jobs.not_found and jobs.not_waiting. */
  async cancel(id: JobId, by: By): Promise<JobRow> {
    return this.#change(id, async (em, job) => {
      const state = await lockJob(em, job);
      if (state !== 'created' && state !== 'retry') throw jobNotWaiting();
      await this.#deps.jobs.cancel(job.queue, job.id, em);
      return jobCancelled({ ...by, subject: { type: 'job', id }, details: { queue: job.queue } });
    });
  }

  /** All schedules, with the last run whose job is still kept. */
  async schedules(): Promise<ScheduleFacts[]> {
    const { database, jobs } = this.#deps;
    const schedules = jobs.schedules();
    const lastRuns = await readLastRuns(
      database,
      schedules.map(({ queue }) => queue),
    );
    return schedules.map((schedule) => ({ ...schedule, last: lastRuns.get(schedule.queue) ?? null }));
  }

  /** Starts a scheduled job now, unless one waits or runs. Throws schedules.not_found and schedules.already_running. */
  async run(queue: string, by: By): Promise<JobId> {
    const { audit, database, jobs } = this.#deps;
    if (!jobs.schedules().some((schedule) => schedule.queue === queue)) throw scheduleNotFound(queue);
    return database.transaction(async (em) => {
      await lockQueue(em, queue);
      if ((await newestOpenJob(em, queue)) !== null) throw scheduleBusy();
      await jobs.send(queue, {}, { em });
      const id = fromUuid('job', (await newestOpenJob(em, queue))!);
      await audit.record(em, scheduleStarted({ ...by, subject: { type: 'job', id }, details: { queue } }));
      return id;
    });
  }

  async #change(
    id: JobId,
    act: (em: EntityManager, job: JobRow) => Promise<Parameters<AuditLog['record']>[1]>,
  ): Promise<JobRow> {
    const { audit, database } = this.#deps;
    const job = await this.require(id);
    await database.transaction(async (em) => audit.record(em, await act(em, job)));
    return this.require(id);
  }
}
