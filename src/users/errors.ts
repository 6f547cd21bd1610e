import { AppError, RETRY_AFTER } from '#kernel/errors.ts';

export const emailTaken = () =>
  new AppError({
    code: 'users.email_taken',
    status: 409,
    message: 'Another user has this email address. Use another one.',
  });
export const emailInvalid = () =>
  new AppError({ code: 'users.email_invalid', status: 422, message: 'Enter an email address like name@example.com.' });
export const userNotFound = () =>
  new AppError({ code: 'users.not_found', status: 404, message: 'There is no such user.' });
export const lastAdministrator = () =>
  new AppError({
    code: 'users.last_administrator',
    status: 409,
    message: 'This user is the only administrator. Make another user one before this account is closed.',
  });
export const tooManyPictures = (seconds: number) =>
  new AppError({
    code: 'users.too_many_pictures',
    status: 429,
    message: 'Too many pictures in a short time. Try again later.',
    details: { [RETRY_AFTER]: seconds },
  });
export const propertiesInvalid = (message: string) =>
  new AppError({ code: 'users.properties_invalid', status: 422, message });
export const profileInvalid = (details: Record<string, string>) =>
  new AppError({
    code: 'users.profile_invalid',
    status: 422,
    message: `Correct these members: ${Object.entries(details)
      .map(([name, text]) => `${name} ${text}`)
      .join('; ')}.`,
    details,
  });
