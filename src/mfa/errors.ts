import { AppError } from '#kernel/errors.ts';

export const userNotFound = () =>
  new AppError({
    code: 'mfa.user_not_found',
    status: 404,
    message: 'There is no such user. Ids look like usr_01h455vb4pex5vsknk084sn02q.',
  });
export const reasonMissing = () =>
  new AppError({
    code: 'mfa.reason_missing',
    status: 422,
    message: 'Say why in at least four characters: it goes into the record and to the person.',
  });
