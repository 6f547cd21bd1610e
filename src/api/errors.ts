import { type AppError, errorType, RETRY_AFTER } from '#kernel/errors.ts';

const wait = (seconds: number) => ({ [RETRY_AFTER]: seconds });

/** Refusals of the door itself, by the error code of RFC 6750 §3.1, RFC 9449 §7.1 and §9. */
const tokenErrors = {
  invalid_token: errorType({
    code: 'api.invalid_token',
    status: 401,
    message: 'Send an access token for urn:latchkey:api that is valid now, in the header Authorization.',
  }),
  invalid_dpop_proof: errorType({
    code: 'api.invalid_dpop_proof',
    status: 401,
    message: 'The access token is bound to a key. Send a new DPoP proof of it for this request.',
  }),
  use_dpop_nonce: errorType({
    code: 'api.use_dpop_nonce',
    status: 401,
    message: 'Make the DPoP proof with the nonce of the header DPoP-Nonce.',
  }),
  invalid_request: errorType({
    code: 'api.invalid_request',
    status: 400,
    message: 'Send the access token once, in the header Authorization: Bearer TOKEN, or DPoP TOKEN with a proof.',
  }),
} as const;

/** By a code of OAuth; every code that is not known here means that the token is not valid. */
export function tokenRefused(error: string): AppError {
  return Object.hasOwn(tokenErrors, error) ? tokenErrors[error as keyof typeof tokenErrors]() : invalidToken();
}

export const invalidToken = tokenErrors.invalid_token;
export const useDpopNonce = tokenErrors.use_dpop_nonce;
export const permissionMissing = errorType({
  code: 'api.insufficient_scope',
  status: 403,
  message: (scope: string) =>
    `This needs an access token with the scope ${scope}, and a user or client that has this permission now.`,
  details: (scope: string) => ({ scope }),
});
export const tooManyCalls = errorType({
  code: 'api.too_many_calls',
  status: 429,
  message: (_seconds: number) => 'Too many calls in a short time. Try again later.',
  details: wait,
});
export const tooManyRefusedTokens = errorType({
  code: 'api.too_many_refused_tokens',
  status: 429,
  message: (_seconds: number) => 'Too many access tokens from this address were refused. Try again later.',
  details: wait,
});
export const unexpectedBody = errorType({
  code: 'api.unexpected_body',
  status: 400,
  message: 'This method takes no body. Give the members in the query.',
});
export const conditionInvalid = errorType({
  code: 'api.precondition_invalid',
  status: 400,
  message:
    'If-Match and If-None-Match take entity tags in their quotes as a read gives them, several with commas between, or *.',
});
export const conditionNotTaken = errorType({
  code: 'api.precondition_not_taken',
  status: 400,
  message: 'No read gives an entity tag for what this changes, so it takes no If-Match.',
});
export const conditionStale = errorType({
  code: 'api.precondition_failed',
  status: 412,
  message: 'The object has another version than the request names. Read it again and decide by what it says now.',
});
export const objectBusy = errorType({
  code: 'api.object_busy',
  status: 409,
  message: (_seconds: number) => 'Other calls are changing this object. Try again shortly.',
  details: wait,
});
export const idempotencyKeyInvalid = errorType({
  code: 'api.idempotency_key_invalid',
  status: 400,
  message: 'Send one Idempotency-Key of 1 to 255 printable ASCII characters without spaces, such as a random UUID.',
});
export const idempotencyKeyInUse = errorType({
  code: 'api.idempotency_key_in_use',
  status: 409,
  message: (_seconds: number) => 'A call with this Idempotency-Key has not ended yet. Try again shortly.',
  details: wait,
});
export const idempotencyKeyReused = errorType({
  code: 'api.idempotency_key_reused',
  status: 422,
  message: 'This Idempotency-Key was sent with another request. Take a new one for each request that is meant once.',
});
/** For ids that cannot be of anything, where the operation names no error of its own for what is missing. */
export const notFound = errorType({ code: 'api.not_found', status: 404, message: 'There is nothing of this id.' });

/** Responses before an operation runs, for the document. */
export const doorErrors = [
  ...Object.values(tokenErrors),
  permissionMissing,
  tooManyCalls,
  tooManyRefusedTokens,
] as const;
