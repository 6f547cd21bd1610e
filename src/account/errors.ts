import { AppError } from '#kernel/errors.ts';

/** 404: no app with this client id is connected to the account. */
export const appNotFound = () =>
  new AppError({ code: 'account.app_not_found', status: 404, message: 'This app is not connected.' });
