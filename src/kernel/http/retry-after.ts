/** The header that says when to come back (RFC 9110 §10.2.3), in whole seconds and at least one. No other file names it. */
export const retryAfter = (seconds: number): { 'Retry-After': string } => ({
  'Retry-After': String(Math.max(1, Math.ceil(seconds))),
});
