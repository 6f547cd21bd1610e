import { AppError, RETRY_AFTER } from '#kernel/errors.ts';
import type { PasswordProblem } from './password-problem.ts';
import { BUSY_SECONDS } from './limits.ts';

const BUSY = 'credentials.busy';

export const hashingBusy = () =>
  new AppError({
    code: BUSY,
    status: 503,
    message: 'Too many people are signing in right now. Try again in a few seconds.',
    details: { [RETRY_AFTER]: BUSY_SECONDS },
  });

/** For `catch` where a page says so itself: the outcome in place of the error. */
export function unavailableWhenBusy(error: unknown): { kind: 'unavailable' } {
  if (error instanceof AppError && error.code === BUSY) return { kind: 'unavailable' };
  throw error;
}

export function passwordRefused(problem: PasswordProblem): AppError {
  const texts = {
    too_short: `Use at least ${problem.kind === 'too_short' ? problem.minimum : ''} characters.`,
    too_long: 'Use at most 256 characters.',
    common: 'This password is too easy to guess. Use another one.',
    breached: 'This password is known from a data breach elsewhere. Use another one.',
    reused: 'This password was used before. Use another one.',
  };
  const { kind: reason, ...details } = problem;
  return new AppError({
    code: `credentials.password_${reason}`,
    status: 422,
    message: texts[reason],
    details: { reason, ...details },
  });
}
export const noPassword = () =>
  new AppError({
    code: 'credentials.no_password',
    status: 409,
    message: 'This user has no password that a new one could replace.',
  });
export const lastWayIn = () =>
  new AppError({
    code: 'credentials.last_way_in',
    status: 409,
    message: 'This is your only way to sign in. Add another one before you remove it.',
  });
export const lastFactor = () =>
  new AppError({
    code: 'credentials.last_factor',
    status: 409,
    message: 'You need a second factor here. Add another one before you remove this one.',
  });
