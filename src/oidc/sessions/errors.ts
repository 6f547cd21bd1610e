import { AppError, errorType } from '#kernel/errors.ts';
import { LATELY } from './limits.ts';

export const sessionNotFound = errorType({
  code: 'sessions.not_found',
  status: 404,
  message: 'There is no such session. session list shows the sessions of a user.',
});
/** For scripts; a page sends the browser to the sign-in instead. */
export const signInRequired = () =>
  new AppError({ code: 'sessions.sign_in_required', status: 401, message: 'Sign in first.' });
/** 403: the act needs a sign-in within the last minutes. */
export const reauthRequired = errorType({
  code: 'sessions.reauth_required',
  status: 403,
  message: 'Sign in again: this act needs a sign-in within the last few minutes. Nothing has changed.',
  details: () => ({ max_age: LATELY }),
});
/** 403: the page is for administrators. */
export const notPermitted = () =>
  new AppError({ code: 'sessions.administrators_only', status: 403, message: 'This page is for administrators.' });
