import { AppError, errorType, RETRY_AFTER } from '#kernel/errors.ts';

/** 404: also for a domain of another organization. */
export const domainNotFound = errorType({
  code: 'domains.not_found',
  status: 404,
  message: 'The organization has no such domain.',
});
export const domainInvalid = errorType({
  code: 'domains.invalid',
  status: 422,
  message: 'Enter a domain like example.com.',
});
export const domainIsPublicSuffix = errorType({
  code: 'domains.public_suffix',
  status: 422,
  message: 'Others register names below this domain. Enter the domain of the organization itself.',
});
export const domainIsFreeMail = errorType({
  code: 'domains.free_mail',
  status: 422,
  message: 'Everyone can get an email address at this domain, so no organization can own it.',
});
export const connectionMissing = errorType({
  code: 'domains.connection_missing',
  status: 409,
  message: 'The organization has no connection that is ready. Create and enable one first.',
});
export const connectionNotOwned = errorType({
  code: 'domains.connection_unknown',
  status: 422,
  message: (slug: string) => `The organization has no connection ${slug}.`,
});
export const domainExists = errorType({
  code: 'domains.exists',
  status: 409,
  message: 'The organization has this domain already.',
});
export const tooManyDomains = errorType({
  code: 'domains.too_many',
  status: 409,
  message: (most: number) => `An organization may have at most ${most} domains. Remove one first.`,
});
/** 409: the record of the present owner is still in the DNS. */
export const domainOwned = errorType({
  code: 'domains.owned',
  status: 409,
  message:
    'Another organization has verified this domain, and its record is still in the DNS. Remove that record first.',
});
export const recordMissing = errorType({
  code: 'domains.record_missing',
  status: 409,
  message: (name: string) =>
    `The DNS has no TXT record at ${name} with the expected value. A new record can take an hour to be seen.`,
});
export const dnsUnreachable = errorType({
  code: 'domains.dns_unreachable',
  status: 503,
  message: 'The DNS gave no answer. Try again later.',
});
/** 429: too many look-ups for one organization; retry after `seconds`. */
export const tooManyChecks = Object.assign(
  (seconds: number) =>
    new AppError({
      code: 'domains.too_many_checks',
      status: 429,
      message: 'Too many look-ups in a short time. Try again later.',
      details: { [RETRY_AFTER]: seconds },
    }),
  { code: 'domains.too_many_checks', status: 429, message: 'Too many look-ups in a short time. Try again later.' },
);
/** 409: joining needs a verified domain. */
export const joinNotOffered = errorType({
  code: 'domains.join_not_offered',
  status: 409,
  message: 'The organization does not let users with this email address ask to join.',
});
export const joinRefused = errorType({
  code: 'domains.join_refused',
  status: 409,
  message: 'The organization refused the request to join. Ask one of its administrators for an invitation.',
});
/** 404: the user did not ask, or the request is decided already. */
export const joinRequestNotFound = errorType({
  code: 'domains.join_request_not_found',
  status: 404,
  message: 'There is no such open request to join this organization.',
});
