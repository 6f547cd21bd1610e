import { AppError, errorType, RETRY_AFTER } from '#kernel/errors.ts';
import type { PasswordProblem } from './passwords/password-problem.ts';
import { BUSY_SECONDS } from './limits.ts';

const BUSY = 'credentials.busy';

export const hashingBusy = errorType({
  code: BUSY,
  status: 503,
  message: 'Too many users are signing in right now. Try again in a few seconds.',
  details: () => ({ [RETRY_AFTER]: BUSY_SECONDS }),
});

/** For `catch` where a page says so itself: the outcome in place of the error. */
export function unavailableWhenBusy(error: unknown): { kind: 'unavailable' } {
  if (error instanceof AppError && error.code === BUSY) return { kind: 'unavailable' };
  throw error;
}

const passwordError = (kind: PasswordProblem['kind'], message: string | ((problem: PasswordProblem) => string)) =>
  errorType({
    code: `credentials.password_${kind}`,
    status: 422,
    message: (problem: PasswordProblem) => (typeof message === 'string' ? message : message(problem)),
    details: ({ kind: reason, ...details }) => ({ reason, ...details }),
  });
/** One error for each reason for which policy refuses a password. */
export const passwordErrors = {
  too_short: passwordError(
    'too_short',
    (problem) => `Use at least ${problem.kind === 'too_short' ? problem.minimum : ''} characters.`,
  ),
  too_long: passwordError('too_long', 'Use at most 256 characters.'),
  common: passwordError('common', 'This password is too easy to guess. Use another one.'),
  breached: passwordError('breached', 'This password is known from a data breach elsewhere. Use another one.'),
  reused: passwordError('reused', 'This password was used before. Use another one.'),
} as const satisfies Record<PasswordProblem['kind'], unknown>;
/** 422: the new password is not accepted; the code names the problem. */
export const passwordRefused = (problem: PasswordProblem): AppError => passwordErrors[problem.kind](problem);
export const noPassword = errorType({
  code: 'credentials.no_password',
  status: 409,
  message: 'This user has no password that a new one could replace.',
});
/** 409: the last sign-in method cannot be removed. */
export const lastWayIn = errorType({
  code: 'credentials.last_way_in',
  status: 409,
  message: 'This is the only way to sign in to this account. Add another one before you remove it.',
});
/** 409: the last second factor cannot be removed because one is required. */
export const lastFactor = errorType({
  code: 'credentials.last_factor',
  status: 409,
  message: 'This account needs a second factor. Add another one before you remove this one.',
});
export const passkeyNotFound = errorType({
  code: 'credentials.passkey_not_found',
  status: 404,
  message: 'The user has no such passkey. user passkeys shows the passkeys of a user.',
});
export const totpNotFound = errorType({
  code: 'credentials.totp_not_found',
  status: 404,
  message: 'The user has no authenticator app.',
});
export const recoveryCodesNotFound = errorType({
  code: 'credentials.recovery_codes_not_found',
  status: 404,
  message: 'The user has no recovery codes.',
});
export const trustedBrowserNotFound = errorType({
  code: 'credentials.trusted_browser_not_found',
  status: 404,
  message: 'The user trusts no such browser. user trusted-browsers shows the trusted browsers of a user.',
});
