import { AppError, errorType } from '#kernel/errors.ts';

/** Asked for keys before the first load: nothing may be signed or published yet. */
export function keysNotLoaded(): AppError {
  return new AppError({
    code: 'keys.not_loaded',
    status: 503,
    message: 'The signing keys are not loaded yet. Try again in a moment.',
  });
}

export const keyNotFound = errorType({ code: 'keys.not_found', status: 404, message: 'There is no such signing key.' });
