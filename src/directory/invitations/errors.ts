import { AppError, errorType, RETRY_AFTER } from '#kernel/errors.ts';

/** 404: also for an invitation of another organization, and for one that is over. */
export const invitationNotFound = errorType({
  code: 'invitations.not_found',
  status: 404,
  message: 'The organization has no such open invitation.',
});
export const invitedAddressInvalid = errorType({
  code: 'invitations.invalid',
  status: 422,
  message: (email: string) => `${email} is no email address. Enter one like name@example.com.`,
});
export const tooManyInvitations = errorType({
  code: 'invitations.too_many',
  status: 409,
  message: (most: number) => `An organization may have at most ${most} open invitations. Revoke some first.`,
});
const TOO_FAST = 'The organization sent too many invitations in a short time. Try again later.';
/** 429: too many mails for one organization; retry after `seconds`. */
export const invitationsTooFast = Object.assign(
  (seconds: number) =>
    new AppError({
      code: 'invitations.too_fast',
      status: 429,
      message: TOO_FAST,
      details: { [RETRY_AFTER]: seconds },
    }),
  { code: 'invitations.too_fast', status: 429, message: TOO_FAST },
);
