import { errorType } from '#kernel/errors.ts';

export const invitationRefused = errorType({
  code: 'registration.invitation_refused',
  status: 409,
  message: (email: string) => `${email} has an account already.`,
});
export const invitationInvalid = errorType({
  code: 'registration.invitation_invalid',
  status: 422,
  message: (email: string) => `${email} is no email address. Enter one like name@example.com.`,
});
/** 404: also for one that was used, or revoked. */
export const invitationNotFound = errorType({
  code: 'registration.invitation_not_found',
  status: 404,
  message: 'There is no such invitation, or it was used or revoked. Create a new one.',
});
