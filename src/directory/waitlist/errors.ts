import { AppError, errorType } from '#kernel/errors.ts';

/** 404: registration is not in the mode `waitlist`. */
export const noWaitlist = () =>
  new AppError({ code: 'waitlist.closed', status: 404, message: 'There is no waitlist here.' });
/** 404: the address is not on the waitlist. */
export const notOnWaitlist = errorType({
  code: 'waitlist.not_found',
  status: 404,
  message: (email: string) => `${email} is not on the waitlist. waitlist list shows who is.`,
});
