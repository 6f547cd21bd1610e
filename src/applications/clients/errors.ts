import { AppError, errorType } from '#kernel/errors.ts';
import { listProblems } from '#kernel/operations/input.ts';

type Problems = Readonly<Record<string, string>>;

export const clientNotFound = errorType({
  code: 'clients.not_found',
  status: 404,
  message: 'There is no such client.',
});
export const clientIdTaken = errorType({
  code: 'clients.client_id_taken',
  status: 409,
  message: 'Another client has this client_id. Use another one, or let Latchkey choose.',
});
export const clientIdRetired = errorType({
  code: 'clients.client_id_retired',
  status: 409,
  message: 'A client with this client_id was deleted, and its tokens may still exist. Use another one.',
});
/** `details` names each member of the metadata (RFC 7591) that is wrong. */
export const metadataInvalid = errorType({
  code: 'clients.metadata_invalid',
  status: 422,
  message: (problems: Problems) => `Correct these members: ${listProblems(problems)}.`,
  details: (problems) => problems,
});
/** 403: the client acts for itself with scopes of the management API that the caller does not have. */
export const rightsMissing = errorType({
  code: 'clients.rights_missing',
  status: 403,
  message:
    'This client has scopes of the management API that the caller does not have. Use a caller that has all of them.',
});
export const secretNotUsed = errorType({
  code: 'clients.secret_not_used',
  status: 409,
  message: 'This client does not authenticate with a secret.',
});
export const tooManySecrets = errorType({
  code: 'clients.too_many_secrets',
  status: 409,
  message: 'This client has two valid secrets already. Remove one first, or rotate.',
});
export const secretNotFound = errorType({
  code: 'clients.secret_not_found',
  status: 404,
  message: 'This client has no such secret.',
});
export const lastSecret = errorType({
  code: 'clients.last_secret',
  status: 409,
  message: 'This is the only secret of the client. Add another one first, or rotate.',
});
/** 403: the client did not register itself, so it cannot change itself (RFC 7592). */
export const clientManaged = () =>
  new AppError({
    code: 'clients.not_registered',
    status: 403,
    message: 'This client did not register itself, so it cannot change itself.',
  });

export const apiNotFound = errorType({ code: 'apis.not_found', status: 404, message: 'There is no such API.' });
export const apiTaken = errorType({
  code: 'apis.identifier_taken',
  status: 409,
  message: 'Another API has this identifier.',
});
export const apiInvalid = errorType({
  code: 'apis.invalid',
  status: 422,
  message: (problems: Problems) => `Correct these members: ${listProblems(problems)}.`,
  details: (problems) => problems,
});
export const scopeNotFound = errorType({
  code: 'apis.scope_not_found',
  status: 404,
  message: 'The API has no such scope.',
});
export const scopeTaken = errorType({
  code: 'apis.scope_exists',
  status: 409,
  message: 'The API has a scope of this name.',
});
