import { errorType } from '#kernel/errors.ts';

export const consentNotFound = errorType({
  code: 'consent.not_found',
  status: 404,
  message: 'This person has allowed this client nothing. consent list shows what they allowed.',
});
