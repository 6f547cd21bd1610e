import { AppError } from '#kernel/errors.ts';

export const appNotFound = () =>
  new AppError({ code: 'account.app_not_found', status: 404, message: 'This app is not connected.' });
export const lastAdministrator = () =>
  new AppError({
    code: 'account.last_administrator',
    status: 409,
    message: 'You are the only administrator. Make somebody else one before you close your account.',
  });
