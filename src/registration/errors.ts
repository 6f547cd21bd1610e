import { AppError } from '#kernel/errors.ts';

export const registrationClosed = () =>
  new AppError({
    code: 'registration.closed',
    status: 409,
    message: 'Nobody can create an account here. Set registration.mode to invitation, or add people with user create.',
  });
export const invitationRefused = (email: string) =>
  new AppError({ code: 'registration.invitation_refused', status: 409, message: `${email} has an account already.` });
export const invitationInvalid = (email: string) =>
  new AppError({
    code: 'registration.invitation_invalid',
    status: 422,
    message: `${email} is no email address. Enter one like name@example.com.`,
  });
