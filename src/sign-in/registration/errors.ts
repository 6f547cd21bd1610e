import { errorType } from '#kernel/errors.ts';

export const registrationClosed = errorType({
  code: 'registration.closed',
  status: 409,
  message: 'Registration is closed. Set registration.mode to invitation, or create users with user create.',
});
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
