import { errorType } from '#kernel/errors.ts';

export const consentNotFound = errorType({
  code: 'consent.not_found',
  status: 404,
  message: 'This user has not consented to this client. consent list shows the consents of the user.',
});
