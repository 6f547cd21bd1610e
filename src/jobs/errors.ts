import { errorType } from '#kernel/errors.ts';

/** 404: no job has this id, or it was removed a day after its end. */
export const jobNotFound = errorType({
  code: 'jobs.not_found',
  status: 404,
  message: (id: string) => `There is no job ${id}. Jobs are removed a day after their end.`,
});

/** 409: the job neither failed nor was cancelled. */
export const jobNotFailed = errorType({
  code: 'jobs.not_failed',
  status: 409,
  message: 'Only a job that failed or was cancelled can be tried again.',
});

/** 409: the job runs or has ended. */
export const jobNotWaiting = errorType({
  code: 'jobs.not_waiting',
  status: 409,
  message: 'Only a job that waits can be cancelled.',
});

/** 409: the queue takes one waiting job of each kind, and another one waits. */
export const jobReplaced = errorType({
  code: 'jobs.replaced',
  status: 409,
  message: 'Another job for the same work waits already.',
});

/** 404: nothing runs on a schedule under this name. */
export const scheduleNotFound = errorType({
  code: 'schedules.not_found',
  status: 404,
  message: (queue: string) => `There is no schedule ${queue}. schedule list shows them all.`,
});

/** 409: a job of the schedule waits or runs. */
export const scheduleBusy = errorType({
  code: 'schedules.already_running',
  status: 409,
  message: 'A job of this schedule waits or runs already.',
});
