import { AppError } from '#kernel/errors.ts';

export const hashingBusy = () =>
  new AppError({
    code: 'credentials.busy',
    status: 503,
    message: 'Too many people are signing in right now. Try again in a few seconds.',
    details: { retry_after: 5 },
  });
export const passwordRefused = (reason: 'too_short' | 'too_long' | 'common', details: Record<string, unknown> = {}) => {
  const texts = {
    too_short: `Use at least ${String(details['minimum'] ?? '')} characters.`,
    too_long: 'Use at most 256 characters.',
    common: 'This password is too easy to guess. Use another one.',
  };
  return new AppError({
    code: `credentials.password_${reason}`,
    status: 422,
    message: texts[reason],
    details: { reason, ...details },
  });
};
export const lastFactor = () =>
  new AppError({
    code: 'credentials.last_factor',
    status: 409,
    message: 'You need a second factor here. Add another one before you remove this one.',
  });
