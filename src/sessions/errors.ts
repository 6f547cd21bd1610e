import { AppError } from '#kernel/errors.ts';

export const sessionNotFound = () =>
  new AppError({
    code: 'sessions.not_found',
    status: 404,
    message: 'There is no such session. session list shows those of a user.',
  });
export const sessionInvalid = (message: string) => new AppError({ code: 'sessions.invalid', status: 422, message });
