import { AppError, errorType, RETRY_AFTER } from '#kernel/errors.ts';

export const signInExpired = (cause?: unknown) =>
  new AppError({
    code: 'oidc.sign_in_expired',
    status: 410,
    message: 'This sign-in is over or belongs to another browser. Go back to the app and sign in again.',
    cause,
  });
export const isSignInExpired = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'oidc.sign_in_expired';
export const registrationTokenInvalid = errorType({
  code: 'oidc.registration_token_invalid',
  status: 422,
  message: (problem: string) => `No token was made: ${problem}.`,
});
export const requestTooLong = (limit: number) =>
  new AppError({
    code: 'oidc.request_too_long',
    status: 413,
    message: `The request is longer than ${limit} characters. Push it first (RFC 9126), then it is short.`,
  });
export const requestUnreadable = () =>
  new AppError({
    code: 'oidc.request_unreadable',
    status: 400,
    message: 'The request object must hold text without NUL, and must not be nested deeply.',
  });
export const tooManyRegistrations = (seconds: number) =>
  new AppError({
    code: 'oidc.too_many_registrations',
    status: 429,
    message: 'Too many clients were registered from this address. Try again later.',
    details: { [RETRY_AFTER]: seconds },
  });
