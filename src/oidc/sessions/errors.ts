import { AppError, errorType } from '#kernel/errors.ts';

export const sessionNotFound = errorType({
  code: 'sessions.not_found',
  status: 404,
  message: 'There is no such session. session list shows those of a user.',
});
/** For scripts; a page sends the browser to the sign-in instead. */
export const signInRequired = () =>
  new AppError({ code: 'sessions.sign_in_required', status: 401, message: 'Sign in first.' });
export const reauthRequired = () =>
  new AppError({
    code: 'sessions.reauth_required',
    status: 403,
    message: 'Prove again who you are: for this the last time must be a few minutes ago at most. Nothing has changed.',
  });
export const notPermitted = () =>
  new AppError({ code: 'sessions.administrators_only', status: 403, message: 'This page is for administrators.' });
