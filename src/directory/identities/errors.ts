import { errorType } from '#kernel/errors.ts';

export const identityTaken = errorType({
  code: 'identities.taken',
  status: 409,
  message: 'Another user has linked this account of the provider. Unlink it there first.',
});
