import { AppError } from '#kernel/errors.ts';

export const consentNotFound = () =>
  new AppError({
    code: 'consent.not_found',
    status: 404,
    message: 'This person has allowed this client nothing. consent list shows what they allowed.',
  });
export const consentInvalid = (message: string) => new AppError({ code: 'consent.invalid', status: 422, message });
