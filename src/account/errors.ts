import { AppError, errorType } from '#kernel/errors.ts';

/** 403: the caller is no user, and has no data of one. */
export const noUser = errorType({
  code: 'account.no_user',
  status: 403,
  message: 'This is about the user of the access token. Call it with the token of a user, through the management API.',
});

/** 404: no app with this client id is connected to the account. */
export const appNotFound = () =>
  new AppError({ code: 'account.app_not_found', status: 404, message: 'This app is not connected.' });

/** 404: the user does not belong to such an organization, or it does not exist. */
export const organizationGone = () =>
  new AppError({
    code: 'account.organization_not_found',
    status: 404,
    message: 'You do not belong to this organization.',
  });
