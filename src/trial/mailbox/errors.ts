import { AppError } from '#kernel/errors.ts';

/** 404: the mailbox has no mail with this id. */
export const mailNotFound = () =>
  new AppError({
    code: 'mailbox.not_found',
    status: 404,
    message: 'There is no such mail. Newer mails replace older ones.',
  });
