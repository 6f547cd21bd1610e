import { AppError } from '#kernel/errors.ts';

export const appNotFound = () =>
  new AppError({ code: 'account.app_not_found', status: 404, message: 'This app is not connected.' });
