import { errorType } from '#kernel/errors.ts';

export const userNotFound = errorType({
  code: 'mfa.user_not_found',
  status: 404,
  message: 'There is no such user. Ids look like usr_01h455vb4pex5vsknk084sn02q.',
});
