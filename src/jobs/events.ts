import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

const details = z.strictObject({ queue: z.string() });

export const jobRetried = eventType({
  name: 'job.retried',
  text: 'An operator let a failed or cancelled job be tried again.',
  details,
  audience: ['operator'],
  gravity: 'info',
  webhook: false,
});

export const jobCancelled = eventType({
  name: 'job.cancelled',
  text: 'An operator cancelled a job that waited.',
  details,
  audience: ['operator'],
  gravity: 'notice',
  webhook: false,
});

export const scheduleStarted = eventType({
  name: 'schedule.started',
  text: 'An operator started a scheduled job ahead of its time.',
  details,
  audience: ['operator'],
  gravity: 'info',
  webhook: false,
});
