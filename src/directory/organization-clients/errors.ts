import { errorType } from '#kernel/errors.ts';

export const clientNotFound = errorType({
  code: 'organizations.client_not_found',
  status: 404,
  message: 'The organization allows no such client.',
});
export const clientUnknown = errorType({
  code: 'organizations.client_unknown',
  status: 404,
  message: 'There is no such client.',
});
/** 409: users sign in at other clients, and the organization is then the one of the sign-in. */
export const clientNotMachine = errorType({
  code: 'organizations.client_not_machine',
  status: 409,
  message: 'The client cannot ask for tokens of its own: it lacks the grant type client_credentials.',
});
export const tooManyClients = errorType({
  code: 'organizations.too_many_clients',
  status: 409,
  message: (most: number) => `An organization may allow at most ${most} clients. Remove one first.`,
});
