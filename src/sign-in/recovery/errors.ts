import { errorType } from '#kernel/errors.ts';

/** 409: there is nowhere to mail the link to. */
export const noAddress = errorType({
  code: 'recovery.no_address',
  status: 409,
  message: 'This user has no email address. Set a temporary password instead.',
});
export const userDisabled = errorType({
  code: 'recovery.user_disabled',
  status: 409,
  message: 'This user is disabled. Enable the user first.',
});
/** 409: a connection of the organization signs the user in, and nothing else. */
export const signsInElsewhere = errorType({
  code: 'recovery.signs_in_elsewhere',
  status: 409,
  message:
    'This user signs in at the identity provider of an organization alone, so that a password would open nothing.',
});
/** 429: the mailbox has received enough of these mails. */
export const tooManyMails = errorType({
  code: 'recovery.too_many_mails',
  status: 429,
  message: 'This user has received too many of these mails. Try again in a quarter of an hour.',
});
