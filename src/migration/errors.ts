import { errorType } from '#kernel/errors.ts';

/** Another request took an address or an identity between the read and the write: a new read finds it. */
export const changedMeanwhile = errorType({
  code: 'migration.changed_meanwhile',
  status: 409,
  message: 'Another command wrote the same users at the same time. Run the command again.',
});
