import { AppError } from '#kernel/errors.ts';
import { RETRY_AFTER } from '#kernel/http/error-boundary.ts';

export const appNotFound = () =>
  new AppError({ code: 'account.app_not_found', status: 404, message: 'This app is not connected.' });
export const lastAdministrator = () =>
  new AppError({
    code: 'account.last_administrator',
    status: 409,
    message: 'You are the only administrator. Make somebody else one before you close your account.',
  });
export const tooManyPictures = (seconds: number) =>
  new AppError({
    code: 'account.too_many_pictures',
    status: 429,
    message: 'Too many pictures in a short time. Try again later.',
    details: { [RETRY_AFTER]: seconds },
  });
