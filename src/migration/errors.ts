import { errorType } from '#kernel/errors.ts';

/** Somebody took an address or an identity between the look and the write: looking again finds it. */
export const changedMeanwhile = errorType({
  code: 'migration.changed_meanwhile',
  status: 409,
  message: 'Somebody else wrote the same people at the same time. Run the command again.',
});
