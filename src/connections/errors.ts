import { errorType, RETRY_AFTER } from '#kernel/errors.ts';
import { listNames } from '#directory/users/errors.ts';
import { MOST_CONNECTIONS } from './limits.ts';

export const connectionNotFound = errorType({
  code: 'connections.not_found',
  status: 404,
  message: 'There is no such connection.',
});
/** 404: unknown, disabled and unfinished connections look the same to a visitor. */
export const connectionNotOffered = errorType({
  code: 'connections.not_offered',
  status: 404,
  message: 'This way to sign in is not available. Choose another one.',
});
/** 503: the provider cannot be asked now. */
export const providerUnreachable = errorType({
  code: 'connections.unreachable',
  status: 503,
  message: 'The identity provider does not answer. Try again later, or choose another way to sign in.',
});
/** 404: the connection keeps none, the user has none there, or the one that was there is used up. */
export const noUpstreamToken = errorType({
  code: 'connections.no_token',
  status: 404,
  message: 'There is no token. Let the user sign in with this provider, where its connection keeps tokens.',
});
/** 403: also for a connection that does not exist or is disabled. */
export const tokenClientRefused = errorType({
  code: 'connections.client_not_permitted',
  status: 403,
  message: 'The connection lets this client fetch no tokens. Name the client in its token_clients.',
});
/** 409: the user has none there, or the provider does not renew the one that was there. */
export const upstreamSignInNeeded = errorType({
  code: 'connections.sign_in_again',
  status: 409,
  message: 'There is no token that is valid. Let the user sign in with this provider again.',
});
export const tooManyTokenFetches = errorType({
  code: 'connections.too_many_token_fetches',
  status: 429,
  message: (_seconds: number) => 'Too many tokens of this user were fetched. Keep a token until it expires.',
  details: (seconds: number) => ({ [RETRY_AFTER]: seconds }),
});
export const connectionOfEnvironment = errorType({
  code: 'connections.of_environment',
  status: 409,
  message: 'Environment variables configure this connection. Change them, and start Latchkey again.',
});
export const slugTaken = errorType({
  code: 'connections.slug_taken',
  status: 409,
  message: 'Another connection has this slug. Choose another one.',
});
export const tooManyConnections = errorType({
  code: 'connections.too_many',
  status: 409,
  message: `The instance or an organization may have at most ${MOST_CONNECTIONS} connections. Delete one first.`,
});
export const connectionInvalid = errorType<[problem: string]>({
  code: 'connections.invalid',
  status: 422,
  message: (problem) => `The connection cannot work: ${problem}.`,
});
export const entityTaken = errorType({
  code: 'connections.entity_taken',
  status: 409,
  message: 'The organization, or the instance, has another connection to this identity provider. Change that one.',
});
/** 409: `details` names the first of the users. */
export const connectionLastWay = errorType<[users: readonly { id: string; name: string }[]]>({
  code: 'connections.last_way_in',
  status: 409,
  message: (users) =>
    `Nothing else signs in ${listNames(users)}, and no mail reaches them. Give them an email address or a password first, or insist (force).`,
  details: (users) => ({ users }),
});
/** 409: users with an email address of these domains could sign in no more. */
export const connectionDemanded = errorType<[domains: readonly string[]]>({
  code: 'connections.demanded',
  status: 409,
  message: (domains) =>
    `It is the last connection of its organization, and these domains demand one: ${domains.join(', ')}. Change their sign-in first, or insist (force).`,
  details: (domains) => ({ domains }),
});
