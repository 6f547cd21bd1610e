import { errorType } from '#kernel/errors.ts';

export const clientNotFound = errorType({
  code: 'organization_clients.not_found',
  status: 404,
  message: 'The organization allows no such client.',
});
export const clientUnknown = errorType({
  code: 'organization_clients.unknown_client',
  status: 404,
  message: 'There is no such client.',
});
/** 409: users sign in at other clients, and the organization is then the one of the sign-in. */
export const clientNotMachine = errorType({
  code: 'organization_clients.not_a_machine',
  status: 409,
  message: 'The client cannot ask for tokens of its own: it lacks the grant type client_credentials.',
});
export const tooManyClients = errorType({
  code: 'organization_clients.too_many',
  status: 409,
  message: (most: number) => `An organization may allow at most ${most} clients. Remove one first.`,
});
