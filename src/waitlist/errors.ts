import { AppError } from '#kernel/errors.ts';

export const noWaitlist = () =>
  new AppError({ code: 'waitlist.closed', status: 404, message: 'There is no waitlist here.' });
export const waitlistInvalid = (message: string) => new AppError({ code: 'waitlist.invalid', status: 422, message });
export const notOnWaitlist = (email: string) =>
  new AppError({
    code: 'waitlist.not_found',
    status: 404,
    message: `${email} is not on the waitlist. waitlist list shows who is.`,
  });
