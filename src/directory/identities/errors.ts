import { errorType } from '#kernel/errors.ts';

export const identityNotFound = errorType({
  code: 'identities.not_found',
  status: 404,
  message: 'The user has no such account at a provider. user identities shows the linked accounts of a user.',
});
export const identityTaken = errorType({
  code: 'identities.taken',
  status: 409,
  message: 'Another user has linked this account of the provider. Unlink it there first.',
});
