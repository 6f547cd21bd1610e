import { AppError } from '#kernel/errors.ts';

export const importInvalid = (reason: string) =>
  new AppError({ code: 'migration.invalid', status: 422, message: reason });
/** Somebody took an address or an identity between the look and the write: looking again finds it. */
export const changedMeanwhile = () =>
  new AppError({
    code: 'migration.changed_meanwhile',
    status: 409,
    message: 'Somebody else wrote the same people at the same time. Run the command again.',
  });
