import { AppError, errorType, RETRY_AFTER } from '#kernel/errors.ts';

/** 410: the sign-in has ended or belongs to another browser. */
export const signInExpired = (cause?: unknown) =>
  new AppError({
    code: 'oidc.sign_in_expired',
    status: 410,
    message: 'This sign-in has ended or belongs to another browser. Go back to the app and sign in again.',
    cause,
  });
/** Whether an error means that the sign-in has ended. */
export const isSignInExpired = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'oidc.sign_in_expired';
export const registrationTokenInvalid = errorType({
  code: 'oidc.registration_token_invalid',
  status: 422,
  message: (problem: string) => `No token was made: ${problem}.`,
});
/** 413: the request is longer than `limit` characters; a pushed request (RFC 9126) may be longer. */
export const requestTooLong = (limit: number) =>
  new AppError({
    code: 'oidc.request_too_long',
    status: 413,
    message: `The request is longer than ${limit} characters. Use a pushed request (RFC 9126).`,
  });
/** 400: the request object contains NUL or is nested too deeply. */
export const requestUnreadable = () =>
  new AppError({
    code: 'oidc.request_unreadable',
    status: 400,
    message: 'The request object must contain text without NUL and must not be nested deeply.',
  });
/** 429: too many registrations from one IP address; retry after `seconds`. */
export const tooManyRegistrations = (seconds: number) =>
  new AppError({
    code: 'oidc.too_many_registrations',
    status: 429,
    message: 'Too many clients were registered from this address. Try again later.',
    details: { [RETRY_AFTER]: seconds },
  });

export const registrationTokenNotFound = errorType({
  code: 'oidc.registration_token_not_found',
  status: 404,
  message: 'There is no such initial access token.',
});
