import { AppError } from '#kernel/errors.ts';

/** 404: registration is not in the mode `waitlist`. */
export const noWaitlist = () =>
  new AppError({ code: 'waitlist.closed', status: 404, message: 'There is no waitlist here.' });
/** 422: the input of a waitlist command is wrong; `message` gives the reason. */
export const waitlistInvalid = (message: string) => new AppError({ code: 'waitlist.invalid', status: 422, message });
/** 404: the address is not on the waitlist. */
export const notOnWaitlist = (email: string) =>
  new AppError({
    code: 'waitlist.not_found',
    status: 404,
    message: `${email} is not on the waitlist. waitlist list shows who is.`,
  });
