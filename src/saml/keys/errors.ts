import { errorType } from '#kernel/errors.ts';

export const samlKeyNotFound = errorType({
  code: 'saml.key_not_found',
  status: 404,
  message: 'There is no such key for SAML.',
});
