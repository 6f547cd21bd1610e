import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { fromUuid } from '#kernel/ids.ts';
import { type JobRow, jobStates } from '#kernel/jobs/job-table.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { jobNotFailed, jobNotFound, jobNotWaiting, jobReplaced, scheduleBusy, scheduleNotFound } from './errors.ts';
import { jobCancelled, jobRetried, scheduleStarted } from './events.ts';
import type { JobService } from './job-service.ts';

type Services = {
  administration: Pick<JobService, 'page' | 'require' | 'retry' | 'cancel' | 'schedules' | 'run'>;
};

const params = { job_id: idSchema('job') };
const queueName = z.string().min(1).max(100);

const jobSchema = z.strictObject({
  id: idSchema('job'),
  queue: z.string().describe('The kind of work'),
  state: z.enum(jobStates).describe('created waits for its first attempt, retry for another one'),
  attempts: z.int().describe('Attempts that began'),
  retry_limit: z.int().describe('Attempts after the first'),
  created_at: timeSchema,
  start_after: timeSchema.describe('The next attempt begins no sooner'),
  started_at: timeSchema.nullable(),
  completed_at: timeSchema.nullable(),
  last_error: z.string().nullable().describe('The kind of the last error; the log says more'),
});

const listJobs = listOperation({
  name: 'jobs.list',
  permission: 'jobs.read',
  filters: {
    queue: queueName.optional().describe('Only jobs of this queue, such as mail'),
    state: z.enum(jobStates).optional().describe('Only jobs in this state'),
  },
  sorts: ['created_at'],
  isDescendingUnlessSaid: true,
  items: 'jobs',
  item: jobSchema,
  description: 'List jobs that wait, run or ended within a day, newest first. The data of a job is never shown.',
  example: { state: 'failed', limit: 20 },
  run: async (filters, page, _by: By, { administration }: Services) => {
    const { items, ...others } = await administration.page(filters, page);
    return { ...others, items: items.map(jobOnWire) };
  },
});

const readJob = operation({
  name: 'jobs.read',
  permission: 'jobs.read',
  params,
  output: jobSchema,
  errors: [jobNotFound],
  description: 'Show a job, without its data.',
  run: async ({ job_id }, _by: By, { administration }: Services) => jobOnWire(await administration.require(job_id)),
});

const retryJob = operation({
  name: 'jobs.retry',
  permission: 'jobs.manage',
  params,
  output: jobSchema,
  errors: [jobNotFound, jobNotFailed, jobReplaced],
  event: jobRetried,
  description: 'Try a job again that failed or was cancelled. A failed one gets one more attempt.',
  run: async ({ job_id }, by: By, { administration }: Services) => jobOnWire(await administration.retry(job_id, by)),
});

const cancelJob = operation({
  name: 'jobs.cancel',
  permission: 'jobs.manage',
  params,
  output: jobSchema,
  errors: [jobNotFound, jobNotWaiting],
  event: jobCancelled,
  description: 'Cancel a job that waits for its first or another attempt.',
  run: async ({ job_id }, by: By, { administration }: Services) => jobOnWire(await administration.cancel(job_id, by)),
});

const listSchedules = listOperation({
  name: 'schedules.list',
  permission: 'jobs.read',
  sorts: ['queue'],
  items: 'schedules',
  item: z.strictObject({
    queue: z.string().describe('The kind of work, which is the queue of its jobs'),
    cron: z.string().describe('Five fields of cron, in UTC'),
    next_run_at: timeSchema.nullable(),
    last_run_at: timeSchema.nullable().describe('Null where the last run ended more than a day ago'),
  }),
  description: 'List the work that runs on a schedule.',
  example: { limit: 20 },
  run: async (_filters, page, _by: By, { administration }: Services) => {
    const { items, ...others } = pageOfAll(await administration.schedules(), page, ({ queue }) => queue);
    return {
      ...others,
      items: items.map(({ queue, cron, next, last }) => ({
        queue,
        cron,
        next_run_at: timeOnWire(next),
        last_run_at: timeOnWire(last),
      })),
    };
  },
});

const runSchedule = operation({
  name: 'schedules.run',
  permission: 'jobs.manage',
  params: { queue: queueName },
  output: z.strictObject({ queue: z.string(), job_id: idSchema('job') }),
  errors: [scheduleNotFound, scheduleBusy],
  event: scheduleStarted,
  description: 'Start scheduled work now, unless a job of it waits or runs. The schedule stays as it is.',
  run: async ({ queue }, by: By, { administration }: Services) => ({
    queue,
    job_id: await administration.run(queue, by),
  }),
});

function jobOnWire(job: JobRow): z.input<typeof jobSchema> {
  const { id, queue, state, attempts, retryLimit, createdAt, startAfter, startedAt, completedAt, lastError } = job;
  return {
    id: fromUuid('job', id),
    queue,
    state,
    attempts,
    retry_limit: retryLimit,
    created_at: createdAt.toISOString(),
    start_after: startAfter.toISOString(),
    started_at: timeOnWire(startedAt),
    completed_at: timeOnWire(completedAt),
    last_error: lastError,
  };
}

const timeOnWire = (time: Date | null): string | null => time?.toISOString() ?? null;

export const jobOperations = [listJobs, readJob, retryJob, cancelJob, listSchedules, runSchedule];
